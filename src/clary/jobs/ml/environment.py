"""The environment variables of a training container.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
SM_*: https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

import json
from typing import Any

from clary.jobs.ml import config
from clary.jobs.ml.hosts import Host
from clary.jobs.ml.place import BUNDLE, ML, Where
from clary.jobs.recipe import Job

LOOPBACK = "localhost,127.0.0.0/8,127.0.0.1,::1,.localhost"
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
TRUSTING = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def variables(job: Job, hosts: list[Host], number: int, where: Where) -> dict[str, str]:
    """All but the image's. What the user gives comes last, but not before what leads to Clary."""
    document = job.document
    name = document.get("TrainingJobName", "")
    return {
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": job.arn,
        "CURRENT_HOST": hosts[number].name,
        "DMLC_INTERFACE": "lo",
        **_toolkit(document, hosts, number),
        **document.get("Environment", {}),
        **aws(where, hosts),
    }


def aws(where: Where, hosts: list[Host] | None = None) -> dict[str, str]:
    """What makes every AWS client in a container come here, as the job's role."""
    found = {
        "AWS_REGION": where.region,
        "AWS_DEFAULT_REGION": where.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # else a live tail of logs asks for stream-127.0.0.1
        "AWS_ALLOW_HTTP": "true",
        "AWS_ENDPOINT_URL": where.endpoint,
        **dict.fromkeys(PROXIES, where.endpoint),
    }
    around = ",".join([LOOPBACK, *(host.name for host in hosts or [])])
    found |= {"NO_PROXY": around, "no_proxy": around}
    if where.bundle is not None:
        found |= dict.fromkeys(TRUSTING, BUNDLE)
    if where.credentials:
        found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = where.credentials
        found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = where.token
    return found


def _toolkit(document: dict[str, Any], hosts: list[Host], number: int) -> dict[str, str]:
    here = hosts[number]
    names = sorted(channel["ChannelName"] for channel in config.channels(document, here))
    told = config.resources(hosts, number)
    return {
        "SM_CURRENT_HOST": here.name,
        "SM_CURRENT_INSTANCE_TYPE": here.type,
        "SM_CURRENT_INSTANCE_GROUP": here.group,
        "SM_HOSTS": json.dumps(told["hosts"]),
        "SM_NETWORK_INTERFACE_NAME": told["network_interface_name"],
        "SM_RESOURCE_CONFIG": json.dumps(told),
        "SM_INPUT_DIR": f"{ML}/input",
        "SM_INPUT_CONFIG_DIR": f"{ML}/input/config",
        "SM_OUTPUT_DIR": f"{ML}/output",
        "SM_OUTPUT_DATA_DIR": f"{ML}/output/data",
        "SM_MODEL_DIR": f"{ML}/model",
        "SM_CHANNELS": json.dumps(names),
        **{f"SM_CHANNEL_{name.upper()}": f"{ML}/input/data/{name}" for name in names},
    }
