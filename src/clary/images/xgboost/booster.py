"""One training: what xgboost.train is given for the hyperparameters, in the words of its version."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import failures, metrics, rounds
from .packages import VERSION, xgboost
from .say import say, warn


@dataclass
class Plan:
    """`params` are xgboost's own, the rest is for train()."""

    params: dict[str, Any]
    num_round: int
    asked: list[str]  # eval_metric, and the tuner's objective
    judge: str  # the metric that early stopping looks at; "" for none
    patience: int  # early_stopping_rounds; 0 for none
    ours: list[str]  # metrics that are computed here
    save_always: bool
    folds: int
    repeats: int


# Those that the container takes for itself.
TAKEN = frozenset(
    [
        *("num_round", "csv_weights", "early_stopping_rounds", "eval_metric", "save_model_on_termination"),
        *("_kfold", "_nfold", "_num_cv_round", "_tuning_objective_metric", "use_dask_gpu_training"),
    ]
)
ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


def plan(given: dict[str, str], threads: int, gpu: bool) -> Plan:
    """Raises UserError for what cannot be read. Ranges were checked when the job was created."""
    params: dict[str, Any] = {ALIASES.get(name, name): value for name, value in given.items() if name not in TAKEN}
    params.setdefault("nthread", threads)
    for name in ("num_class", "num_parallel_tree"):  # Python code of older versions counts with these
        if name in params:
            params[name] = number(given, name, 1)
    _place(params, gpu)
    listed = [name.strip() for name in given.get("eval_metric", "").split(",") if name.strip()]
    tuned = given.get("_tuning_objective_metric", "").rpartition(":")[2]
    asked = listed + ([tuned] if tuned and tuned not in listed else [])
    theirs, ours = metrics.chosen(asked)
    if theirs:
        params["eval_metric"] = theirs
    return Plan(
        params=params,
        num_round=number(given, "num_round", 0),
        asked=asked,
        judge=tuned or (listed[-1] if listed else ""),
        patience=number(given, "early_stopping_rounds", 0),
        ours=ours,
        save_always=given.get("save_model_on_termination") == "true",
        folds=number(given, "_kfold", 0),
        repeats=number(given, "_num_cv_round", 1),
    )


def number(given: dict[str, str], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except ValueError as error:
        raise failures.UserError(f"Hyperparameter {name}: could not parse value (caused by ValueError)") from error


def _place(params: dict[str, Any], gpu: bool) -> None:
    if params.get("tree_method") != "gpu_hist":
        return
    if not gpu:
        raise failures.UserError("tree_method gpu_hist needs a GPU, and this instance has none. Please use hist.")
    if VERSION >= (2, 0):  # it is said by `device` from 2.0 on, and gpu_hist is gone
        params.update(tree_method="hist", device="cuda")


def train(
    plan: Plan,
    train: Any,
    evals: list[tuple[Any, str]],
    *,
    master: bool,
    checkpoints: Path | None,
    model: Path,
    scores: list[list[tuple[str, float]]] | None = None,
) -> Any:
    """A booster. The last round's metrics are put at the end of `scores`."""
    resume, first = rounds.latest(checkpoints)
    if resume:
        say(f"Checkpoint loaded from {resume}")
        say(f"Resuming from iteration {first}")
    each = rounds.Rounds(first, master, checkpoints, model if plan.save_always else None)
    if plan.save_always and master:
        rounds.end_well_when_stopped(model.parent)
    callbacks = [each.callback()]
    options: dict[str, Any] = {}
    if plan.patience and not rounds.CLASSES:
        options["early_stopping_rounds"] = plan.patience
        if plan.judge:
            options["maximize"] = plan.judge.partition("@")[0] in metrics.MAXIMIZED
    elif plan.patience:
        callbacks += _early(plan, validated=len(evals) > 1)
    if plan.ours:
        evaluate = metrics.evaluation(plan.ours, str(plan.params.get("objective", "")))
        options["custom_metric" if VERSION >= (3, 0) else "feval"] = evaluate
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that feval is called custom_metric now
            found = xgboost.train(
                plan.params,
                train,
                num_boost_round=plan.num_round - first,
                evals=evals,
                callbacks=callbacks,
                xgb_model=str(resume) if resume else None,
                verbose_eval=False,
                **options,
            )
    except (ValueError, TypeError, xgboost.core.XGBoostError) as error:
        raise failures.of_training(error) from error
    if scores is not None:
        scores.append(each.scores)
    return found


def _early(plan: Plan, *, validated: bool) -> list[Any]:
    """From 1.3 on the container stops early only by a validation channel and a metric that was asked for."""
    if not validated or not plan.judge:
        missing = "an eval_metric" if validated else "a validation channel"
        warn(f"early_stopping_rounds has no effect without {missing}.")
        return []
    return [
        xgboost.callback.EarlyStopping(
            rounds=plan.patience,
            data_name="validation",
            metric_name=plan.judge,
            maximize=plan.judge.partition("@")[0] in metrics.MAXIMIZED,
            save_best=True,
        )
    ]
