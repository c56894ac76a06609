"""What containers of an engine have besides what all drivers have: keepers that may end, an engine that may be gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import engines
from clary.compute import drivers, engine_images
from clary.compute.container import Container
from clary.compute.driver import Handle, Instance, Launch, Mount
from clary.compute.engine import opened
from clary.compute.local import group_of
from clary.config import Config
from clary.errors import ClaryError, NoEngine
from groups import Home, running
from trees import plant
from waiting import PATIENCE, until


@pytest.fixture
def home() -> Iterator[Home]:
    yield from running("container")


@pytest.fixture
def tree(home: Home) -> Path:
    return plant(home.folder / "tree")


def kill_keeper(handle: Handle) -> None:
    """Until its lock is gone, too."""
    group = group_of(handle)
    pid = group.supervisor()
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: group.supervisor() is None)


def test_a_keeper_that_is_killed_has_a_successor_that_misses_nothing(home: Home) -> None:
    go = home.folder / "go"
    go.mkdir()
    more = "more() { while [ $i -lt $1 ]; do i=$((i+1)); echo $i; sleep 0.01; done; }"
    script = f"{more}; i=0; more 100; until [ -e /go/on ]; do sleep 0.05; done; more 200; exit 6"
    handle = home.start(script, "exec sleep 600", mounts=(Mount(str(go), "/go"),))
    until(lambda: "20\n" in home.log(handle))
    kill_keeper(handle)
    (one, other) = home.driver.describe(handle)
    assert (one.state, other.state) == ("running", "running")
    (go / "on").touch()
    home.driver.wait(handle, PATIENCE)
    (one, other) = home.driver.describe(handle)
    assert (one.state, one.code, other.state) == ("exited", 6, "running")
    assert home.log(handle) == "".join(f"{number}\n" for number in range(1, 201))
    home.driver.stop(handle, 0)
    assert home.ended(handle)[1].code in {137, 143}


def test_what_ended_without_a_keeper_is_told_by_the_engine(home: Home) -> None:
    go = home.folder / "go"
    go.mkdir()
    handle = home.start("until [ -e /go/on ]; do sleep 0.05; done; exit 9", mounts=(Mount(str(go), "/go"),))
    kill_keeper(handle)
    (go / "on").touch()
    engine = opened(os.environ["CLARY_ENGINE"])
    name = engine.api.containers(all=True, filters={"label": [f"clary.id={handle['id']}"]})[0]["Id"]
    until(lambda: not (engine.state(name) or {"State": {"Running": True}})["State"]["Running"])
    assert home.ended(handle)[0].code == 9


def test_a_container_that_somebody_removed_was_killed(home: Home) -> None:
    handle = home.start("exec sleep 600")
    engine = opened(os.environ["CLARY_ENGINE"])
    (found,) = engine.api.containers(filters={"label": [f"clary.home={home.folder}"]})
    engine.remove(found["Id"])
    assert home.ended(handle)[0].code == 137


def test_without_keeper_and_container_it_is_lost(home: Home) -> None:
    handle = home.start("exec sleep 600")
    kill_keeper(handle)
    engine = opened(os.environ["CLARY_ENGINE"])
    (found,) = engine.api.containers(filters={"label": [f"clary.home={home.folder}"]})
    engine.remove(found["Id"])
    assert home.driver.describe(handle)[0].state == "lost"


def test_an_engine_that_is_gone(home: Home) -> None:
    """Nobody can tell then; when it is back, they can."""
    place, process = engines.start("dockerd")
    driver = Container(home.folder, place)
    handle = home.reserve()
    driver.start(handle, home.launches(handle, "exec sleep 600"))
    kill_keeper(handle)
    engines.end(process)
    assert driver.describe(handle)[0].state == "unknown"
    with pytest.raises(NoEngine):
        driver.nodes()
    (Path(handle["folder"]) / "supervisor/made").unlink()  # what that engine had went with it


def test_no_engine_and_no_package(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match="does not answer"):
        opened(f"unix://{tmp_path}/none.sock")
    with pytest.raises(ClaryError, match="must run on this machine"):
        opened("tcp://127.0.0.1:2375")
    script = (
        "import sys\nsys.modules['docker'] = sys.modules['docker.client'] = None\n"
        "from clary.compute.drivers import open_driver\nfrom clary.config import Config\n"
        f"open_driver(Config.load(home={str(tmp_path)!r}, driver='container', engine='unix:///none'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert 'pip install "clary[container]"' in done.stderr


def test_the_package_is_imported_for_this_driver_alone(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom clary.compute.drivers import open_driver\nfrom clary.config import Config\n"
        f"open_driver(Config.load(home={str(tmp_path)!r}, driver='null'))\nassert 'docker' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def run(home: Home, tree: Path, script: str, **given: object) -> tuple[Instance, str]:
    handle = home.reserve()
    launch = Launch("algo-1", ("/bin/sh", "-c", script), home.log_path(handle, 1), root=str(tree))
    home.driver.start(handle, [replace(launch, **given)])  # type: ignore[arg-type]  # any field of it
    (instance,) = home.ended(handle)
    return instance, home.log(handle)


def test_a_tree_is_an_image_of_the_engines(home: Home, tree: Path) -> None:
    (tree / "etc/own").write_text("own")
    os.chown(tree / "data/app", 1234, 1235)
    shared = home.folder / "shared"
    shared.mkdir()
    script = "cat /etc/own; echo; touch /new /opt/ml/made; ls -n / | while read a b c d e f g h i; do echo $c $i; done"
    mounts = (Mount(str(shared), "/opt/ml", "rw"),)
    instance, said = run(home, tree, f"{script}; echo $(id -u) $HOME", mounts=mounts)
    assert instance.code == 0, said
    assert said.startswith("own\n")
    assert "0 new\n" in said
    assert said.endswith("0 /root\n")
    assert (shared / "made").exists()
    assert not (tree / "new").exists()
    assert run(home, tree, "ls /new; ls /usr/bin; touch /data/app/x && id -G", user="app")[1].endswith("1235 1236\n")


def test_trees_are_taken_once_and_cleared_when_they_are_gone(home: Home, tree: Path) -> None:
    engine = opened(os.environ["CLARY_ENGINE"])

    def kept() -> list[str]:
        images = engine.api.images(filters={"label": [engine_images.LABEL]})
        return [each["Labels"][engine_images.LABEL] for each in images]

    assert engine_images.tree(engine, str(tree)) == engine_images.tree(engine, str(tree))
    other = plant(home.folder / "other", "true")
    assert kept().count(str(tree)) == 1
    tree.rename(home.folder / "moved")
    engine_images.tree(engine, str(other))
    assert str(other) in kept()
    assert str(tree) not in kept()


@pytest.mark.parametrize("target", ["/proc/x", "/sys", "/dev/x", "/opt/../proc", "/", "x", "/away/x"])
def test_nothing_is_mounted_over_the_kernels(home: Home, tree: Path, target: str) -> None:
    (tree / "away").symlink_to("/proc")
    with pytest.raises(ClaryError, match="mounted at"):
        run(home, tree, "true", mounts=(Mount(str(home.folder), target),))


@pytest.mark.parametrize("name", ["a,b", "a:b"])
def test_an_overlay_that_an_engine_cannot_have(home: Home, name: str) -> None:
    (home.folder / name).mkdir()
    mount = Mount(str(home.folder / name), "/opt/x", "overlay", f"{home.folder}/upper")
    with pytest.raises(ClaryError, match="colon or a comma"):
        home.run("true", (mount,))


def test_with_podman() -> None:
    for home in running("container", "podman"):
        source = home.folder / "source"
        source.mkdir()
        source.chmod(0o777)
        (source / "kept").write_text("kept")
        mount = Mount(str(source), "/opt/x", "overlay", f"{home.folder}/upper")
        instance, said = home.run("cat /opt/x/kept; echo more > /opt/x/more; ls /opt/x; exit 3", (mount,))
        assert (instance.code, said) == (3, "keptkept\nmore\n")
        assert [path.name for path in source.iterdir()] == ["kept"]
        _, said = home.run("tail -n +3 /proc/net/dev | cut -d: -f1", isolated=True)
        assert said.split() == ["lo"]
        instance, said = run(home, plant(home.folder / "tree"), "id -u; touch /new; exit 4", user="app")
        assert (instance.code, said.split()[0]) == (4, "1234")
        handle = home.start("exec sleep 600")
        home.driver.stop(handle, PATIENCE)
        assert home.ended(handle)[0].code == 143
        again = drivers.open_driver(Config.load(home=home.folder, driver="container"))
        assert again.describe(handle) == home.driver.describe(handle)
