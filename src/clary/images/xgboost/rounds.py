"""What is done after each round: the metrics' line, the checkpoint, the model saved so far."""

from __future__ import annotations

import os
import pickle
import re
import signal
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

from .packages import VERSION, xgboost

MODEL = "xgboost-model"
CHECKPOINT = "xgboost-checkpoint"
KEPT = 5  # checkpoints, as the public container keeps (checkpointing.save_checkpoint)
CLASSES = VERSION >= (1, 3)  # callbacks are classes


def save(booster: Any, file: Path) -> None:
    """As the container of that version saves it (algorithm_mode/train.py of its branches): 1.2 and older by pickle."""
    half = file.with_name("." + file.name + ".half")
    if CLASSES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it chooses the format by itself, UBJSON from 2.1 on
            booster.save_model(str(half))
    else:
        half.write_bytes(pickle.dumps(booster, protocol=4))
    half.replace(file)


def latest(folder: Path | None) -> tuple[Path | None, int]:
    """The newest checkpoint, and how many rounds it has; (None, 0) without one."""
    found = [
        (int(file.suffix[1:]), file)
        for file in (folder.iterdir() if folder and folder.is_dir() else [])
        if re.fullmatch(CHECKPOINT + r"\.[0-9]+", file.name)
    ]
    if not found:
        return None, 0
    number, file = max(found)
    return file, number + 1


class Rounds:
    """`first`: the rounds that the checkpoint has already. Only the master prints and saves."""

    def __init__(self, first: int, master: bool, checkpoints: Path | None, model: Path | None) -> None:
        self.first = first
        self.master = master
        self.checkpoints = checkpoints
        self.model = model
        self.scores: list[tuple[str, float]] = []
        self.previous = set(checkpoints.iterdir()) if checkpoints and checkpoints.is_dir() else set()

    def ended(self, booster: Any, number: int, scores: list[tuple[str, float]]) -> None:
        self.scores = scores
        if not self.master:
            return
        number += self.first
        # The agent that ships SageMaker's logs writes a tab as #011, and the metrics' regexes look for that.
        print(f"[{number}]" + "".join(f"#011{name}:{score:.5f}" for name, score in scores), flush=True)
        if self.checkpoints:
            self._checkpoint(booster, number, self.checkpoints)
        if self.model:
            save(booster, self.model)

    def _checkpoint(self, booster: Any, number: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{CHECKPOINT}.{number}.sagemaker-ignore"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            booster.save_model(str(half))
        half.replace(folder / f"{CHECKPOINT}.{number}")
        old = folder / f"{CHECKPOINT}.{number - KEPT}"
        if old not in self.previous and old.exists():
            old.unlink()

    def callback(self) -> Any:
        """For xgboost.train of this version."""
        if not CLASSES:
            return lambda env: self.ended(
                env.model, env.iteration - self.first, [(entry[0], entry[1]) for entry in env.evaluation_result_list]
            )
        ended = self.ended

        class Callback(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # xgboost is the container's: Any here
            def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, list[float]]]) -> bool:
                scores = [
                    (f"{data}-{metric}", values[-1])
                    for data, metrics in evals_log.items()
                    for metric, values in metrics.items()
                ]
                ended(model, epoch, scores)
                return False

        return Callback()


def end_well_when_stopped(folder: Path) -> None:
    """SIGTERM ends the process with 0: what has been saved of the model so far is the model."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for file in folder.iterdir():
            if file.is_file() and not file.name.startswith(MODEL):
                file.unlink()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
