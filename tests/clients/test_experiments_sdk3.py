"""SageMaker Python SDK 3, unchanged: runs, by sagemaker.core.experiments."""

from pathlib import Path
from typing import Any

from conftest import Platform
from sagemaker_inputs import fresh

RUNS = """
import sys
from sagemaker.core.experiments.run import Run, list_runs, load_run
from sagemaker.core.helper.session_helper import Session
name, session = sys.argv[1], Session()
with Run(experiment_name=name, run_name="First", sagemaker_session=session) as run:
    run.log_parameters({"learning_rate": 0.1, "optimizer": "adam"})
    for step in range(12):
        run.log_metric("loss", 1 / (step + 1), step=step)
    run.log_artifact("data", "s3://bucket/data.csv", media_type="text/csv", is_output=False)
    run.log_file("notes.txt", name="notes")
    with load_run(sagemaker_session=session) as same:
        same.log_metric("auc", 0.75)
print("RUNS", [run.run_name for run in list_runs(experiment_name=name, sagemaker_session=session)])
"""


def test_runs(outside: Any, platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    name = fresh("runs")
    done = outside("run", "sagemaker3", "python", "-c", RUNS, name)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "RUNS ['first']" in done.stdout
    shown = platform.client("sagemaker").describe_trial_component(TrialComponentName=f"{name}-first")
    assert shown["Parameters"] == {"learning_rate": {"NumberValue": 0.1}, "optimizer": {"StringValue": "adam"}}
    assert shown["Status"] == {"PrimaryStatus": "Completed"}
    assert {metric["MetricName"]: metric["Count"] for metric in shown["Metrics"]} == {"loss": 12, "auc": 1}
    assert set(shown["InputArtifacts"]) == {"data"}
    assert shown["OutputArtifacts"]["notes"]["Value"].endswith(f"/{name}-first/notes.txt")
