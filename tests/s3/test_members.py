"""No member of a request is ignored without a word."""

import re
from pathlib import Path

import clary.services.s3
from clary.services.s3.settings import plain
from clary.wire.models import service_model
from operations import built

CODE = "\n".join(path.read_text() for path in Path(clary.services.s3.__file__).parent.rglob("*.py"))
REFUSING = {*plain.REFUSED, *plain.NEVER, *plain.LOCKS, "RestoreObject"}  # whatever they are asked
HEADERS = {"ContentMD5", "ChecksumAlgorithm", "ContentLength"}  # read as headers, together with the body
# Their names are put together: f"Checksum{algorithm}", f"{prefix}SSECustomerKey", f"CopySource{condition}", …
FAMILIES = ("Checksum", "SSECustomer", "CopySourceIf", "CopySourceSSECustomer", "ObjectLock")


def test_every_member_is_known_or_listed_as_unused() -> None:
    (s3,) = (service for service in built() if service.name == "s3")
    unknown = []
    for name in sorted(s3.operations.keys() - REFUSING):
        shape = service_model("s3").operation_model(name).input_shape
        if shape is None:
            continue
        known = HEADERS | s3.unused.get(name, set())
        if name in plain.PUTS:
            known = known | {shape.serialization["payload"]}
        unknown += [
            f"{name}: {member}"
            for member in shape.members
            if member not in known and not member.startswith(FAMILIES) and not re.search(rf"\b{member}\b", CODE)
        ]
    assert not unknown, "\n".join(unknown)
