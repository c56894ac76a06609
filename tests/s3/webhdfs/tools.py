"""A client of the file system by plain HTTP, as Hadoop's is one."""

import importlib
import json
import uuid
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import plain_http

files: Any = importlib.import_module("clary.images.spark.files")  # it makes the tokens, in containers
FOUND, ACCESS, EXISTS = "FileNotFoundException", "AccessControlException", "FileAlreadyExistsException"
OTHER = "IOException"


class Answer(plain_http.Answer):
    @property
    def error(self) -> tuple[int, str]:
        """Status and Java's exception."""
        told = self.json["RemoteException"]
        assert told["javaClassName"].endswith("." + told["exception"])
        return self.status, told["exception"]

    @property
    def message(self) -> str:
        said: str = self.json["RemoteException"]["message"]
        return said


class Door:
    """Asks with the token that these keys get: access key id, secret and, for temporary ones, session token."""

    def __init__(self, platform: Any, keys: tuple[str, ...] | None = None) -> None:
        key, secret, session = (*(keys or platform.root), "")[:3]
        given = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": session}
        self.port: int = platform.port
        self.token: str = files.url_form(files.token(*files._token(platform.url, given), b"service"))

    def __call__(self, method: str, op: str, path: str, body: Any = None, *, token: str = "", **query: Any) -> Answer:
        """`path` begins with the bucket; redirects are followed as Hadoop does."""
        named = urlencode({"op": op, "delegation": token or self.token, **query})
        answer = self.send(method, f"/webhdfs/v1/{quote(path)}?{named}")
        if answer.status != 307:
            return answer
        where = urlsplit(answer.headers["location"])
        return self.send(method, f"{where.path}?{where.query}", body)

    def send(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        return Answer(*plain_http.send(self.port, method, target, body, headers))

    def create(self, path: str, data: Any = b"", **query: Any) -> None:
        answer = self("PUT", "CREATE", path, data, **query)
        assert answer.status == 201, answer

    def mkdirs(self, path: str) -> None:
        assert self("PUT", "MKDIRS", path).json == {"boolean": True}

    def rename(self, path: str, to: str) -> bool:
        done: bool = self("PUT", "RENAME", path, destination=f"/{to}").json["boolean"]
        return done

    def delete(self, path: str, *, recursive: bool = True) -> bool:
        done: bool = self("DELETE", "DELETE", path, recursive=str(recursive).lower()).json["boolean"]
        return done

    def kind(self, path: str) -> str:
        """FILE, DIRECTORY, or "" where nothing is."""
        answer = self("GET", "GETFILESTATUS", path)
        return answer.json["FileStatus"]["type"] if answer.status == 200 else ""

    def names(self, path: str) -> list[str]:
        """Directories end with a slash."""
        entries = self("GET", "LISTSTATUS", path).json["FileStatuses"]["FileStatus"]
        return sorted(each["pathSuffix"] + "/" * (each["type"] == "DIRECTORY") for each in entries)


def keys_of(s3: Any, bucket: str, prefix: str = "") -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def user(platform: Any, *statements: dict[str, Any]) -> tuple[str, str]:
    """A user's access key, who may do this and no more."""
    iam = platform.client("iam")
    name = f"u-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]
