"""What makes s3://, s3a:// and s3n:// lead to this platform, with nothing but what PySpark ships.

Hadoop's ViewFileSystemOverloadScheme takes the schemes. It is told of a bucket by bucket_class.py when that is first
used, and its WebHdfsFileSystem asks the platform's route for files. Who asks is a delegation token, which Hadoop reads
from a file for its owner only: no secret is in an argument, in Spark's configuration or in a log.
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/ViewFsOverloadScheme.html
https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/WebHDFS.html#Authentication
"""

import base64
import json
import os
import socket
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from . import bucket_class

SCHEMES = ("s3", "s3a", "s3n")
KIND = b"WEBHDFS delegation"
FILE = "HADOOP_TOKEN_FILE_LOCATION"  # read by Hadoop's UserGroupInformation when somebody logs in
EXCHANGE = "/.clary/webhdfs/token"
MAGIC = b"HDTS\0"  # a file of tokens, as Writables
CLASSES = "SPARK_DIST_CLASSPATH"  # what Spark's programs, and who starts executors, have behind Spark's own jars
OURS = "hadoop-"  # what names of our files begin with
COMMITTER = "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"


def configuration(environ: Mapping[str, str]) -> dict[str, str]:
    """Spark's settings; empty where there is no platform to reach (a job whose network is isolated). `login`s. Raises
    PermissionError for an access key that is not valid.
    """
    address = login(environ)
    if not address:
        return {}
    hadoop = {
        bucket_class.ROOT: f"webhdfs://{address}/",
        # What S3A's own committers would be for is given: a task's files appear by one rename, all or none.
        "mapreduce.outputcommitter.factory.scheme.s3a": COMMITTER,
        "mapreduce.fileoutputcommitter.algorithm.version": "1",
        "hadoop.security.token.service.use_ip": "true",
    }
    for scheme in SCHEMES:
        hadoop[f"fs.{scheme}.impl"] = bucket_class.NAME
    settings = {f"spark.hadoop.{name}": value for name, value in hadoop.items()}
    settings["spark.sql.sources.ignoreDataLocality"] = "true"  # all objects are as near; else one request for each
    return settings


def login(environ: Mapping[str, str]) -> str:
    """Writes the token and our class to files, and their paths to this process's environment, which a JVM is to get.
    Returns host and port of the platform; "" where there is none to reach.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    found = _token(endpoint, environ) if endpoint else None
    if found is None:
        return ""
    where = urllib.parse.urlsplit(endpoint)
    port = where.port or 80
    if FILE not in os.environ:
        service = f"{socket.gethostbyname(where.hostname or '')}:{port}".encode()
        made = token(*found, service)
        os.environ[FILE] = _kept(".token", MAGIC + _length(1) + _length(len(service)) + service + made + _length(0))
        classes()
    return f"{where.hostname}:{port}"


def classes() -> None:
    """Our class becomes a file, and its path a variable that a JVM is to get: once."""
    before = [each for each in os.environ.get(CLASSES, "").split(os.pathsep) if each]
    if not any(os.path.basename(each).startswith(OURS) for each in before):  # noqa: PTH119 - texts, not places
        os.environ[CLASSES] = os.pathsep.join([*before, _kept(".jar", bucket_class.jar())])


def token(identifier: bytes, password: bytes, service: bytes) -> bytes:
    """A token as Hadoop writes it. https://hadoop.apache.org/docs/r3.3.4/api/org/apache/hadoop/security/token/Token.html"""
    return b"".join(_length(len(field)) + field for field in (identifier, password, KIND, service))


def url_form(raw: bytes) -> str:
    """As it stands in a query."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _token(endpoint: str, environ: Mapping[str, str]) -> tuple[bytes, bytes] | None:
    """Identifier and password: a container's own authorization, or what an access key is exchanged for."""
    if given := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        return b"job", given.encode()
    if not (key := environ.get("AWS_ACCESS_KEY_ID")):
        return None
    form = {
        "grant_type": "client_credentials",
        "client_id": key,
        "client_secret": environ.get("AWS_SECRET_ACCESS_KEY", ""),
        "session": environ.get("AWS_SESSION_TOKEN", ""),
    }
    request = urllib.request.Request(endpoint.rstrip("/") + EXCHANGE, urllib.parse.urlencode(form).encode())  # noqa: S310 - the platform's
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return b"key", json.load(answer)["access_token"].encode()
    except urllib.error.HTTPError as error:
        raise PermissionError(f"{endpoint} does not know the access key {key} ({error.code})") from error


def _kept(kind: str, content: bytes) -> str:
    """The path of a file with this alone, for its owner only."""
    handle, path = tempfile.mkstemp(prefix=OURS, suffix=kind)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def _length(number: int) -> bytes:
    """WritableUtils' VInt. https://hadoop.apache.org/docs/r3.3.4/api/org/apache/hadoop/io/WritableUtils.html"""
    if number <= 127:
        return bytes([number])
    size = (number.bit_length() + 7) // 8
    return bytes([256 - 112 - size]) + number.to_bytes(size, "big")
