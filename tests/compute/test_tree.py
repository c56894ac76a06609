"""Containers with a file tree of their own, which nobody trusts. test_user.py runs this as an ordinary user too."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clary.compute import places
from clary.compute.driver import Instance, Launch, Mount
from clary.compute.tree import works
from clary.errors import ClaryError
from groups import SECRET, Home, running
from trees import plant

ROOT = os.geteuid() == 0


@pytest.fixture
def isolating() -> Iterator[Home]:
    yield from running("sandbox")


@pytest.fixture
def tree(isolating: Home) -> Path:
    return plant(isolating.folder / "tree")


def run(home: Home, tree: Path, script: str, **given: object) -> tuple[Instance, str]:
    handle = home.reserve()
    launch = Launch("algo-1", ("/bin/sh", "-c", script), home.log_path(handle, 1), root=str(tree))
    launch = replace(launch, root_upper=f"{handle['folder']}/upper", **given)  # type: ignore[arg-type]  # any field
    home.driver.start(handle, [launch])
    (instance,) = home.ended(handle)
    return instance, home.log(handle)


def test_it_sees_its_tree_and_nothing_else(isolating: Home, tree: Path) -> None:
    secret = isolating.folder / "secret"
    secret.write_text(SECRET)
    (tree / "etc/own").write_text("own")
    script = f"cat /etc/own; cat {secret} /proc/1/root{secret} /etc/shadow; ls / /usr /usr/bin; ls -A /tmp /dev/shm"
    _, said = run(isolating, tree, script)
    assert said.startswith("own")
    assert SECRET not in said
    assert "/usr/bin'" in said or not (tree / "usr").exists(), "the host's programs are not there"
    _, said = run(isolating, tree, "cat /etc/hosts; cat /etc/hostname; echo $HOSTNAME $HOME")
    assert "\talgo-1\n" in said
    assert said.endswith("algo-1\nalgo-1 /root\n")


def test_what_it_changes_is_its_own(isolating: Home, tree: Path) -> None:
    (tree / "opt/part").mkdir(parents=True)
    for name in ("kept", "changed", "part/removed"):
        (tree / "opt" / name).write_text(name)
        (tree / "opt" / name).chmod(0o600)
    before = sorted(map(str, tree.rglob("*")))
    script = "cd /opt; cat kept && mv changed old && echo new > changed && rm -r part && mkdir part && cat changed"
    assert run(isolating, tree, f"{script} && touch /bin/own /new && ls /new")[1] == "keptnew\n/new\n"
    assert sorted(map(str, tree.rglob("*"))) == before
    assert (tree / "opt/changed").read_text() == "changed"


def test_it_is_root_inside_and_nobody_outside(isolating: Home, tree: Path) -> None:
    (tree / "etc/owned").write_text("x")
    (tree / "etc/owned").chmod(0o600)
    shared = isolating.folder / "shared"
    shared.mkdir()
    script = (
        "id -u; id -g; cat /etc/owned; touch /opt/ml/made /made; chown 1234:1235 /made || echo refused; "
        "setpriv --reuid 1234 --regid 1235 --clear-groups sh -c 'echo went on' || echo refused; ls -n /etc/owned"
    )
    instance, said = run(isolating, tree, script, mounts=(Mount(str(shared), "/opt/ml", "rw"),))
    assert instance.code == 0, said
    assert said.startswith("0\n0\nxwent on\n-rw------- 1 0 0 "), said
    owner = (shared / "made").stat().st_uid
    assert owner >= places.FIRST_IDS if ROOT else owner == os.geteuid()


@pytest.mark.skipif(not ROOT, reason="an ordinary user has one user id for all")
def test_other_users_are_real_and_each_containers_own(isolating: Home, tree: Path) -> None:
    os.chown(tree / "data/app", 1234, 1235)
    (tree / "etc/secret").write_text("x")
    (tree / "etc/secret").chmod(0o600)
    script = (
        "touch /given && chown 1234:1235 /given; ls -n /given; setpriv --reuid 1234 --regid 1235 --clear-groups "
        "sh -c 'id -u; cat /etc/secret; touch /data/app/made && echo made; touch /etc/made; touch /etc/shadow'"
    )
    _, said = run(isolating, tree, script)
    assert " 1234 1235 " in said
    assert "1234\n" in said
    assert said.count("ermission denied") == 3
    assert "made\n" in said
    handle = isolating.reserve(instances=2)
    launches = [
        Launch(f"algo-{index}", ("/bin/cat", "/proc/self/uid_map"), isolating.log_path(handle, index), root=str(tree))
        for index in (1, 2)
    ]
    folder = handle["folder"]
    isolating.driver.start(
        handle, [replace(one, root_upper=f"{folder}/upper-{index}") for index, one in enumerate(launches)]
    )
    isolating.ended(handle)
    first, second = (int(isolating.log(handle, index).split()[1]) for index in (1, 2))
    assert abs(first - second) >= places.IDS


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("", "0 0 0 /root"),
        ("root", "0 0 0 /root"),
        ("app", "1234 1235 1235 1236 /data/app"),
        ("1234", "1234 1235 1235 1236 /data/app"),
        ("app:0", "1234 0 0 /data/app"),
        ("77", "77 0 0 /"),
        ("77:more", "77 1236 1236 /"),
    ],
)
def test_the_user_of_the_image(isolating: Home, tree: Path, user: str, said: str) -> None:
    _, found = run(isolating, tree, 'echo "$(id -u) $(id -g) $(id -G) $HOME"', user=user)
    if not ROOT:  # who cannot take on groups
        found, said = (f"{text.split()[0]} {text.split()[1]} {text.split()[-1]}" for text in (found, said))
    assert found.strip() == said


@pytest.mark.parametrize("name", ["nobody-here", "²", "9" * 5000])
def test_a_user_that_is_not_there(isolating: Home, tree: Path, name: str) -> None:
    with pytest.raises(ClaryError, match=f"unable to find user {name}"):
        run(isolating, tree, "id", user=name)
    with pytest.raises(ClaryError, match=f"unable to find group {name}"):
        run(isolating, tree, "id", user=f"root:{name}")


def test_no_privileges_but_over_its_own(isolating: Home, tree: Path) -> None:
    script = (
        "while read -r line; do echo $line; done < /proc/self/status; mount -t tmpfs x /tmp; unshare -U true; "
        "unshare -m true; echo 1 > /proc/sys/kernel/printk; echo 1 > /proc/sys/vm/swappiness"
    )
    _, said = run(isolating, tree, script)
    told = dict(line.split(": ", 1) for line in said.splitlines() if line.startswith(("Cap", "NoNew", "Seccomp")))
    assert told["NoNewPrivs"] == "1"
    assert told["Seccomp"] == "2"
    assert told["CapBnd"] == told["CapEff"] == "00000000000005fb"
    assert told["CapAmb"] == told["CapInh"] == "0000000000000000"
    assert said.count("not permitted") + said.count("denied") + said.count("Read-only") >= 4, said


@pytest.mark.parametrize("deep", ["", "../../../../../.."])
def test_no_mount_by_a_link_of_the_tree(isolating: Home, tree: Path, deep: str) -> None:
    """What an image has at a place where something is mounted leads nowhere but into the image."""
    target = isolating.folder / "target"
    target.mkdir()
    target.chmod(0o777)
    (target / "resolv.conf").write_text("kept")
    for name in ("opt", "srv"):
        (tree / name).symlink_to(f"{deep}{target}")
    (tree / "etc/resolv.conf").symlink_to(f"{deep}{target}/resolv.conf")
    (tree / "etc/hosts").symlink_to(f"{deep}{target}/hosts")
    shared = isolating.folder / "shared"
    shared.mkdir()
    mounts = (Mount(str(shared), "/opt/ml", "rw"), Mount(str(shared), "/srv/clary"))
    instance, said = run(
        isolating, tree, "touch /opt/ml/made; cat /etc/hosts; ls /srv/clary", mounts=mounts, cwd="/srv/new"
    )
    assert instance.code == 0, said
    assert "localhost" in said
    assert said.endswith("made\n")
    assert [path.name for path in target.iterdir()] == ["resolv.conf"]
    assert (target / "resolv.conf").read_text() == "kept"


@pytest.mark.parametrize("target", ["/proc/x", "/sys", "/dev/x", "/opt/../proc", "/", "x", "/away/x"])
def test_nothing_is_mounted_over_the_kernels(isolating: Home, tree: Path, target: str) -> None:
    (tree / "away").symlink_to("/proc")
    with pytest.raises(ClaryError, match="mounted at"):
        run(isolating, tree, "true", mounts=(Mount(str(isolating.folder), target),))


def test_a_name_that_leads_into_the_kernels(isolating: Home, tree: Path) -> None:
    (tree / "etc/hosts").symlink_to("/proc/1/nowhere")
    with pytest.raises(ClaryError, match="nothing can be mounted at '/etc/hosts', which the image has as a link"):
        run(isolating, tree, "true")


@pytest.mark.parametrize("name", ["proc", "dev", "sys", "sys/devices", "sys/devices/system/cpu"])
def test_the_kernels_folders_are_no_links(isolating: Home, tree: Path, name: str) -> None:
    """bubblewrap has this machine's files at /oldroot while it mounts, and would make folders there."""
    victim = isolating.folder / "victim"
    victim.mkdir()
    for folder in (isolating.folder, victim):
        folder.chmod(0o777)
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).symlink_to(f"{'../' * (name.count('/') + 1)}oldroot{victim}")
    with pytest.raises(ClaryError, match=f"nothing can be mounted at '/{name}', which the image has as a link"):
        run(isolating, tree, "true")
    assert not list(victim.iterdir())


