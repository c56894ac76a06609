"""A job's folder in place of /opt/ml, and the algorithm run on it with the image's own Python, without a sandbox."""

import json
import os
import random
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import clary.images
from clary.demo.cars import DATA as CARS
from waiting import PATIENCE

TRAIN = Path(clary.images.__file__).parent / "runtime" / "train.py"
CSV = {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}


@dataclass
class Container:
    root: Path
    python: Path
    given: dict[str, str]
    channels: dict[str, dict[str, str]] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("algo-1",)
    host: str = "algo-1"

    def put(self, channel: str, name: str, content: bytes | str, **config: str) -> Path:
        file = self.root / "input" / "data" / channel / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.channels[channel] = CSV | config
        return file

    def start(self) -> "subprocess.Popen[str]":
        config = self.root / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "hyperparameters.json").write_text(json.dumps(self.given))
        (config / "inputdataconfig.json").write_text(json.dumps(self.channels))
        (config / "resourceconfig.json").write_text(json.dumps({"hosts": self.hosts, "current_host": self.host}))
        env = {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(self.root)}
        return subprocess.Popen(
            [str(self.python), str(TRAIN), "xgboost"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> str:
        """The log. Its last lines say why where it failed."""
        process = self.start()
        log, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == (1 if self.failure else 0), log
        return log

    @property
    def failure(self) -> str:
        file = self.root / "output" / "failure"
        return file.read_text() if file.exists() else ""

    @property
    def model(self) -> Path:
        return self.root / "model" / "xgboost-model"


def cars() -> tuple[list[str], list[str]]:
    """UCI Car Evaluation (M. Bohanec, CC BY 4.0), one-hot, shuffled: lines for training and for validation."""
    rows = [line.split(",") for line in CARS.read_text().split()]
    values = [sorted({row[column] for row in rows}) for column in range(7)]
    random.Random(0).shuffle(rows)
    lines = []
    for row in rows:
        features = ["1" if row[column] == value else "0" for column in range(6) for value in values[column]]
        lines.append(",".join([str(values[6].index(row[6])), *features]))
    return lines[:1300], lines[1300:]


def scores(log: str, name: str) -> list[float]:
    """By the metric's regular expression, as SageMaker finds them."""
    return [float(found) for found in re.findall(rf".*\[[0-9]+\].*#011{name}:(\S+?)(?:#011|\n)", log)]
