"""What goes wrong, in the words of the distribution API.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
"""

from http import HTTPStatus

import orjson

from clary.errors import AWSError
from clary.wire.message import Request, Response

VERSION = {"docker-distribution-api-version": "registry/2.0"}
# Status and code for the errors that both APIs have. Codes in capitals are the distribution API's own.
CODES = {
    "AccessDeniedException": (403, "DENIED"),
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerPartException": (416, "BLOB_UPLOAD_INVALID"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "LayersNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidParameterException": (400, "UNSUPPORTED"),
    "ImageNotFound": (404, "MANIFEST_UNKNOWN"),
    "ImageReferencedByManifestList": (409, "DENIED"),
    "InsufficientStorage": (507, "UNKNOWN"),
    "RequestEntityTooLargeException": (413, "SIZE_INVALID"),
    "InternalFailure": (500, "UNKNOWN"),
}


def answer(request: Request, error: AWSError) -> Response:
    code = error.code("json")
    status, name = CODES.get(code, (error.status("json") or HTTPStatus.BAD_REQUEST, code))
    headers = {**VERSION, "content-type": "application/json; charset=utf-8"}
    if status == HTTPStatus.UNAUTHORIZED:
        url = f"{request.scheme}://{request.host}/"
        headers["www-authenticate"] = f'Basic realm="{url}",service="ecr.amazonaws.com"'
    headers |= error.members.get("headers", {})
    return Response(status, headers, orjson.dumps({"errors": [{"code": name, "message": error.message}]}))


def unsupported(method: str) -> AWSError:
    return AWSError("UNSUPPORTED", f"The operation is unsupported: {method} is not for this path", 405)


def blob_unknown() -> AWSError:
    return AWSError("BLOB_UNKNOWN", "The layer does not exist in the repository", 404)


def bad_digest(digest: str) -> AWSError:
    return AWSError("DIGEST_INVALID", f"{digest[:100]!r} is no digest: sha256: and 64 hexadecimal digits are", 400)
