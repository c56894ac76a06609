"""From a request to the operation of a service, by the service's model alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.model import OperationModel, ServiceModel

from clary.errors import AWSError, UnknownOperation
from clary.wire import encoding, models
from clary.wire.message import Request

_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]+)")
_SMITHY = re.compile(r"/service/([\w.]+)/operation/(\w+)/?")


@dataclass(slots=True)
class _Candidate:
    """An operation that a path may mean, and what else of the request it asks for."""

    name: str
    labels: list[str]
    literals: dict[str, str]  # query items that stand in the model's URI
    query: list[str]  # names of required query members
    optional: set[str]  # names of all query members
    headers: list[str]  # names of required headers
    deprecated: bool

    def named(self, items: dict[str, str]) -> bool:
        return all(name in items and (not value or items[name] == value) for name, value in self.literals.items())

    def takes(self, names: list[str]) -> bool:
        return all(name in self.literals or name in self.optional for name in names)

    def complete(self, request: Request, items: dict[str, str]) -> bool:
        return all(name in items for name in self.query) and all(name in request.headers for name in self.headers)


@dataclass(slots=True)
class _Step:
    """A node of the tree of paths: where the next segment leads, and what ends here.

    `ends` is by HTTP method and the first of the query items that stand in the model's URI, or "".
    """

    literals: "dict[str, _Step]" = field(default_factory=dict)
    label: "_Step | None" = None
    greedy: "_Step | None" = None
    ends: dict[tuple[str, str], list[_Candidate]] = field(default_factory=dict)


class Router:
    """Finds operations of one service. Costs a pass over the model's operations."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._names = set(model.operation_names)
        self._rest = models.protocol(model) in {"rest-json", "rest-xml"}
        self._root = _Step()
        self._subresources: set[str] = set()
        if self._rest:
            self._grow()

    def match(self, request: Request, path: str | None = None) -> tuple[OperationModel, dict[str, str]]:
        """The operation, and the decoded labels of the path.

        `path` stands for the request's own where a bucket stands in the host (route.bucket_path). Raises
        errors.UnknownOperation, and errors.AWSError InvalidURI if the path is not UTF-8.
        """
        if not self._rest:
            return self.model.operation_model(self._named(request)), {}
        items = dict(request.query_items()) if request.query else {}
        segments = (request.path if path is None else path).split("/")[1:]
        for step, values in _walk(self._root, segments, 0, []):
            if found := self._choose(step, request, items):
                return self.model.operation_model(found.name), dict(zip(found.labels, _decoded(values), strict=True))
        raise UnknownOperation("The specified method is not allowed against this resource.")

    def _choose(self, step: _Step, request: Request, items: dict[str, str]) -> _Candidate | None:
        plain = step.ends.get((request.method, ""), [])
        if not items:
            return next((candidate for candidate in plain if candidate.complete(request, items)), None)
        # `DELETE /b?acl` must not be read as `DELETE /b`.
        special = [name for name in items if name in self._subresources]
        partly = None
        for name in [*items, ""]:
            for candidate in step.ends.get((request.method, name), ()):
                if not candidate.named(items) or not candidate.takes(special):
                    continue
                if candidate.complete(request, items):
                    return candidate
                if name and partly is None:
                    partly = candidate
        return partly

    def _named(self, request: Request) -> str:
        """The operation of an RPC protocol."""
        if target := request.headers.get("x-amz-target"):
            name = target.rpartition(".")[2]
        elif smithy := _SMITHY.fullmatch(request.path):
            name = smithy[2]
        elif found := _ACTION.search(encoding.content(request)) or _ACTION.search(request.query.encode()):
            name = found[1].decode()
        else:
            raise AWSError("MissingAction", "The request is missing an action or a required parameter.", 400)
        if name not in self._names:
            if models.family(self.model) == "query":
                raise UnknownOperation(f"The action {name} is not valid for this web service.")
            raise UnknownOperation(f"The operation {name[:100]} is not known.")
        return name

    def _grow(self) -> None:
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            path, _, query = operation.http["requestUri"].partition("?")
            candidate = _candidate(operation, path, query)
            step = self._root
            for segment in path.rstrip("/").split("/")[1:]:
                if segment.endswith("+}"):
                    step.greedy = step = step.greedy or _Step()
                elif segment.startswith("{"):
                    step.label = step = step.label or _Step()
                else:
                    step = step.literals.setdefault(segment, _Step())
            first = next(iter(candidate.literals), "")
            step.ends.setdefault((operation.http["method"], first), []).append(candidate)
            self._subresources.update(key for key, value in candidate.literals.items() if not value)
        _sort(self._root)


def _candidate(operation: OperationModel, path: str, query: str) -> _Candidate:
    shape = operation.input_shape
    members = shape.members if shape else {}
    required = shape.required_members if shape else []

    def names(place: str, among: Any) -> list[str]:
        found = ((name, members[name].serialization) for name in among)
        return [facts.get("name", name) for name, facts in found if facts.get("location") == place]

    pairs = (item.partition("=") for item in query.split("&") if item)
    return _Candidate(
        operation.name,
        re.findall(r"\{(\w+)\+?\}", path),
        {name: value for name, _, value in pairs},
        names("querystring", required),
        set(names("querystring", members)),
        [name.lower() for name in names("header", required)],
        operation.deprecated,
    )


def _sort(step: _Step) -> None:
    """Most specific first; of equals the one that is not deprecated."""
    for candidates in step.ends.values():
        candidates.sort(key=lambda c: (-len(c.literals), -len(c.query) - len(c.headers), c.deprecated, c.name))
    for below in [*step.literals.values(), step.label, step.greedy]:
        if below:
            _sort(below)


def _walk(step: _Step, segments: list[str], at: int, values: list[str]) -> Iterator[tuple[_Step, list[str]]]:
    """The ends that the segments lead to with the labels' values, most specific first."""
    left = len(segments) - at
    if left == 0 or (left == 1 and segments[at] == ""):
        yield step, values
        return
    segment = segments[at]
    if step.literals:
        below = step.literals.get(segment) or ("%" in segment and step.literals.get(unquote(segment)))
        if below:
            yield from _walk(below, segments, at + 1, values)
    if step.label and segment:
        yield from _walk(step.label, segments, at + 1, [*values, segment])
    if step.greedy:
        inner = bool(step.greedy.literals)
        if inner:
            for end in range(len(segments) - 1, at, -1):
                for literal, below in step.greedy.literals.items():
                    if segments[end] == literal:
                        yield from _walk(below, segments, end + 1, [*values, "/".join(segments[at:end])])
        yield step.greedy, [*values, "/".join(segments[at:])]


def _decoded(values: list[str]) -> list[str]:
    try:
        return [unquote(value, errors="strict") if "%" in value else value for value in values]
    except UnicodeDecodeError as error:
        raise AWSError("InvalidURI", "Couldn't parse the specified URI.", 400) from error
