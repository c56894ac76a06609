"""InvokeEndpointAsync: what is asked waits in a queue, and its answer goes to S3.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

import base64
import re
import uuid
from urllib.parse import unquote

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.sagemaker.hosting import state
from clary.services.sagemaker_runtime import waiting
from clary.services.sagemaker_runtime.state import Runtime

LIVE, TIMEOUT = 21600, 900  # seconds; AWS's
# Member -> what the container gets.
HEADERS = {
    "ContentType": "content-type",
    "Accept": "accept",
    "CustomAttributes": "x-amzn-sagemaker-custom-attributes",
    "InferenceId": "x-amzn-sagemaker-inference-id",
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_VIRTUAL = re.compile(r"https://(?P<bucket>[^/]+?)\.s3[.-][^/]*amazonaws\.com(?:\.cn)?/(?P<key>.+)")
_PATH = re.compile(r"https://s3[.-][^/]*amazonaws\.com(?:\.cn)?/(?P<bucket>[^/]+)/(?P<key>.+)")


@operation("InvokeEndpointAsync")
def invoke_async(call: Call[Runtime], request: Document) -> Document:
    arn = call.arn(f"endpoint/{request['EndpointName'].lower()}")
    one = state.find(call.platform.store.read(), arn)
    fleet = next((fleet for fleet in one.fleets if fleet.share), None) if one else None
    if one is None or fleet is None or one.status == "Deleting":
        raise _invalid(f"Endpoint {request['EndpointName']} of account {call.account} not found.")
    config = fleet.settings.get("AsyncInferenceConfig")
    if config is None:
        raise _invalid(
            f"Endpoint {one.name} is not an asynchronous endpoint: its configuration has no AsyncInferenceConfig."
        )
    asked = _invocation(one.name, request, config["OutputConfig"])
    call.platform.store.write(lambda connection: waiting.add(connection, arn, asked, call.platform.clock()))
    call.state.queue.wake()
    said = {"InferenceId": asked.inference}
    if asked.output:
        said["OutputLocation"] = asked.output
    if asked.failure:
        said["FailureLocation"] = asked.failure
    return said


def _invocation(name: str, request: Document, config: Document) -> waiting.Invocation:
    body, source = request.get("Body"), request.get("InputLocation")
    if bool(body) == bool(source):
        raise _invalid("Exactly one of Body and InputLocation must be provided.")
    inference = request.get("InferenceId") or str(uuid.uuid4())
    file = str(uuid.uuid4()) if "InferenceId" in request else inference
    output = ""
    if "S3OutputPath" in config:
        output = _joined(
            config["S3OutputPath"], request.get("S3OutputPathExtension", ""), request.get("Filename") or f"{file}.out"
        )
    failure = _joined(config["S3FailurePath"], f"{file}-error.out") if "S3FailurePath" in config else ""
    notified = config.get("NotificationConfig", {})
    return waiting.Invocation(
        endpoint=name,
        inference=inference,
        input=_located(source) if source else "",
        body=base64.b64encode(body).decode() if body else "",
        headers={
            header: value
            for member, header in HEADERS.items()
            if (value := inference if member == "InferenceId" else request.get(member))
        },
        output=output,
        failure=failure,
        named="Filename" in request,
        live=request.get("RequestTTLSeconds", LIVE),
        timeout=request.get("InvocationTimeoutSeconds", TIMEOUT),
        topics={each: notified[each] for each in ("SuccessTopic", "ErrorTopic") if notified.get(each)},
        included=notified.get("IncludeInferenceResponseIn", []),
    )


def _joined(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))


def _located(uri: str) -> str:
    """As s3://bucket/key. Raises ValidationError."""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket and key:
            return uri
    elif match := _PATH.fullmatch(uri) or _VIRTUAL.fullmatch(uri):
        return f"s3://{match['bucket']}/{unquote(match['key'])}"
    raise _invalid(f"InputLocation {uri} is not the location of an object in S3.")


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationError", message, 400)
