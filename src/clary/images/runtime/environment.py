"""What a script is told: its arguments, and the SM_ variables, as AWS's sagemaker-training toolkit gives them.
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Hyperparameters that are for the toolkit and are no arguments of the script's; so are all others with the prefix.
_PREFIX = "sagemaker_"
_OTHERS = ("_tuning_objective_metric", "default_user_module_name")
_KNOWN = (
    *_OTHERS,
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_s3_output",
)


class Environment:
    """What the files below `base` (/opt/ml) and the hyperparameters say."""

    def __init__(self, base: Path, hyperparameters: dict[str, Any]) -> None:
        told = {key: _decoded(value) for key, value in hyperparameters.items()}
        self.base = base
        self.code = base / "code"
        self.ours = {key: value for key, value in told.items() if key.startswith(_PREFIX) or key in _OTHERS}
        self.hyperparameters = {key: value for key, value in told.items() if key not in self.ours}
        self.program = str(os.environ.get("SAGEMAKER_PROGRAM") or self.ours.get("sagemaker_program"))
        self.submitted = str(
            self.ours.get("sagemaker_submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or self.code
        )
        self.resources = _json(base / "input" / "config" / "resourceconfig.json")
        self.channels = _json(base / "input" / "config" / "inputdataconfig.json")
        self.hosts = self.resources.get("hosts", ["algo-1"])

    def arguments(self) -> list[str]:
        """--name value for each hyperparameter, by name."""
        words = []
        for name, value in sorted(self.hyperparameters.items()):
            words.append(("--" if len(name) > 1 else "-") + name if name else "")
            if isinstance(value, dict):
                value = ",".join(f"{key}={one}" for key, one in sorted(value.items()))  # noqa: PLW2901 - its form
            words.append("" if value is None else str(value))
        return words

    def variables(self) -> dict[str, str]:
        """SM_HOSTS and the rest."""
        base = self.base
        groups = self.resources.get("instance_groups", [])
        group = self.resources.get("current_group_name", "homogeneousCluster")
        extra = {key: value for key, value in self.ours.items() if key not in _KNOWN}
        values: dict[str, Any] = {
            "hosts": self.hosts,
            "network_interface_name": self.resources.get("network_interface_name", "eth0"),
            "hps": self.hyperparameters,
            "user_entry_point": self.program,
            "framework_params": extra,
            "resource_config": self.resources,
            "input_data_config": self.channels,
            "output_data_dir": f"{base}/output/data",
            "channels": sorted(self.channels),
            "current_host": self.resources.get("current_host", "algo-1"),
            "current_instance_type": self.resources.get("current_instance_type", "local"),
            "current_instance_group": group,
            "current_instance_group_hosts": [
                h for g in groups if g["instance_group_name"] == group for h in g["hosts"]
            ],
            "instance_groups": [g["instance_group_name"] for g in groups],
            "instance_groups_dict": {g["instance_group_name"]: g for g in groups},
            "distribution_instance_groups": [],
            "is_hetero": len(groups) > 1,
            "module_name": self.program.replace(".py", ""),
            "log_level": self.ours.get("sagemaker_container_log_level", 20),
            "framework_module": None,
            "input_dir": f"{base}/input",
            "input_config_dir": f"{base}/input/config",
            "output_dir": f"{base}/output",
            "num_cpus": int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1),
            "num_gpus": int(os.environ.get("SM_NUM_GPUS") or 0),
            "num_neurons": 0,
            "model_dir": f"{base}/model",
            "module_dir": self.submitted,
            "output_intermediate_dir": f"{base}/output/intermediate",
        }
        inputs = {name: f"{base}/input/data/{name}" for name in self.channels}
        values["training_env"] = {
            **{name: values[name] for name in sorted(values) if name not in {"hps", "framework_params", "channels"}},
            "additional_framework_parameters": extra,
            "channel_input_dirs": inputs,
            "hyperparameters": self.hyperparameters,
            "is_master": values["current_host"] == self.hosts[0],
            "job_name": os.environ.get("TRAINING_JOB_NAME"),
            "master_hostname": self.hosts[0],
        }
        values["user_args"] = self.arguments()
        values.update({f"channel_{name}": path for name, path in inputs.items()})
        values.update({f"hp_{name}": value for name, value in self.hyperparameters.items()})
        return {f"SM_{name.upper()}": _text(value) for name, value in values.items()}


def _decoded(value: Any) -> Any:
    """The SDK sends each value as JSON; boto3 users send words."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
