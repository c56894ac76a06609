"""Everything that Clary raises on purpose.

ClaryError
├── ConfigError            a setting that cannot be used
├── HomeBusy               another Clary already runs on this home
├── NoEngine               no container engine answers
├── PortInUse              somebody else listens there
└── AWSError               an answer in AWS's words: code, message, HTTP status
    ├── AccessDenied
    ├── MissingAuthentication
    ├── InvalidAccessKey
    ├── InvalidToken
    ├── ExpiredToken
    ├── SignatureMismatch
    ├── RequestExpired
    ├── IncompleteSignature
    │   └── IncompleteQuerySignature
    ├── UnknownOperation
    ├── Malformed
    ├── Invalid
    ├── TooLarge
    ├── NotImplementedHere
    └── InternalFailure

A service's own errors need no class: `AWSError("NoSuchBucket", "The specified bucket does not exist", BucketName=b)`
takes its HTTP status and its wire form from the service's model. The classes below are the errors that every service
shares, which no model lists, and whose code depends on the protocol's family. The docstring is the default message.
Codes: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and for S3
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

from typing import Any, ClassVar, Literal

# The words for one and the same error differ between these: json also stands for rest-json and rpc-v2-cbor,
# query for ec2 and rest-xml but S3.
Family = Literal["json", "query", "s3"]


class ClaryError(Exception):
    """Something went wrong."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        return str(self.args[0])


class ConfigError(ClaryError):
    """A setting cannot be used."""


class NoEngine(ClaryError):
    """No container engine answers."""


class HomeBusy(ClaryError):
    """Another Clary already runs on this home."""


class PortInUse(ClaryError):
    """The port is already in use."""

    def __init__(self, message: str = "", port: int = 0) -> None:
        super().__init__(message)
        self.port = port


class AWSError(ClaryError):
    """The request could not be carried out."""

    codes: ClassVar[dict[Family, str]] = {}
    statuses: ClassVar[dict[Family, int]] = {}

    def __init__(self, code: str = "", message: str = "", status: int | None = None, **members: Any) -> None:
        """`members` are further members of the modelled error shape, or, for S3, elements of the error document."""
        super().__init__(message)
        self._code = code
        self._status = status
        self.members = members

    def code(self, family: Family) -> str:
        return self._code or self.codes[family]

    def status(self, family: Family) -> int | None:
        """The HTTP status, or None where the service's model has it."""
        return self._status or self.statuses.get(family)


class _CommonError(AWSError):
    """An error whose code the class knows."""

    def __init__(self, message: str = "", **members: Any) -> None:
        super().__init__("", message, **members)


class AccessDenied(_CommonError):
    """Access Denied"""

    codes: ClassVar = {"json": "AccessDeniedException", "query": "AccessDenied", "s3": "AccessDenied"}
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 403}


class MissingAuthentication(_CommonError):
    """Request is missing Authentication Token"""

    codes: ClassVar = {
        "json": "MissingAuthenticationTokenException",
        "query": "MissingAuthenticationToken",
        "s3": "AccessDenied",
    }
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 403}


class InvalidAccessKey(_CommonError):
    """The security token included in the request is invalid."""

    codes: ClassVar = {
        "json": "UnrecognizedClientException",
        "query": "InvalidClientTokenId",
        "s3": "InvalidAccessKeyId",
    }
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 403}


class InvalidToken(_CommonError):
    """The security token included in the request is invalid"""

    codes: ClassVar = {"json": "UnrecognizedClientException", "query": "InvalidClientTokenId", "s3": "InvalidToken"}
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 400}


class ExpiredToken(_CommonError):
    """The security token included in the request is expired"""

    codes: ClassVar = {"json": "ExpiredTokenException", "query": "ExpiredToken", "s3": "ExpiredToken"}
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 400}


class SignatureMismatch(_CommonError):
    """The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key
    and signing method. Consult the service documentation for details.
    """

    codes: ClassVar = {
        "json": "InvalidSignatureException",
        "query": "SignatureDoesNotMatch",
        "s3": "SignatureDoesNotMatch",
    }
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 403}


class RequestExpired(_CommonError):
    """The difference between the request time and the current time is too large."""

    codes: ClassVar = {
        "json": "InvalidSignatureException",
        "query": "SignatureDoesNotMatch",
        "s3": "RequestTimeTooSkewed",
    }
    statuses: ClassVar = {"json": 400, "query": 403, "s3": 403}


class IncompleteSignature(_CommonError):
    """The request signature does not conform to AWS standards."""

    codes: ClassVar = {
        "json": "IncompleteSignatureException",
        "query": "IncompleteSignature",
        "s3": "AuthorizationHeaderMalformed",
    }
    statuses: ClassVar = {"json": 400, "query": 400, "s3": 400}


class IncompleteQuerySignature(IncompleteSignature):
    """The query-string parameters of the request's signature do not conform to AWS standards."""

    codes: ClassVar = {
        "json": "IncompleteSignatureException",
        "query": "IncompleteSignature",
        "s3": "AuthorizationQueryParametersError",
    }


class UnknownOperation(_CommonError):
    """The requested operation is not known."""

    codes: ClassVar = {"json": "UnknownOperationException", "query": "InvalidAction", "s3": "MethodNotAllowed"}
    statuses: ClassVar = {"json": 400, "query": 400, "s3": 405}


class Malformed(_CommonError):
    """The request body could not be read."""

    codes: ClassVar = {"json": "SerializationException", "query": "MalformedInput", "s3": "MalformedXML"}
    statuses: ClassVar = {"json": 400, "query": 400, "s3": 400}


class Invalid(_CommonError):
    """The input fails to satisfy the constraints specified by the service."""

    codes: ClassVar = {"json": "ValidationException", "query": "ValidationError", "s3": "InvalidArgument"}
    statuses: ClassVar = {"json": 400, "query": 400, "s3": 400}


class TooLarge(_CommonError):
    """Request size limit exceeded"""

    codes: ClassVar = {
        "json": "RequestEntityTooLargeException",
        "query": "RequestEntityTooLarge",
        "s3": "MaxMessageLengthExceeded",
    }
    statuses: ClassVar = {"json": 413, "query": 413, "s3": 400}


class NotImplementedHere(_CommonError):
    """Clary does not have this operation."""

    codes: ClassVar = {"json": "NotImplementedException", "query": "NotImplemented", "s3": "NotImplemented"}
    statuses: ClassVar = {"json": 501, "query": 501, "s3": 501}


class InternalFailure(_CommonError):
    """The request processing has failed because of an unknown error, exception or failure."""

    codes: ClassVar = {"json": "InternalFailure", "query": "InternalFailure", "s3": "InternalError"}
    statuses: ClassVar = {"json": 500, "query": 500, "s3": 500}
