"""An endpoint that is made, asked and deleted again and again leaves nothing behind in Clary and in the data plane."""

from pathlib import Path

from clary.services.sagemaker.hosting.plane import Plane
from conftest import Platform
from endpoints import Endpoints
from replicas import ask, folders, runtime
from waiting import until

WARM, TIMES = 5, 30
SPARE = 20  # of threads and files that come and go by themselves: pools, and connections that are kept for a while


def held(platform: Platform) -> dict[str, int]:
    """Files and threads of the two processes."""
    told = Plane(platform.home).state()
    assert told is not None
    assert platform.process is not None
    places = {"main": Path(f"/proc/{platform.process.pid}"), "plane": Path(f"/proc/{told['pid']}")}
    return {f"{name} {what}": len(list((places[name] / what).iterdir())) for name in places for what in ("fd", "task")}


def test_nothing_is_left_behind(own_platform: Platform) -> None:
    endpoints, client = Endpoints(own_platform), runtime(own_platform, direct=True)
    config = endpoints.config()

    def once() -> None:
        name = endpoints.create(config)
        endpoints.until(name)
        assert 0 <= float(ask(client, name)) <= 1
        endpoints.sagemaker.delete_endpoint(EndpointName=name)
        until(lambda: not folders(own_platform))

    for _ in range(WARM):
        once()
    before = held(own_platform)
    for _ in range(TIMES):
        once()

    def grown() -> dict[str, int]:
        after = held(own_platform)
        return {what: after[what] - before[what] for what in before if after[what] - before[what] > SPARE}

    until(lambda: not grown(), grown)
