"""What the data plane asks of the main process: POST /.clary/serving/load and /want.

Whoever has HOME/serving/token is the data plane: only the home's owner can read it.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from clary.errors import AWSError
from clary.jobs.objects import Objects
from clary.resource.call import Platform
from clary.resource.service import Raw
from clary.services.sagemaker.hosting import multimodel
from clary.services.sagemaker.hosting.controller import Hosting
from clary.wire.message import Request, Response

Document = dict[str, Any]
PATH: Final = "/.clary/serving/"  # no bucket's name begins with a dot


@dataclass(frozen=True, slots=True)
class Errands:
    platform: Platform
    hosting: Hosting
    objects: Objects

    def raw(self, request: Request) -> Raw | None:
        """Service.raw."""
        if request.method != "POST" or not request.path.startswith(PATH):
            return None
        does = {"load": self.load, "want": self.want}.get(request.path.removeprefix(PATH))
        return Raw(lambda request, _sink: self._answer(request, does), service="serving")

    def _answer(self, request: Request, does: Callable[[Document], Document] | None) -> Response:
        if not trusted(self.platform.config.home, request.headers.get("authorization", "")):
            return _json(HTTPStatus.UNAUTHORIZED, {"message": "The authorization token is not valid."})
        if does is None:
            return _json(HTTPStatus.NOT_FOUND, {"message": f"There is no {request.path}."})
        try:
            return _json(HTTPStatus.OK, does(json.loads(request.body)))
        except (ValueError, KeyError, TypeError) as error:
            return _json(HTTPStatus.BAD_REQUEST, {"message": f"The question is not as it should be ({error!r})."})
        except AWSError as error:
            return _json(error.status("json") or HTTPStatus.BAD_REQUEST, {"message": error.message})

    def load(self, asked: Document) -> Document:
        """{"endpoint", "variant", "replica", "container", "model"} -> {"url"}: where the replica sees the model."""
        return {
            "url": multimodel.load(self.platform, self.objects, asked["replica"], asked["container"], asked["model"])
        }

    def want(self, asked: Document) -> Document:
        """{"endpoint", "variant"}: a serverless variant that perhaps has no replica is to have one."""
        self.hosting.want(asked["endpoint"], asked["variant"])
        return {}


def trusted(home: Path, given: str) -> bool:
    """Whether this is the data plane's token."""
    try:
        token = (home / "serving" / "token").read_text()
    except FileNotFoundError:  # no data plane has ever been here
        return False
    return bool(token) and hmac.compare_digest(token.encode(), given.encode("latin-1"))


def _json(status: int, document: Document) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(document).encode())
