"""What is answered instead of a prediction, in AWS's words.

Errors: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
The sentences are those that users of AWS have posted; each has the thread that it was read in.
"""

from typing import Any

from clary.errors import AWSError

# https://github.com/aws/amazon-sagemaker-examples/issues/799
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container {}. Review the latency metrics for each "
    "container in Amazon CloudWatch, resolve the issue, and try again."
)
EXITED = "The container {} ended before it had answered."
LONGEST = 2048  # characters of a message, by the model


def unknown(name: str, account: str) -> AWSError:
    # https://github.com/aws/amazon-sagemaker-examples/issues/559
    return invalid(f"Endpoint {name} of account {account} not found.")


def invalid(message: str, code: str = "") -> AWSError:
    members = {"ErrorCode": code} if code else {}
    return AWSError("ValidationError", message, 400, **members)


def no_variant(variant: str, name: str) -> AWSError:
    return invalid(f"Variant {variant} of endpoint {name} not found.")


def no_multi_model(name: str) -> AWSError:
    # https://github.com/aws/amazon-sagemaker-examples/issues/1216
    sentence = f"Endpoint {name} is not a multi-model endpoint and does not support target model header."
    return invalid(sentence, "TARGET_MODEL_HEADER_NOT_SUPPORTED")


def no_target_model(request_id: str) -> AWSError:
    # https://github.com/aws/sagemaker-tensorflow-serving-container/issues/166
    return invalid(f"Request {request_id} is missing a target model header.", "TARGET_MODEL_HEADER_MISSING")


def only_async(name: str) -> AWSError:
    # "the endpoint can only receive asynchronous invocations":
    # https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
    return invalid(f"Endpoint {name} can only receive asynchronous invocations: use InvokeEndpointAsync.")


def no_component(name: str) -> AWSError:
    return invalid(f"Endpoint {name} has no inference components and does not support inference component name header.")


def no_container(name: str, hostname: str) -> AWSError:
    if not hostname:
        return invalid(
            f"Endpoint {name} invokes its containers directly: a target container hostname header is needed."
        )
    return invalid(f"Endpoint {name} has no container with the hostname {hostname}.")


def throttled() -> AWSError:
    """The sentence of this code: https://github.com/aws/sagemaker-python-sdk/issues/645. Users of endpoints have also
    read none: https://github.com/opensearch-project/ml-commons/issues/2429
    """
    return AWSError("ThrottlingException", "Rate exceeded", 400)


def unavailable(message: str = "No instance of the endpoint is available.") -> AWSError:
    return AWSError("ServiceUnavailable", message, 503)


def not_ready(message: str) -> AWSError:
    return AWSError("ModelNotReadyException", message, 429)


class Origin:
    """Where a container's failure is to be looked up."""

    __slots__ = ("account", "group", "hostname", "region")

    def __init__(self, arn: str, hostname: str, group: str) -> None:
        _, _, _, self.region, self.account, _ = arn.split(":", 5)
        self.hostname = hostname
        self.group = group

    @property
    def see(self) -> str:
        console = f"https://{self.region}.console.aws.amazon.com/cloudwatch/home?region={self.region}"
        return f"See {console}#logEventViewer:group={self.group} in account {self.account} for more information."

    @property
    def log_stream(self) -> str:
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.group}"


def model_error(origin: Origin, status: int, said: str) -> AWSError:
    """The container answered with `status`, or with nothing (0), and `said` that."""
    # https://github.com/aws/sagemaker-python-sdk/issues/2955, https://github.com/RamVegiraju/SageMaker-Deployment/issues/3
    side = "client" if 400 <= status < 500 else "server"
    head = f'Received {side} error ({status}) from {origin.hostname} with message "'
    foot = f'". {origin.see}'
    return _model_error(origin, status, head + said[: LONGEST - len(head) - len(foot)] + foot, said)


def too_long(origin: Origin, status: int) -> AWSError:
    # https://github.com/aws/amazon-sagemaker-examples/issues/4324
    said = f"Received server error ({status}) from {origin.hostname} and could not load the entire response body."
    return _model_error(origin, status, f"{said} {origin.see}", "")


def _model_error(origin: Origin, status: int, message: str, said: str) -> AWSError:
    members: dict[str, Any] = {
        "OriginalStatusCode": status,
        "OriginalMessage": said[:LONGEST],
        "LogStreamArn": origin.log_stream,
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if 400 <= status < 500 else "SERVER_ERROR_FROM_MODEL",
    }
    return AWSError("ModelError", message, 424, **members)
