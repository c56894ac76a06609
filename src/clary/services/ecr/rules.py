"""What a lifecycle policy says, and which images it would have go: pure, of rows and a time.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

import fnmatch
from dataclasses import dataclass
from typing import Any

import orjson

DAY = 86400
COUNTS = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled")
MEMBERS = {"rulePriority", "description", "selection", "action"}
SELECTION = {"tagStatus", "tagPrefixList", "tagPatternList", "countType", "countUnit", "countNumber", "storageClass"}


class Wrong(Exception):
    """No lifecycle policy; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    digest: str
    tags: tuple[str, ...]
    pushed: float  # seconds since the epoch
    pulled: float  # likewise; 0 if never


@dataclass(frozen=True, slots=True)
class Rule:
    priority: int
    status: str  # tagged, untagged or any
    patterns: tuple[str, ...]
    kind: str  # one of COUNTS
    number: int

    def picks(self, image: Image) -> bool:
        """Whether the image has the tags that the rule is about: one for each of its patterns."""
        if self.status != "tagged":
            return self.status == "any" or not image.tags
        return all(any(fnmatch.fnmatchcase(tag, pattern) for tag in image.tags) for pattern in self.patterns)

    def expires(self, images: list[Image], now: float) -> list[Image]:
        """Of those that it picks."""
        if self.kind == "imageCountMoreThan":
            return sorted(images, key=lambda image: (-image.pushed, image.digest))[self.number :]
        before = now - self.number * DAY
        if self.kind == "sinceImagePulled":
            return [image for image in images if max(image.pulled, image.pushed) < before]
        return [image for image in images if image.pushed < before]


def read(text: str) -> list[Rule]:
    """In the order of their priorities. Raises Wrong."""
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise Wrong(f"unable to parse the policy text as JSON: {error}") from error
    found = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(found, list) or not found or document.keys() != {"rules"}:
        raise Wrong('object has the one property "rules", a list of at least one rule')
    rules = sorted((_rule(each) for each in found), key=lambda rule: rule.priority)
    if len({rule.priority for rule in rules}) != len(rules):
        raise Wrong("each rule must have a rulePriority of its own")
    if any(rule.status == "any" for rule in rules[:-1]):
        raise Wrong('a rule with tagStatus "any" must have the highest rulePriority')
    for kind in ("imageCountMoreThan", "sinceImagePushed"):
        if sum(rule.status == "untagged" and rule.kind == kind for rule in rules) > 1:
            raise Wrong(f'there may be one rule with tagStatus "untagged" and countType "{kind}"')
    return rules


def _rule(given: Any) -> Rule:
    if (
        not isinstance(given, dict)
        or given.keys() - MEMBERS
        or not {"rulePriority", "selection", "action"} <= set(given)
    ):
        raise Wrong("a rule has rulePriority, selection, action and, if you like, description")
    priority, selection, action = given["rulePriority"], given["selection"], given["action"]
    if not _positive(priority):
        raise Wrong("rulePriority is an integer of at least 1")
    if not isinstance(action, dict) or action.get("type") not in {"expire", "transition"}:
        raise Wrong('action has the type "expire"')
    if action["type"] == "transition":
        raise Wrong('the action "transition" is not supported here: there is no archive storage class')
    if action.keys() != {"type"}:
        raise Wrong('the action "expire" has a type alone')
    if not isinstance(selection, dict) or selection.keys() - SELECTION:
        raise Wrong(f"selection has no members but {', '.join(sorted(SELECTION))}")
    if selection.get("storageClass", "standard") != "standard":
        raise Wrong('storageClass "archive" is not supported here')
    return _selected(priority, selection)


def _selected(priority: int, selection: dict[str, Any]) -> Rule:
    status, kind, number = (selection.get(member) for member in ("tagStatus", "countType", "countNumber"))
    if status not in {"tagged", "untagged", "any"}:
        raise Wrong("tagStatus is tagged, untagged or any")
    lists = {member: selection.get(member, []) for member in ("tagPrefixList", "tagPatternList")}
    if not all(isinstance(each, list) and all(isinstance(item, str) for item in each) for each in lists.values()):
        raise Wrong("tagPrefixList and tagPatternList are lists of texts")
    patterns = [f"{prefix}*" for prefix in lists["tagPrefixList"]] + lists["tagPatternList"]
    if bool(patterns) is not (status == "tagged") or (lists["tagPrefixList"] and lists["tagPatternList"]):
        raise Wrong('tagStatus "tagged", and only that, goes with one of tagPrefixList and tagPatternList')
    if any(pattern.count("*") > 4 for pattern in lists["tagPatternList"]):
        raise Wrong("a pattern has four wildcards at most")
    if kind not in COUNTS:
        raise Wrong(f"countType is one of {', '.join(COUNTS)}")
    if not _positive(number):
        raise Wrong("countNumber is an integer of at least 1")
    if (selection.get("countUnit") == "days") is not (kind != "imageCountMoreThan") or (
        kind == "imageCountMoreThan" and "countUnit" in selection
    ):
        raise Wrong('countUnit is "days" for the age of images, and is not given for imageCountMoreThan')
    return Rule(priority, status, tuple(patterns), kind, int(number or 0))


def _positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def expiring(rules: list[Rule], images: list[Image], now: float) -> list[tuple[Image, Rule]]:
    """Which images go, and by which rule. Each rule counts all images that it picks; an image that a rule picks is that
    one's to decide, and no later one's.
    """
    found: list[tuple[Image, Rule]] = []
    decided: set[str] = set()
    for rule in rules:
        picked = [image for image in images if rule.picks(image)]
        found += [(image, rule) for image in rule.expires(picked, now) if image.digest not in decided]
        decided |= {image.digest for image in picked}
    return found
