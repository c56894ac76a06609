"""Glue's operations, and what each asks of IAM.

A module has the operations of a noun, and under TARGETS what they ask for permission on: the last parts of ARNs, with
members of the request in braces: `{JobName}`, `{ConnectionInput.Name}`; of a list each element. What it takes and does
not act upon is under UNUSED.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from re import findall
from typing import Any

from clary.resource import tags
from clary.resource.call import Call, Caller, Permission, Platform
from clary.resource.service import Document, Service, collect
from clary.services.glue import (
    bookmark,
    catalog,
    connection,
    crawler,
    job,
    run,
    tag,
    trigger,
    workflow,
    workflow_resume,
    workflow_run,
)
from clary.services.glue.bookmark import Bookmarks
from clary.services.glue.catalog.state import resource_policy
from clary.services.glue.conductor import Conductor
from clary.services.glue.crawler.crawls import Crawls
from clary.services.glue.run_logs import Logs
from clary.services.glue.run_recipe import Runs
from clary.services.glue.starting import RECIPE
from clary.services.glue.state import Glue
from clary.services.sagemaker.service import Tools
from clary.store.journal import Journal

MODULES: tuple[Any, ...] = (
    job,
    run,
    bookmark,
    trigger,
    workflow,
    workflow_run,
    workflow_resume,
    connection,
    tag,
    *catalog.MODULES,
    *crawler.MODULES,
)
# Names that are kept in lower case, and the catalog, whose policy has a say in all of them.
FOLDED = ("catalog", "database/", "table/", "userDefinedFunction/")


def build(
    platform: Platform,
    tools: Tools,
    role_arn: Callable[[str], str],
    assume: Callable[[str], Caller],
    journal: Journal,
) -> Service:
    """`role_arn` has the ARN of a role by its name, `assume` the caller that a role's session is. `state.start` is to
    be called once everything is built.
    """
    conductor = Conductor(platform)
    crawls = Crawls(platform, tools.objects, assume, journal, conductor)
    conductor.crawlers = crawls
    runs = Runs(
        tools.images,
        tools.objects,
        tools.where,
        Bookmarks(platform),
        tools.metrics,
        conductor.wake,
        Logs(platform, journal, assume),
        platform.config.glue_workers,
    )
    targets = {name: wanted for module in MODULES for name, wanted in getattr(module, "TARGETS", {}).items()}
    unused = {name: members for module in MODULES for name, members in getattr(module, "UNUSED", {}).items()}

    def close() -> None:
        conductor.close()
        crawls.close()

    return Service(
        "glue",
        collect(MODULES),
        Glue(platform, role_arn, conductor, runs, crawls),
        partial(permissions, targets),
        close=close,
        tick=conductor.tidy,
        unused=unused,
    )


def recipes(service: Service) -> dict[str, Any]:
    """How what runs is run, by the names that its jobs have."""
    return {RECIPE: service.state.recipe}


def permissions(targets: Mapping[str, tuple[str, ...]], call: Call[Any], request: Document) -> list[Permission]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html"""
    action = f"glue:{call.operation.name}"
    asked = _asked(request)
    wanted = targets.get(call.operation.name, ("*",))
    arns = [arn for each in wanted for arn in _arns(call, request, each)]
    policy = resource_policy(call) if "catalog" in wanted else None
    return [Permission(action, arn, tags.Keys(call, arn, asked, ("aws",)), policy) for arn in dict.fromkeys(arns)]


def _arns(call: Call[Any], request: Document, wanted: str) -> list[str]:
    """The request is not validated yet."""
    if wanted == "*":
        return ["*"]
    members = findall(r"{([\w.]+)}", wanted)
    values = [_values(request, member.split(".")) for member in members]
    found = []
    for chosen in product(*values):
        text = wanted
        for member, value in zip(members, chosen, strict=True):
            text = text.replace(f"{{{member}}}", value)
        if text.startswith(FOLDED):
            kind, _, names = text.partition("/")
            text = f"{kind}/{names.lower()}" if names else kind
        found.append(text if text.startswith("arn:") else call.arn(text))
    return found


def _values(request: Any, path: list[str]) -> list[str]:
    for step in path:
        request = request.get(step) if isinstance(request, dict) else None
    if isinstance(request, list):
        return [str(each) for each in request] or ["*"]
    return [request] if isinstance(request, str) and request else ["*"]


def _asked(request: Document) -> dict[str, list[str]]:
    """aws:RequestTag/<key> and aws:TagKeys."""
    given = request.get("Tags") if "Tags" in request else request.get("TagsToAdd")
    pairs = given if isinstance(given, dict) else {}
    keys = [str(key) for key in pairs or request.get("TagsToRemove") or ()]
    context = {f"aws:RequestTag/{key}": [str(value)] for key, value in pairs.items()}
    return {**context, "aws:TagKeys": keys} if keys else context
