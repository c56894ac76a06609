"""Who asks, and whose an access key is."""

from typing import Any

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam import names
from clary.services.iam.identity import Identity


@operation("GetCallerIdentity", inline=True)
def identity(call: Call[Identity], _request: dict[str, Any]) -> dict[str, Any]:
    """Needs no permission. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    caller = call.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


@operation("GetAccessKeyInfo", inline=True)
def key_info(_call: Call[Identity], request: dict[str, Any]) -> dict[str, Any]:
    """Of any access key, existing or not: the account is in its id."""
    try:
        return {"Account": names.account_of(request["AccessKeyId"])}
    except ValueError as error:
        raise AWSError("ValidationError", f"Invalid access key ID: {request['AccessKeyId']}", 400) from error
