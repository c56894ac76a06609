"""The headers of an invocation, by name in lower case, and what of them goes to the container.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_RequestSyntax
"""

from collections.abc import Mapping

from clary.serving.container import Headers

_P = "x-amzn-sagemaker-"
CUSTOM, TARGET_MODEL, TARGET_VARIANT = _P + "custom-attributes", _P + "target-model", _P + "target-variant"
TARGET_CONTAINER, SESSION, INFERENCE = _P + "target-container-hostname", _P + "session-id", _P + "inference-id"
COMPONENT, STREAM_ACCEPT = _P + "inference-component", _P + "accept"
PASSED = (CUSTOM, TARGET_MODEL, INFERENCE, SESSION, _P + "enable-explanations", _P + "prefix-aware-id")
NEW_SESSION, CLOSED_SESSION = _P + "new-session-id", _P + "closed-session-id"


def passed(said: Mapping[str, str], content_type: str, *, accept: bool, streams: bool) -> Headers:
    """`accept`: whether it is told what the client accepts, which is for the last container of several."""
    found = [("content-type", content_type)] if content_type else []
    if accept:
        wanted = said.get(STREAM_ACCEPT if streams else "accept")
        if wanted:
            found.append(("accept", wanted))
    found += [(name, said[name]) for name in PASSED if name in said]
    return tuple(found)
