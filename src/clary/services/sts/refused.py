"""Operations that would need somebody whom we cannot reach: refused by name, with the reason."""

from typing import Any, NoReturn

from clary.errors import AWSError, NotImplementedHere
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.iam.identity import Identity


@operation("AssumeRoleWithWebIdentity", inline=True)
def web_identity(_call: Call[Identity], _request: dict[str, Any]) -> None:
    """It takes an OpenID Connect provider of the account, and this account cannot have one."""
    raise AWSError(
        "InvalidIdentityToken", "No OpenIDConnect provider found in your account for the token's issuer", 400
    )


@operation("AssumeRoleWithSAML", inline=True)
def saml(_call: Call[Identity], _request: dict[str, Any]) -> None:
    """Likewise a SAML provider."""
    raise AWSError("InvalidIdentityToken", "Specified provider doesn't exist", 400)


@operation("DecodeAuthorizationMessage", inline=True)
def decode(_call: Call[Identity], _request: dict[str, Any]) -> None:
    """Our refusals say why in clear, so there is nothing encoded to decode."""
    raise AWSError("InvalidAuthorizationMessageException", "Message is not valid", 400)


@operation("AssumeRoot", inline=True)
def assume_root(_call: Call[Identity], _request: dict[str, Any]) -> NoReturn:
    raise NotImplementedHere("Clary has one account, and no organization whose root could be assumed.")
