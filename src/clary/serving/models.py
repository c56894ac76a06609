"""Multi-model endpoints: many models behind one container, in memory while they are asked for.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

import hashlib
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from clary.errors import AWSError
from clary.serving import refusals
from clary.serving.endpoints import Replica, Variant
from clary.serving.main import Errand, said
from clary.serving.meter import rounded

if TYPE_CHECKING:
    from clary.serving.answers import Head
    from clary.serving.app import Plane
    from clary.serving.routing import Routed

_clock = time.perf_counter
JSON = (("content-type", "application/json"),)


@lru_cache(4096)
def name_of(model: str) -> str:
    """How the container knows a TargetModel: "an opaque identifier", as the page above has it."""
    return hashlib.sha256(model.encode()).hexdigest()[:32]


class Models:
    def __init__(self, plane: "Plane") -> None:
        self._plane = plane

    def path(self, model: str) -> str:
        return f"/models/{name_of(model)}/invoke"

    def dispatch(self, invocation: "Routed", replica: Replica | None) -> None:
        """To a replica that has the model in memory; else to one that loads it first."""
        variant = invocation.variant
        assert variant is not None
        model = invocation.model
        replica = replica or _pick(variant, model)
        if replica is None and self._plane.pick_again(variant) is not None:
            replica = _pick(variant, model)
        if replica is None:
            invocation.wait()
        elif model in replica.loaded:
            replica.loaded[model] = _clock()
            variant.meter.add("ModelCacheHit", 1)
            invocation.begin(replica)
        elif model in replica.loading:
            variant.meter.add("ModelCacheHit", 0)
            replica.loading[model].append(invocation)
        else:
            variant.meter.add("ModelCacheHit", 0)
            replica.loading[model] = [invocation]
            self._fetch(replica, model, _clock())

    def _fetch(self, replica: Replica, model: str, began: float) -> None:
        told = replica.told
        document = {"endpoint": told.endpoint, "variant": told.variant, "replica": replica.id, "model": model}
        document["container"] = told.containers[0].hostname

        def fetched(status: int, body: bytes) -> None:
            if status != 200:
                message = said(body, f"Failed to download the model {model}.")
                refused = refusals.invalid(message) if 400 <= status < 500 else refusals.unavailable(message)
                self._give_up(replica, model, refused)
                return
            replica.variant.meter.add("ModelDownloadingTime", rounded(_clock() - began))
            self._load(replica, model, orjson.loads(body)["url"], began)

        self._plane.main.ask("load", document, fetched)

    def _load(self, replica: Replica, model: str, url: str, began: float) -> None:
        started = _clock()

        def loaded(head: "Head | None", body: bytes) -> None:
            status = head.status if head else 0
            if 200 <= status < 300 or status == 409:  # "the model is already loaded"
                replica.loaded[model] = now = _clock()
                meter = replica.variant.meter
                meter.add("ModelLoadingTime", rounded(now - started))
                meter.add("ModelLoadingWaitTime", rounded(now - began))
                meter.add("LoadedModelCount", len(replica.loaded))
                for invocation in _waiting(replica, model):
                    invocation.begin(replica)
            elif status == 507 and replica.loaded:  # not enough memory: the one that was not used for longest goes
                self._unload(replica, lambda: self._load(replica, model, url, began))
            elif status == 507:
                message = f"The model {model} does not fit into the container's memory."
                self._give_up(replica, model, refusals.not_ready(message))
            elif head is None:
                for invocation in _waiting(replica, model):
                    invocation.again(refusals.not_ready(f"Model {model} could not be loaded: no answer."))
            else:
                told = replica.told
                origin = refusals.Origin(told.endpoint, told.containers[0].hostname, told.log[0])
                self._give_up(replica, model, refusals.model_error(origin, status, body.decode(errors="replace")))

        document = orjson.dumps({"model_name": name_of(model), "url": url})
        replica.containers[0].send(Errand(loaded), "/models", JSON, document)

    def _unload(self, replica: Replica, then: Callable[[], None]) -> None:
        oldest = min(replica.loaded, key=replica.loaded.__getitem__)
        del replica.loaded[oldest]
        began = _clock()

        def unloaded(_head: "Head | None", _body: bytes) -> None:
            replica.variant.meter.add("ModelUnloadingTime", rounded(_clock() - began))
            then()

        replica.containers[0].send(Errand(unloaded), f"/models/{name_of(oldest)}", (), b"", "DELETE")

    def _give_up(self, replica: Replica, model: str, error: AWSError) -> None:
        for invocation in _waiting(replica, model):
            invocation.refuse(error)


def _waiting(replica: Replica, model: str) -> "list[Routed]":
    """Those that wait no longer for it to be loaded; not those whose client is gone."""
    return [each for each in replica.loading.pop(model, []) if each.variant is not None]


def _pick(variant: Variant, model: str) -> Replica | None:
    """One that has the model, or is at it; else the one with the fewest models."""
    have = [replica for replica in variant.ready if model in replica.loaded]
    if have:
        return min(have, key=lambda replica: replica.running)
    coming = [replica for replica in variant.ready if model in replica.loading]
    if coming:
        return coming[0]
    return min(variant.ready, key=lambda each: (len(each.loaded) + len(each.loading), each.running), default=None)