def test_a_program_that_the_tree_has_not(isolating: Home, tree: Path) -> None:
    handle = isolating.reserve()
    launch = Launch("algo-1", ("train",), isolating.log_path(handle, 1), root=str(tree))
    isolating.driver.start(handle, [replace(launch, root_upper=f"{handle['folder']}/upper")])
    assert isolating.ended(handle)[0].code == 127
    assert "train" in isolating.log(handle)


def test_variables_of_loaders_reach_the_program_alone(isolating: Home, tree: Path) -> None:
    _, said = run(isolating, tree, 'echo "$LD_PRELOAD $NAME"', env={"LD_PRELOAD": "/nowhere.so", "NAME": "a = b"})
    assert "/nowhere.so a = b" in said
    assert said.count("cannot be preloaded") == 1


def test_an_input_can_be_changed_and_stays_as_it_was(isolating: Home, tree: Path) -> None:
    source = isolating.folder / "source"
    (source / "part").mkdir(parents=True)
    (source / "part/file").write_text("below")
    mount = Mount(str(source), "/opt/ml/input", "overlay", str(isolating.folder / "job/upper-input"))
    script = "cd /opt/ml/input/part; cat file; echo above > file; touch more; cat file; ls"
    assert run(isolating, tree, script, mounts=(mount,))[1] == "belowabove\nfile\nmore\n"
    assert (source / "part/file").read_text() == "below"


def test_a_tree_counts_as_disk(isolating: Home, tree: Path) -> None:
    handle = isolating.reserve(disk=4 << 20)
    script = "x=0123456789abcdef; while :; do x=$x$x; echo $x; done > /var/big"
    (tree / "var").mkdir()
    launch = Launch("algo-1", ("/bin/sh", "-c", script), isolating.log_path(handle, 1), root=str(tree))
    isolating.driver.start(handle, [replace(launch, root_upper=f"{handle['folder']}/upper")])
    (instance,) = isolating.ended(handle)
    assert instance.out_of_disk or instance.out_of_memory


@pytest.mark.skipif(not ROOT, reason="an ordinary user's files are the container's anyway")
def test_a_file_system_that_cannot_show_other_owners(isolating: Home) -> None:
    works(isolating.folder)
    with pytest.raises(ClaryError, match=r"of the container's files the owners cannot be shown: Linux 5\.19"):
        works(Path("/proc/self"))
