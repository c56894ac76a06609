"""What happens to a request between its bytes and its operation, step by step, in this order: app.py calls them.

Each step reads and fills the exchange, or raises the AWSError that is the answer.
"""

import hashlib
from collections.abc import Callable

from botocore.model import ServiceModel

from clary.errors import AWSError, InvalidAccessKey, MissingAuthentication, NotImplementedHere
from clary.gateway.exchange import Exchange
from clary.resource.call import Call, Platform, Signed
from clary.resource.service import Service
from clary.services.iam.credentials import Credentials
from clary.wire import sigv2, sigv4
from clary.wire.models import service_model
from clary.wire.parse import parse
from clary.wire.route import bucket_path, locate, router, spoken
from clary.wire.signature import UNSIGNED, Signature, seconds_of
from clary.wire.validate import validate

Find = Callable[[str, str | None], Credentials | None]  # by access key id and session token
UNSIGNED_FORMS = ("application/x-www-form-urlencoded", "application/x-amz-json", "application/cbor")


def read_signature(exchange: Exchange) -> None:
    exchange.signature = sigv4.read(exchange.request)


def needs_body_to_route(exchange: Exchange) -> bool:
    """Query services name the operation in the body; so do unsigned callers who say no more than a form does."""
    if exchange.signature is None:
        return exchange.request.headers.get("content-type", "").startswith(UNSIGNED_FORMS)
    return exchange.signature.service != "s3"


def model_of(exchange: Exchange) -> ServiceModel:
    """Whose protocol an error speaks that comes before the service is known: the best guess by the headers."""
    if exchange.model is not None:
        return exchange.model
    try:
        return service_model(locate(exchange.request, exchange.signature.service if exchange.signature else ""))
    except AWSError:  # no service of AWS: any that speaks as the request does
        spoken_json = "amz-json" in exchange.request.headers.get("content-type", "")
        return service_model("sagemaker" if spoken_json else "sts")


def route(exchange: Exchange, services: dict[str, Service]) -> None:
    """Which service, which operation, and whether we have them. UnknownOperation if AWS has not."""
    signature = exchange.signature
    exchange.name = locate(exchange.request, signature.service if signature else "")
    exchange.model = service_model(exchange.name)
    exchange.service = services.get(exchange.name)
    path = bucket_path(exchange.request) if exchange.name == "s3" else exchange.request.path
    exchange.protocol = spoken(exchange.model, exchange.request)
    exchange.operation, exchange.labels = router(exchange.name).match(exchange.request, path)
    if exchange.service is not None:
        exchange.handler = exchange.service.operations.get(exchange.operation.name)


def authenticate(exchange: Exchange, find: Find, platform: Platform) -> None:
    """Who asks, proven by the signature. The body, if it is in memory, is covered by it."""
    signature = exchange.signature
    if signature is None:
        if not _may_be_anonymous(exchange):
            raise MissingAuthentication
        return
    credentials = find(signature.access_key, signature.token)
    if credentials is None:
        raise _unknown_key(signature)
    now = platform.clock()
    credentials.check(signature.token, now)
    if signature.version == 2:
        sigv2.verify(signature, exchange.request, bucket_path(exchange.request), credentials.secret, now)
    else:
        skew = platform.config.clock_skew
        sigv4.verify(signature, exchange.request, credentials.secret, _digest(exchange), now, skew)
    exchange.caller, exchange.secret = credentials.caller, credentials.secret


def _unknown_key(signature: Signature) -> InvalidAccessKey:
    if signature.service != "s3":
        return InvalidAccessKey()
    said = "The AWS Access Key Id you provided does not exist in our records."
    return InvalidAccessKey(said, AWSAccessKeyId=signature.access_key)


def _may_be_anonymous(exchange: Exchange) -> bool:
    if exchange.service is not None and exchange.service.anonymous:
        return True
    return exchange.operation is not None and exchange.operation.auth_type == "none"


def _digest(exchange: Exchange) -> str:
    """The hash of a body that is in memory; "" where it is still to come, or the client did not sign it."""
    assert exchange.signature is not None
    if exchange.streams or exchange.signature.payload_hash == UNSIGNED:
        return ""
    return hashlib.sha256(exchange.request.body).hexdigest()


def require(exchange: Exchange) -> None:
    """Ends requests for what we don't have, by name; only callers that we know get to hear it."""
    assert exchange.operation is not None
    if exchange.service is None:
        raise NotImplementedHere(
            f"Clary does not have the service {exchange.name} (asked for: {exchange.operation.name})."
        )
    if exchange.handler is None:
        raise NotImplementedHere(f"Clary does not have the operation {exchange.operation.name} of {exchange.name}.")


def read_document(exchange: Exchange, platform: Platform) -> None:
    """The request as the model's document, and the call that carries it."""
    assert exchange.operation is not None
    assert exchange.service is not None
    exchange.document = parse(exchange.operation, exchange.request, exchange.labels)
    exchange.call = Call(
        platform=platform,
        state=exchange.service.state,
        service=exchange.name,
        operation=exchange.operation,
        request=exchange.request,
        caller=exchange.caller,
        region=(exchange.signature and exchange.signature.region) or platform.config.region,
        id=exchange.id,
        signed=_signed(exchange.signature),
    )


def _signed(signature: Signature | None) -> Signed | None:
    if signature is None:
        return None
    if signature.version == 2:
        return Signed("REST-QUERY-STRING", "AWS")
    if signature.presigned:
        return Signed("REST-QUERY-STRING", "AWS4-HMAC-SHA256", seconds_of(signature.timestamp, query=True))
    return Signed("REST-HEADER", "AWS4-HMAC-SHA256")


def authorize(exchange: Exchange) -> None:
    """Whether the caller may, for everything that the operation asks IAM."""
    assert exchange.service is not None
    assert exchange.call is not None
    permissions = exchange.service.permissions(exchange.call, exchange.document)
    if permissions:
        context = exchange.call.context
        for permission in permissions:
            exchange.call.platform.authority.allow(exchange.caller, permission, context)


def check(exchange: Exchange) -> None:
    """Whether the document keeps to the model, in AWS's own words."""
    assert exchange.operation is not None
    assert exchange.handler is not None
    if exchange.handler.checked:
        validate(exchange.operation, exchange.document)
