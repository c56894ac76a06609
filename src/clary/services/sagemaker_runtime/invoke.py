"""Invocations that come in at the gateway: the data plane answers them, and what it says goes back as it is.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import http.client
from collections.abc import Iterator
from contextlib import closing, suppress

from clary.errors import AWSError
from clary.resource.call import Call
from clary.resource.service import Document, operation
from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.plane import PlaneGone
from clary.services.sagemaker_runtime.state import Runtime
from clary.wire.message import Request, Response

PATIENCE = 10.0  # seconds for a data plane that has to be started first
ATTEMPTS = 2  # data planes that may die under a request
PIECE = 1 << 16  # bytes of a stream that are handed on at once
HOP = {"connection", "content-length", "date", "transfer-encoding"}  # each connection has its own
TAKEN = ("content-type", "accept")  # and all that begins with SAGEMAKER
SAGEMAKER = "x-amzn-sagemaker-"


@operation("InvokeEndpoint", checked=False)
@operation("InvokeEndpointWithResponseStream", checked=False)
def invoke(call: Call[Runtime], _request: Document) -> Response:
    """`checked`: the data plane has limits of its own, which the configuration may raise."""
    request = call.request
    headers = {k: v for k, v in request.headers.items() if k in TAKEN or k.startswith(SAGEMAKER)}
    headers["x-clary-region"] = call.region
    try:
        answer = _send(call.state.hosting, request, headers)
        said = {name.lower(): value for name, value in answer.getheaders()}
        if said.get("transfer-encoding") == "chunked":
            return Response(answer.status, _kept(said), _pieces(answer))
        with closing(answer):
            return Response(answer.status, _kept(said), answer.read())
    except (PlaneGone, OSError, http.client.HTTPException) as error:
        raise AWSError("ServiceUnavailable", PlaneGone().message, 503) from error


def _send(hosting: Hosting, request: Request, headers: dict[str, str]) -> http.client.HTTPResponse:
    """If the data plane dies before it has answered, the next one is asked: as it does itself when a model dies. Raises
    PlaneGone.
    """
    hosting.needed()
    for _ in range(ATTEMPTS - 1):
        with suppress(PlaneGone):
            return hosting.plane.send("POST", request.path, request.body, headers, timeout=None, patience=PATIENCE)
    return hosting.plane.send("POST", request.path, request.body, headers, timeout=None, patience=PATIENCE)


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in HOP}


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """As they come; if nobody reads them any more, the data plane gets to know."""
    with closing(answer):
        while piece := answer.read1(PIECE):
            yield piece
