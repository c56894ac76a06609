"""What goes wrong, as Hadoop's client takes it: JSON that names the Java exception to be raised there.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Error_Responses
"""

from http import HTTPStatus

import orjson

from clary.errors import AWSError
from clary.wire.message import Request, Response

ACCESS = "org.apache.hadoop.security.AccessControlException"
EXISTS = "org.apache.hadoop.fs.FileAlreadyExistsException"
NOT_EMPTY = "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException"
NOT_FOUND = "java.io.FileNotFoundException"
ILLEGAL = "java.lang.IllegalArgumentException"
UNSUPPORTED = "java.lang.UnsupportedOperationException"
OTHER = "java.io.IOException"
STATUS = {ACCESS: 403, EXISTS: 403, NOT_EMPTY: 403, NOT_FOUND: 404, ILLEGAL: 400, UNSUPPORTED: 400, OTHER: 403}
# S3's codes that are a class of Java's. Codes that are such a class themselves are our own.
CODES = {"NoSuchKey": NOT_FOUND, "AccessDenied": ACCESS, "PreconditionFailed": EXISTS}


def answer(_request: Request, error: AWSError) -> Response:
    code = error.code("s3")
    java = CODES.get(code, code if code in STATUS else OTHER)
    status = STATUS[java]
    if code in {"InternalError", "InternalFailure"}:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    said = error.message if java != OTHER else f"{code}: {error.message}"
    if code == "NoSuchBucket":  # as S3A's UnknownStoreException: no file that only isn't there, which Spark would say
        said = f"{error.message}: s3://{error.members.get('BucketName', '')}"
    document = {"exception": java.rpartition(".")[2], "javaClassName": java, "message": said}
    return Response(status, {"content-type": "application/json"}, orjson.dumps({"RemoteException": document}))


def missing(bucket: str, key: str) -> AWSError:
    return AWSError(NOT_FOUND, f"No such file or directory: s3://{bucket}/{key}")


def exists(bucket: str, key: str, why: str) -> AWSError:
    return AWSError(EXISTS, f"s3://{bucket}/{key} {why}")


def unsupported(said: str) -> AWSError:
    return AWSError(UNSUPPORTED, said)


def illegal(said: str) -> AWSError:
    return AWSError(ILLEGAL, said)
