"""k-fold cross validation, `_kfold` and `_num_cv_round`: a model a fold, and what each fold said of the rows it had not
seen, in output/data/predictions.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import booster, rounds
from .packages import numpy, package
from .say import say


def train(
    plan: booster.Plan,
    evals: list[tuple[Any, str]],
    whole: Any,
    root: Path,
    checkpoints: Path | None,
    *,
    master: bool,
) -> dict[str, Any]:
    """The boosters by the names of their files. Metrics are of the whole channels, as the public container's are."""
    say(f"Run {plan.repeats}-round of {plan.folds}-fold cross validation with {whole.num_row()} rows")
    labels = whole.get_label()
    objective = str(plan.params.get("objective", ""))
    of_classes = bool(plan.params.get("num_class")) or objective.startswith("binary:")
    kind = "RepeatedStratifiedKFold" if of_classes else "RepeatedKFold"
    splitter = getattr(package("sklearn.model_selection"), kind)(n_splits=plan.folds, n_repeats=plan.repeats)
    said: list[tuple[Any, Any]] = []
    models: dict[str, Any] = {}
    scores: list[list[tuple[str, float]]] = []
    for number, (seen, held) in enumerate(splitter.split(X=numpy.zeros(len(labels)), y=labels if of_classes else None)):
        say(f"Train cross validation fold {number % plan.folds + 1}")
        name = f"{rounds.MODEL}-{number}"
        models[name] = booster.train(
            plan,
            whole.slice(seen),
            evals,
            master=master,
            checkpoints=checkpoints / f"model-{number}" if checkpoints else None,
            model=root / "model" / name,
            scores=scores,
        )
        said.append((held, models[name].predict(whole.slice(held))))
        if (number + 1) % plan.folds == 0:
            say(f"The metrics of round {(number + 1) // plan.folds} cross validation")
            _report(plan.num_round, scores[-plan.folds :])
    if plan.repeats > 1:
        say(f"The overall metrics of {plan.repeats}-round cross validation")
        _report(plan.num_round, scores)
    if master:
        _save(root / "output" / "data" / "predictions.csv", labels, said, of_classes, plan.repeats)
    return models


def _report(number: int, scores: list[list[tuple[str, float]]]) -> None:
    by_name: dict[str, list[float]] = {}
    for fold in scores:
        for name, score in fold:
            by_name.setdefault(name, []).append(score)
    means = "".join(f"#011{name}:{numpy.mean(values):.5f}" for name, values in by_name.items())
    print(f"[{number}]{means}", flush=True)


def _save(file: Path, labels: Any, said: list[tuple[Any, Any]], of_classes: bool, repeats: int) -> None:
    """A line a row: its label; for classes the mean probability and the class said most often, else the mean value."""
    values = numpy.zeros((len(labels), repeats))
    chances = numpy.zeros((len(labels), repeats))
    turn = numpy.zeros(len(labels), dtype=int)
    for held, found in said:
        if found.ndim > 1:
            picked = numpy.argmax(found, axis=1)
            chance = found[numpy.arange(len(picked)), picked]
        else:
            picked, chance = ((found > 0.5) * 1 if of_classes else found), found
        values[held, turn[held]] = picked
        chances[held, turn[held]] = chance
        turn[held] += 1
    if of_classes:
        columns = [labels, chances.mean(axis=1), [numpy.bincount(row.astype(int)).argmax() for row in values]]
    else:
        columns = [labels, values.mean(axis=1)]
    file.parent.mkdir(parents=True, exist_ok=True)
    numpy.savetxt(str(file), numpy.column_stack(columns), delimiter=",", fmt="%f")
