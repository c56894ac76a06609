"""The AWS CLI, as a user types it."""

import json
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

# Names that other servers order by folder, decode twice or drop; `sync --delete` loses data where listings are not in
# byte order.
ODD = (
    "a/b.txt",
    "a-b.txt",
    "a.txt",
    "a b.txt",
    "a+b&c=d.txt",
    "percent%41%2F.txt",
    "quote'\".txt",
    "#hash?query.txt",
    "tab\there.txt",
    "~tilde/.hidden",
    "ünïcode/日本語.txt",
    "emoji-\U0001f600.txt",
    "Z.txt",
    "folder/deeper/still/leaf",
    "folder.d/leaf",
    "folder-d/leaf",
)


@pytest.fixture
def aws(outside: Any) -> Any:
    def run(*words: str, way: str = "env", code: int = 0) -> str:
        done = outside(way, "awscli", "aws", *words)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        out: str = done.stdout if code == 0 else done.stderr
        return out

    return run


def test_sync_of_odd_names_both_ways(aws: Any, tmp_path: Path) -> None:
    bucket = f"s3://cli-{uuid.uuid4().hex}"
    here, back = tmp_path / "here", tmp_path / "back"
    for name in ODD:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(f"this is {name}")
    assert aws("s3", "mb", bucket) == f"make_bucket: {bucket.removeprefix('s3://')}\n"
    aws("s3", "sync", "here", bucket, "--quiet")
    assert aws("s3", "sync", "here", bucket, "--delete") == ""  # nothing to do

    (here / "a-b.txt").unlink()
    (here / "folder/deeper/still/leaf").unlink()
    said = aws("s3", "sync", "here", bucket, "--delete", "--no-progress")
    assert sorted(said.split("\n")) == ["", f"delete: {bucket}/a-b.txt", f"delete: {bucket}/folder/deeper/still/leaf"]

    (back / "stale.txt").parent.mkdir()
    (back / "stale.txt").write_text("to be deleted")
    aws("s3", "sync", bucket, "back", "--delete", "--quiet")
    assert _files(back) == _files(here)

    listed = [line[31:] for line in aws("s3", "ls", bucket, "--recursive").splitlines()]
    assert listed == sorted(_files(here), key=str.encode)


def test_copy_presign_and_remove(aws: Any, tmp_path: Path) -> None:
    bucket = f"s3://cli-{uuid.uuid4().hex}"
    body = bytes(range(256)) * 40_000  # above the CLI's limit for multipart
    (tmp_path / "big.bin").write_bytes(body)
    aws("s3", "mb", bucket)
    aws("s3", "cp", "big.bin", f"{bucket}/big file.bin", "--quiet")
    address = aws("s3", "presign", f"{bucket}/big file.bin").strip()
    with urllib.request.urlopen(address) as answer:
        assert answer.read() == body
    aws("s3", "cp", f"{bucket}/big file.bin", f"{bucket}/copy.bin", "--quiet", way="run")
    aws("s3", "cp", f"{bucket}/copy.bin", "back.bin", "--quiet", way="run")
    assert (tmp_path / "back.bin").read_bytes() == body
    assert "BucketNotEmpty" in aws("s3", "rb", bucket, code=1)
    assert aws("s3", "rb", bucket, "--force").splitlines()[-1] == f"remove_bucket: {bucket.removeprefix('s3://')}"
    assert "NoSuchBucket" in aws("s3", "ls", bucket, code=255)


def test_who_am_i(aws: Any, way: str) -> None:
    caller = json.loads(aws("sts", "get-caller-identity", "--output", "json", way=way))
    role = aws("iam", "get-role", "--role-name", "AmazonSageMaker-ExecutionRole", "--query", "Role.Arn", way=way)
    account = caller["Account"]
    assert json.loads(role) == f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole"
    assert caller["Arn"].startswith(f"arn:aws:sts::{account}:assumed-role/AmazonSageMaker-ExecutionRole/")


def test_sagemaker_models(aws: Any) -> None:
    name = f"cli-{uuid.uuid4().hex}"
    role = json.loads(aws("iam", "get-role", "--role-name", "AmazonSageMaker-ExecutionRole"))["Role"]["Arn"]
    container = "Image=123456789012.dkr.ecr.us-west-2.amazonaws.com/any:1"
    options = ("--execution-role-arn", role, "--primary-container", container)
    made = json.loads(aws("sagemaker", "create-model", "--model-name", name, *options))
    listed = aws(
        "sagemaker", "list-models", "--name-contains", name, "--query", "Models[].ModelArn", "--output", "text"
    )
    assert listed.strip() == made["ModelArn"]
    missing = aws("sagemaker", "describe-model", "--model-name", "no-such-model", code=255)
    assert "An error occurred (ValidationException) when calling the DescribeModel operation: Could not find" in missing


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
