"""Whether an input meets the model's constraints, and AWS's sentence where it does not.

Most services check before anything else, and name all faults at once: "2 validation errors detected: Value null at
'roleArn' failed to satisfy constraint: Member must not be null; Value …". Two don't, and so neither do we:

- S3 checks by hand, each with a code of its own (InvalidBucketName, InvalidArgument, EntityTooLarge…), which is the
  service's business; but a document that does not meet its published schema is refused as MalformedXML, and what the
  model knows of that schema is which members are required and which texts are enumerated.
- EC2 names the first parameter that is missing. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel

from clary.errors import AWSError, Invalid, Malformed
from clary.wire import models
from clary.wire.constraints import NOT_NULL, Constraint, constraints
from clary.wire.forms import xml
from clary.wire.forms.scalars import Shape

Trail = tuple[Any, str] | None  # (the trail of what holds it, its name)
Check = Callable[[Any, Trail, list[str]], None]

# Where the sentence comes under another code than ValidationException (JSON) or ValidationError (query).
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html and the models' own errors
_CODES = {
    "athena": "InvalidRequestException",
    "ecr": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "sagemaker-runtime": "ValidationError",
}
_SHOWN = 4096  # characters of a value that a sentence repeats

_checks: dict[OperationModel, Check | None] = {}
_compiling = threading.RLock()


def validate(operation: OperationModel, document: dict[str, Any]) -> None:
    """Raises errors.Invalid (or the service's own code) with every fault, errors.Malformed for a body of S3's that
    does not meet its schema, MissingParameter for EC2.
    """
    check = _checks[operation] if operation in _checks else _compile(operation)
    if check is None:
        return
    faults: list[str] = []
    try:
        check(document, None, faults)
    except RecursionError as error:
        raise Malformed("The request nests too deep") from error
    if faults:
        raise _error(operation, faults)


def _error(operation: OperationModel, faults: list[str]) -> AWSError:
    model = operation.service_model
    if model.service_name == "s3":
        return Malformed(xml.MALFORMED)
    if models.protocol(model) == "ec2":
        name = faults[0].partition("'")[2].partition("'")[0]
        return AWSError("MissingParameter", f"The request must contain the parameter {name}", 400)
    count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
    message = count + "; ".join(faults)
    code = _CODES.get(model.service_name)
    return AWSError(code, message, 400) if code else Invalid(message)


def _compile(operation: OperationModel) -> Check | None:
    with _compiling:
        model, shape = operation.service_model, operation.input_shape
        check: Check | None = None
        if shape is not None and model.service_name == "s3":
            payload = shape.serialization.get("payload", "")
            if payload and shape.members[payload].type_name == "structure":
                inner = _Compiler(models.known(model, "schema"), lenient=True).check(shape.members[payload])
                check = inner and _under(payload, inner)
        elif shape is not None:
            compiler = _Compiler(models.known(model, "checks"), only_required=models.protocol(model) == "ec2")
            check = compiler.check(shape)
        _checks[operation] = check
        return check


def _under(member: str, inner: Check) -> Check:
    def check(document: Any, trail: Trail, faults: list[str]) -> None:
        if (value := document.get(member)) is not None:
            inner(value, trail, faults)

    return check


def _path(trail: Trail) -> str:
    parts = []
    while trail:
        trail, name = trail
        parts.append(name)
    return ".".join(reversed(parts))


def _fault(value: Any, trail: Trail, words: str, *, sensitive: bool = False) -> str:
    shown = "" if sensitive else " null" if value is None else f" '{_shown(value)}'"
    return f"Value{shown} at '{_path(trail)}' failed to satisfy constraint: {words}"


def _shown(value: Any) -> str:
    """A value as Java's toString gives it."""
    if isinstance(value, bytes):
        text = f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = f"[{', '.join(map(_shown, value[:_SHOWN]))}]"
    elif isinstance(value, Mapping):
        text = f"{{{', '.join(f'{key}={_shown(item)}' for key, item in list(value.items())[:_SHOWN])}}}"
    else:
        text = "null" if value is None else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


class _Compiler:
    """Makes one function of a shape; None where there is nothing to check, however deep."""

    def __init__(self, known: dict[str, Any], *, lenient: bool = False, only_required: bool = False) -> None:
        self._known = known
        self._lenient = lenient  # required members and enumerations only
        self._only_required = only_required

    def check(self, shape: Shape) -> Check | None:
        own = [] if self._only_required else constraints(shape, only_enum=self._lenient)
        inner: Check | None = None
        if shape.type_name == "structure":
            inner = self._structure(shape)
        elif shape.type_name == "list":
            inner = self._list(shape)
        elif shape.type_name == "map":
            inner = self._map(shape)
        if not own:
            return inner
        return _both(own, inner, sensitive=bool(shape.metadata.get("sensitive")))

    def _structure(self, shape: Shape) -> Check | None:
        if shape.is_document_type:
            return None
        if shape.name in self._known:
            known: Check | None = self._known[shape.name]
            return known
        table: list[tuple[str, str, bool, Check | None]] = []
        self._known[shape.name] = check = _members(table)
        required = {*shape.required_members}
        for member, below in shape.members.items():
            inner = self.check(below)
            if inner or member in required:
                table.append((member, member[:1].lower() + member[1:], member in required, inner))
        if not table:
            self._known[shape.name] = None
        return check if table else None

    def _list(self, shape: Shape) -> Check | None:
        member = shape.member
        if member.type_name not in {"structure", "list", "map"}:
            return self._scalars(shape, member, "Member", list)
        inner = self.check(member)

        def check(value: Any, trail: Trail, faults: list[str]) -> None:
            for number, item in enumerate(value, 1):
                place = ((trail, str(number)), "member")
                if item is None:
                    faults.append(_fault(None, place, NOT_NULL))
                elif inner:
                    inner(item, place, faults)

        return check

    def _map(self, shape: Shape) -> Check | None:
        keys = self._scalars(shape, shape.key, "Map keys", list)
        if shape.value.type_name not in {"structure", "list", "map"}:
            values = self._scalars(shape, shape.value, "Map value", dict.values)
        else:
            values = _each_value(self.check(shape.value))
        found = [check for check in (keys, values) if check]

        def check(value: Any, trail: Trail, faults: list[str]) -> None:
            for one in found:
                one(value, trail, faults)

        return check if found else None

    def _scalars(self, shape: Shape, member: Shape, subject: str, items: Callable[[Any], Any]) -> Check | None:
        """AWS names a list or map of scalars as a whole, with all that its members must satisfy."""
        own = [] if self._only_required else constraints(member, only_enum=self._lenient)
        sparse = shape._shape_model.get("sparse", False)  # noqa: SLF001 - botocore keeps that trait to itself
        words = f"{subject} must satisfy constraint: [{', '.join([text for _, text in own] + [NOT_NULL] * (not own))}]"
        sensitive = bool(shape.metadata.get("sensitive") or member.metadata.get("sensitive"))
        tests = [test for test, _ in own]

        def check(value: Any, trail: Trail, faults: list[str]) -> None:
            for item in items(value):
                if (item is None and not sparse) or (item is not None and not all(test(item) for test in tests)):
                    faults.append(_fault(value, trail, words, sensitive=sensitive))
                    return

        return check


def _members(table: list[tuple[str, str, bool, Check | None]]) -> Check:
    def check(value: Any, trail: Trail, faults: list[str]) -> None:
        for member, name, required, inner in table:
            item = value.get(member)
            if item is None:
                if required:
                    faults.append(_fault(None, (trail, name), NOT_NULL))
            elif inner:
                inner(item, (trail, name), faults)

    return check


def _each_value(inner: Check | None) -> Check | None:
    if inner is None:
        return None

    def check(value: Any, trail: Trail, faults: list[str]) -> None:
        for key, item in value.items():
            if item is not None:
                inner(item, ((trail, key), "member"), faults)

    return check


def _both(own: list[Constraint], inner: Check | None, *, sensitive: bool) -> Check:
    def check(value: Any, trail: Trail, faults: list[str]) -> None:
        for test, words in own:
            if not test(value):
                faults.append(_fault(value, trail, words, sensitive=sensitive))
        if inner:
            inner(value, trail, faults)

    return check
