"""What each operation asks of IAM.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from clary.resource.call import Call, Permission
from clary.services.ecr.state import ECR, Document, find, permission


def permissions(call: Call[ECR], request: Document) -> list[Permission]:
    """The request is not validated yet."""
    name = call.operation.name
    keys = _keys(request)
    if isinstance(given := request.get("resourceArn"), str):
        return [_on(call, name, given.partition(":repository/")[2], keys)]
    several = request.get("repositoryNames")
    if isinstance(several, list) and several:
        return [_on(call, name, str(each), keys) for each in several]
    if isinstance(single := request.get("repositoryName"), str):
        wanted = [_on(call, name, single, keys)]
        if name == "CreateRepository" and request.get("tags"):
            wanted.append(_on(call, "TagResource", single, keys))
        return wanted
    if name == "DescribeRepositories":
        return [Permission(f"ecr:{name}", call.arn("repository/*"))]
    return [Permission(f"ecr:{name}")]


def _on(call: Call[ECR], action: str, name: str, keys: dict[str, list[str]]) -> Permission:
    return permission(call, action, name, find(call.platform.store.read(), call.region, name), keys)


def _keys(request: Document) -> dict[str, list[str]]:
    given = request.get("tags")
    tags = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    found = {f"aws:RequestTag/{each.get('Key')}": [str(each.get("Value"))] for each in tags}
    names = [str(each.get("Key")) for each in tags]
    if isinstance(removed := request.get("tagKeys"), list):
        names += map(str, removed)
    return found | ({"aws:TagKeys": names} if names else {})
