"""Programs that push and pull: podman, buildah, skopeo and docker, by the gateway's address and by AWS's name."""

import base64
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import debian
from waiting import LIMIT, until

STORAGE = {"podman", "buildah"}  # keep images in a folder, for which they must be told


class Tools:
    """One after the other in a home of their own."""

    def __init__(self, platform: Any, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        self.ecr = platform.client("ecr")
        (login,) = self.ecr.get_authorization_token()["authorizationData"]
        self.endpoint = login["proxyEndpoint"].removeprefix("http://")
        self.account = platform.client("sts").get_caller_identity()["Account"]
        self.aws_name = f"{self.account}.dkr.ecr.us-west-2.amazonaws.com"
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (folder / "registries.conf").write_text("")
        (folder / "auth.json").write_text("{}")

    def __call__(self, program: str, *words: str, said: str = "", by_proxy: bool = False) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "REGISTRY_AUTH_FILE": str(self.folder / "auth.json"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }
        if by_proxy:
            environment |= {"HTTPS_PROXY": self.platform.url}
            environment |= {"SSL_CERT_FILE": str(self.platform.home / "tls" / "bundle.pem")}
        before = []
        if program in STORAGE:
            before = ["--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run", "--storage-driver", "vfs"]
        if program == "skopeo":
            before = ["--policy", str(self.folder / "policy.json")]
        done = subprocess.run(
            [program, *before, *words],
            env=environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, (program, words, done.stdout, done.stderr)
        return done.stdout

    def password(self) -> str:
        """As `aws ecr get-login-password` says it."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().removeprefix("AWS:")

    def log_in(self, program: str, host: str, *words: str, by_proxy: bool = False) -> None:
        login = ("login", *words, "--username", "AWS", "--password-stdin", host)
        assert "Login Succeeded" in self(program, *login, said=self.password(), by_proxy=by_proxy)

    def repository(self) -> str:
        name = f"tools/{uuid.uuid4().hex[:12]}"
        self.ecr.create_repository(repositoryName=name)
        return name

    def tree(self, text: str) -> Path:
        """A tar file with one file in it, of which an image is made."""
        path = self.folder / "tree.tar"
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo("message")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        return path

    def digest(self, repository: str, tag: str) -> str:
        (found,) = self.ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        return str(found["imageDigest"])


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name, as podman and sockets want it."""
    folder = Path(tempfile.mkdtemp(prefix="c-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tools(platform: Any, short: Path) -> Tools:
    if not debian.ready("podman", "buildah", "skopeo"):
        pytest.skip("needs podman, buildah and skopeo, which only root can install here")
    return Tools(platform, short)


def built(tools: Tools, name: str) -> None:
    """By buildah, from nothing."""
    container = tools("buildah", "from", "scratch").strip()
    tools("buildah", "add", container, str(tools.tree(name)), "/")
    tools("buildah", "config", "--cmd", '["/message"]', container)
    tools("buildah", "commit", container, name)


def test_buildah_podman_skopeo(tools: Tools) -> None:
    """By the gateway's own address, which speaks no TLS: these programs want to be told so."""
    host, name = tools.endpoint, tools.repository()
    built(tools, f"{host}/{name}:v1")
    tools.log_in("podman", host, "--tls-verify=false")
    tools("buildah", "push", "--tls-verify=false", f"{host}/{name}:v1")
    tools("podman", "push", "--tls-verify=false", f"{host}/{name}:v1", f"{host}/{name}:v2")
    seen = json.loads(tools("skopeo", "inspect", "--tls-verify=false", f"docker://{host}/{name}:v1"))
    assert sorted(seen["RepoTags"]) == ["v1", "v2"]
    assert seen["Digest"] == tools.digest(name, "v1")
    tools("podman", "rmi", "--all", "--force")
    tools("podman", "pull", "--tls-verify=false", f"{host}/{name}:v2")
    assert json.loads(tools("podman", "inspect", f"{host}/{name}:v2"))[0]["Config"]["Cmd"] == ["/message"]
    other = tools.repository()  # whose layers are mounted
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    tools("skopeo", "copy", *plain, f"docker://{host}/{name}:v1", f"docker://{host}/{other}:v1")
    assert tools.digest(other, "v1") == tools.digest(name, "v1")
    tools("skopeo", "delete", "--tls-verify=false", f"docker://{host}/{other}:v1")
    assert tools.ecr.list_images(repositoryName=other)["imageIds"] == []


def test_by_the_name_that_aws_gives_it(tools: Tools) -> None:
    """With HTTPS_PROXY and our authority, without any option: as scripts have it that were written for AWS."""
    host, name = tools.aws_name, tools.repository()
    built(tools, f"{host}/{name}:v1")
    tools.log_in("podman", host, by_proxy=True)
    tools("podman", "push", f"{host}/{name}:v1", by_proxy=True)
    tools("podman", "rmi", "--all", "--force")
    tools("podman", "pull", f"{host}/{name}:v1", by_proxy=True)
    seen = json.loads(tools("skopeo", "inspect", f"docker://{host}/{name}:v1", by_proxy=True))
    assert seen["Digest"] == tools.digest(name, "v1")
    tools.log_in("skopeo", tools.endpoint, "--tls-verify=false")
    same = json.loads(tools("skopeo", "inspect", "--tls-verify=false", f"docker://{tools.endpoint}/{name}:v1"))
    assert same["Digest"] == seen["Digest"]


def test_a_manifest_list(tools: Tools) -> None:
    host, name = tools.endpoint, tools.repository()
    built(tools, "one")
    tools.log_in("buildah", host, "--tls-verify=false")
    tools("buildah", "manifest", "create", "all")
    tools("buildah", "manifest", "add", "all", "containers-storage:localhost/one")
    tools("buildah", "manifest", "push", "--all", "--tls-verify=false", "all", f"docker://{host}/{name}:all")
    raw = json.loads(tools("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/{name}:all"))
    assert [each["platform"]["os"] for each in raw["manifests"]] == ["linux"]
    assert json.loads(tools("skopeo", "inspect", "--tls-verify=false", f"docker://{host}/{name}:all"))["Os"] == "linux"


@pytest.fixture
def daemon(short: Path, platform: Any) -> Iterator[str]:
    """A daemon of its own, without a network for containers. Its environment is only asked for AWS's names."""
    if os.geteuid() or not debian.ready("dockerd", "docker"):
        pytest.skip("needs dockerd, and to be root")
    folder = short / "docker"
    folder.mkdir(mode=0o700)
    own = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    alone = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"]
    leading = {"HTTPS_PROXY": platform.url, "SSL_CERT_FILE": str(platform.home / "tls" / "bundle.pem")}
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            ["dockerd", "-H", f"unix://{folder}/socket", *own, *alone],
            env=os.environ | leading,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    until((folder / "socket").exists, (folder / "log").read_text)
    yield f"unix://{folder}/socket"
    running.terminate()
    running.wait(LIMIT)


def test_docker(tools: Tools, daemon: str) -> None:
    """It takes every registry on loopback as it is, and by AWS's name one of which its daemon's environment tells."""

    def docker(*words: str, said: str = "", by_proxy: bool = False) -> str:
        return tools("docker", "--host", daemon, *words, said=said, by_proxy=by_proxy)

    name = tools.repository()
    for host, by_proxy in ((tools.endpoint, False), (tools.aws_name, True)):
        image = f"{host}/{name}:v1"
        docker("import", str(tools.tree(host)), image)
        docker("login", "--username", "AWS", "--password-stdin", host, said=tools.password(), by_proxy=by_proxy)
        docker("push", image)
        docker("rmi", image)
        assert "Status: Downloaded newer image" in docker("pull", image)


def test_as_aws_says_it(tools: Tools, outside: Any) -> None:
    """aws ecr get-login-password | podman login --username AWS --password-stdin …"""

    def aws(*words: str) -> str:
        done = outside("env", "awscli", "aws", "ecr", *words)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    name = f"cli/{uuid.uuid4().hex[:12]}"
    made = json.loads(aws("create-repository", "--repository-name", name))["repository"]
    host = made["repositoryUri"].removesuffix(f"/{name}")
    password = aws("get-login-password")
    tools("podman", "login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host, said=password)
    built(tools, f"{made['repositoryUri']}:v1")
    tools("podman", "push", "--tls-verify=false", f"{made['repositoryUri']}:v1")
    (shown,) = json.loads(aws("describe-images", "--repository-name", name))["imageDetails"]
    assert shown["imageTags"] == ["v1"]
