"""When serverless variants have had nothing to do for so long that their replicas may go.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from dataclasses import dataclass, field

from clary.services.sagemaker.hosting import design
from clary.services.sagemaker.hosting.round import Replica, Round
from clary.services.sagemaker.hosting.state import Fleet, State, Variant

Key = tuple[str, str]


@dataclass(slots=True)
class Rest:
    """The data plane knows when each was invoked; it is asked only once a variant may have been idle long enough."""

    idle: float  # seconds
    _busy: dict[Key, float] = field(default_factory=dict)  # when it last was, as far as we know; after a restart: now

    def wanted(self, arn: str, variant: str, now: float) -> None:
        self._busy[arn, variant] = now

    def forget(self, arn: str) -> None:
        """The endpoint is gone; another may have its name."""
        self._busy = {key: since for key, since in self._busy.items() if key[0] != arn}

    def look(self, one: State, fleet: Fleet, variant: Variant, replicas: list[Replica], now: Round) -> None:
        """Fewer replicas, if it is time."""
        if variant.spec["serverless"] is None or not fleet.complete or not fleet.share:
            return
        least = design.floor(variant.spec["serverless"])
        if variant.count <= least:
            return
        key = one.arn, variant.name
        since = self._busy.setdefault(key, now.now)
        if now.now - since >= self.idle:
            since = self._busy[key] = max(since, _invoked(one.arn, replicas, now))
        if now.now - since >= self.idle:
            del self._busy[key]
            variant.count = least
        else:
            now.look_at(since + self.idle)


def _invoked(arn: str, replicas: list[Replica], now: Round) -> float:
    """When it last had something to do: now, if the data plane is gone and so cannot say; 0 if it knows of nothing."""
    told = now.told()
    if told is None or told["endpoints"].get(arn, {}).get("waiting"):
        return now.now
    known = [told["replicas"].get(str(replica.id), {}) for replica in replicas]
    if any(each.get("running") for each in known):
        return now.now
    return max((float(each.get("invoked", 0.0)) for each in known), default=0.0)
