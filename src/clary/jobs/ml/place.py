"""Where a job's things lie on this machine, and under which names its containers see them."""

from dataclasses import dataclass, field
from pathlib import Path

from clary.compute.driver import Mount
from clary.jobs.recipe import Job

ML = "/opt/ml"
BUNDLE = "/etc/clary/ca.pem"
FOLDERS = ("input/config", "input/data", "model", "output/data")
OPEN = 0o777  # a container has a user of its own; the job's folder above lets nobody else in


@dataclass(frozen=True, slots=True)
class Where:
    """What jobs are told of this Clary. `credentials` is the URL that gives the role's, for whoever brings `token`."""

    home: Path
    region: str
    endpoint: str  # http://127.0.0.1:4510, as a container reaches it
    bundle: Path | None = None  # the authorities to trust: the home's own, and the system's
    credentials: str = ""
    token: str = ""


@dataclass(slots=True)
class Staged:
    """What one instance's Launch takes, beside its image's."""

    mounts: tuple[Mount, ...]
    env: dict[str, str] = field(default_factory=dict)


def instance(job: Job, number: int) -> Path:
    """The folder of an instance, from 0."""
    return job.folder / f"algo-{number + 1}"


def ml(job: Job, number: int) -> Path:
    """What the instance sees as /opt/ml."""
    return instance(job, number) / "ml"


def open_folder(path: Path) -> Path:
    """Makes a folder that a container may write to, whatever the umask is."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(OPEN)
    return path
