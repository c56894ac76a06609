"""/opt/ml/input/config: what a container is told of its job.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html

That page describes hyperparameters.json, inputdataconfig.json and resourceconfig.json. Listings of the folder in logs
of real jobs have init-config.json too (502 bytes for a job with one channel, in 2022), but no public source was found
that shows what is in it, nor any that has trainingjobinfo.json: those two are our own, the request's members that
their names speak of. No program is known that reads them; sagemaker-training reads the three of the page.
"""

import json
from pathlib import Path
from typing import Any

from clary.jobs.ml.hosts import Host
from clary.jobs.recipe import Job

Document = dict[str, Any]


def mode(channel: Document, document: Document) -> str:
    """File, Pipe or FastFile."""
    default = document.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    return str(channel.get("InputMode") or default)


def write(folder: Path, job: Job, hosts: list[Host], number: int) -> None:
    for name, content in contents(job, hosts, number).items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content))
        path.chmod(0o666)


def contents(job: Job, hosts: list[Host], number: int) -> dict[str, Document]:
    """By the file's name."""
    document = job.document
    return {
        "hyperparameters": document.get("HyperParameters", {}),
        "inputdataconfig": {
            channel["ChannelName"]: _channel(channel, document) for channel in channels(document, hosts[number])
        },
        "resourceconfig": resources(hosts, number),
        "trainingjobinfo": {
            "TrainingJobName": document.get("TrainingJobName", ""),
            "TrainingJobArn": job.arn,
        },
        "init-config": {
            "TrainingJobName": document.get("TrainingJobName", ""),
            "OutputDataConfig": document.get("OutputDataConfig", {}),
        },
        **_kept(document),
    }


def channels(document: Document, host: Host) -> list[Document]:
    """Those that the host's group has: without InstanceGroupNames every group has it."""
    return [channel for channel in document.get("InputDataConfig", []) if _in(channel, host.group)]


def _in(channel: Document, group: str) -> bool:
    names = channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames")
    return not names or group in names


def _channel(channel: Document, document: Document) -> Document:
    source = channel["DataSource"].get("S3DataSource", {})
    told = {
        "TrainingInputMode": mode(channel, document),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {**({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}), **told}


def resources(hosts: list[Host], number: int) -> Document:
    """resourceconfig.json; its members as sagemaker-training reads them:
    https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/environment.py
    """
    groups: dict[str, Document] = {}
    for host in hosts:
        group = groups.setdefault(
            host.group, {"instance_group_name": host.group, "instance_type": host.type, "hosts": []}
        )
        group["hosts"].append(host.name)
    return {
        "current_host": hosts[number].name,
        "current_instance_type": hosts[number].type,
        "current_group_name": hosts[number].group,
        "hosts": [host.name for host in hosts],
        "instance_groups": list(groups.values()),
        "network_interface_name": "lo",
    }


_KEPT = {
    "CheckpointConfig": "checkpointconfig",
    "DebugHookConfig": "debughookconfig",
    "ProfilerConfig": "profilerconfig",
}


def _kept(document: Document) -> dict[str, Document]:
    return {name: document[member] for member, name in _KEPT.items() if member in document}
