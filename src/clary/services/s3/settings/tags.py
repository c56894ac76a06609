"""Tags of a bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html"""

from typing import Any

from clary.errors import AWSError

MOST = 50


def check(document: dict[str, Any]) -> dict[str, Any]:
    tags = document.get("TagSet", [])
    if len(tags) > MOST:
        raise AWSError("BadRequest", f"Bucket tag count cannot be greater than {MOST}", 400)
    seen: set[str] = set()
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128:
            raise AWSError("InvalidTag", "The TagKey you have provided is invalid", 400, TagKey=key)
        if len(value) > 256:
            raise AWSError("InvalidTag", "The TagValue you have provided is invalid", 400, TagValue=value)
        if key.startswith("aws:"):
            raise AWSError("InvalidTag", "System tags cannot be added/updated by requester", 400, TagKey=key)
        if key in seen:
            raise AWSError("InvalidTag", "Cannot provide multiple Tags with the same key", 400, TagKey=key)
        seen.add(key)
    return document
