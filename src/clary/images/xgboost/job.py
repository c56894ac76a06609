"""One job on one instance, from the files of /opt/ml to the model.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import booster, cluster, data, folds, pipes, rounds
from .failures import AlgorithmError, UserError
from .packages import VERSION
from .say import error, say, warn

CHANNELS = ("train", "validation", "code")


def run(root: Path) -> None:
    try:
        _run(root)
    except (UserError, AlgorithmError) as problem:
        _fail(root, f"{type(problem).__name__}: {problem}")
    except MemoryError:
        _fail(root, "UserError: Out of memory. Please use an instance type with more memory, or less data.")
    except Exception as problem:  # noqa: BLE001 - whatever it is, the job has to say it
        traceback.print_exc()
        _fail(root, f"AlgorithmError: {type(problem).__name__}: {problem}")


def _fail(root: Path, text: str) -> None:
    error("framework error: " + text)
    output = root / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text("framework error: \n" + text)
    sys.exit(1)


@dataclass
class Channel:
    matrix: Any = None
    files: tuple[Path, ...] = ()


def _run(root: Path) -> None:
    config = root / "input" / "config"
    say("Running XGBoost Sagemaker in algorithm mode")
    given = {name.strip(): str(value).strip() for name, value in _json(config / "hyperparameters.json").items()}
    channels = _checked(_json(config / "inputdataconfig.json"))
    resources = _json(config / "resourceconfig.json")
    hosts = sorted(resources.get("hosts") or ["algo-1"])
    host = resources.get("current_host") or hosts[0]
    plan = booster.plan(given, _threads(), _gpus() > 0)
    if plan.num_round < 1:
        raise UserError("Missing required hyperparameter: num_round")
    weighted = given.get("csv_weights") == "1"
    if VERSION >= (3, 0):
        pipes.refuse(channels)
    with tempfile.TemporaryDirectory(prefix="xgboost-pipe-") as folder:
        loaded = {
            name: _load(root, name, channels[name], weighted, plan, Path(folder))
            for name in ("train", "validation")
            if name in channels
        }
        train, validation = loaded["train"], loaded.get("validation", Channel())
        _warn_of_same(train, validation)
        if train.files and data.form(channels["train"].get("ContentType")) == "csv":
            data.check_columns(list(train.files), list(validation.files))
        whole = train.matrix
        if plan.folds and validation.matrix is not None and train.matrix is not None:
            say("Read both train and validation data into one DMatrix")
            kind = data.form(channels["train"].get("ContentType"))
            whole = data.read([*train.files, *validation.files], kind, weighted, int(plan.params["nthread"]))
    checkpoints = _checkpoints(root, config)
    missing = [name for name in loaded if loaded[name].matrix is None]
    if len(hosts) == 1:
        if missing:
            kind = "training" if missing[0] == "train" else "validation"
            raise UserError(f"No data in {kind} channel path {root / 'input' / 'data' / missing[0]}")
        say("Single node training.")
        _train(root, plan, train.matrix, validation.matrix, whole, checkpoints, master=True)
        return
    say(f"Distributed node training with {len(hosts)} hosts: {hosts}")
    for name in missing:
        warn(
            f"Host {host} does not have data in the {name} channel. Will broadcast to cluster and this host {host} "
            "will not be used in distributed training. Please divide the data across instances properly. See "
            "https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html#Instance-XGBoost-distributed-training-divide-"
            "data. "
        )
    with cluster.joined(hosts, host, not missing) as master:
        if master is None:
            warn(f"Host {host} not being used for distributed training.")
            return
        _train(root, plan, train.matrix, validation.matrix, whole, checkpoints, master=master)


def _train(
    root: Path, plan: booster.Plan, train: Any, validation: Any, whole: Any, checkpoints: Path | None, *, master: bool
) -> None:
    model = root / "model"
    model.mkdir(parents=True, exist_ok=True)
    say(f"Train matrix has {train.num_row()} rows and {train.num_col()} columns")
    if validation is not None:
        say(f"Validation matrix has {validation.num_row()} rows")
    evals = [(train, "train"), *([(validation, "validation")] if validation is not None else [])]
    if plan.folds:
        trained = folds.train(plan, evals, whole, root, checkpoints, master=master)
    else:
        file = model / rounds.MODEL
        trained = {file.name: booster.train(plan, train, evals, master=master, checkpoints=checkpoints, model=file)}
    if master:
        for name, found in trained.items():
            rounds.save(found, model / name)


def _load(root: Path, name: str, channel: dict[str, Any], weighted: bool, plan: booster.Plan, spool: Path) -> Channel:
    kind = data.form(channel.get("ContentType"))
    if channel.get("TrainingInputMode") == "Pipe":
        found = pipes.spooled(root / "input" / "data" / name, kind, spool)
    else:
        found = data.files(root / "input" / "data" / name)
    if not found:
        return Channel()
    return Channel(data.read(found, kind, weighted, int(plan.params["nthread"])), tuple(found))


def _checked(channels: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    for name in channels:
        if name not in CHANNELS:
            raise UserError(f"Extraneous channel found: {name}")
    return channels


def _warn_of_same(train: Channel, validation: Channel) -> None:
    sizes = {file.name: file.stat().st_size for file in train.files if file.exists()}
    for file in validation.files:
        if file.exists() and sizes.get(file.name) == file.stat().st_size:
            warn(
                f"Suspected identical files found. ({file.name} in train and validation with same size "
                f"{sizes[file.name]} bytes). Note: Duplicate data in the training set and validation set is usually "
                "not intentional and can impair the validity of the model evaluation by the validation score."
            )


def _checkpoints(root: Path, config: Path) -> Path | None:
    """Where the job asked for checkpoints; SageMaker tells it by checkpointconfig.json."""
    told = _json(config / "checkpointconfig.json")
    usual = root / "checkpoints"
    if told.get("LocalPath"):
        return Path(told["LocalPath"])
    return usual if usual.is_dir() else None


def _json(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text()) if file.exists() else {}
    assert isinstance(found, dict)
    return found


def _threads() -> int:
    """What the instance type has, but not more than the machine lets us run on."""
    here = len(os.sched_getaffinity(0))
    told = os.environ.get("SM_NUM_CPUS", "")
    return max(min(here, int(told)), 1) if told.isdigit() else here


def _gpus() -> int:
    count = int(os.environ.get("SM_NUM_GPUS") or 0)
    if not count:
        say("No GPUs detected (normal if no gpus installed)")
    return count
