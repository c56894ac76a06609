"""GetAuthorizationToken: what `docker login` is given."""

import base64

from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.ecr.passwords import USER
from clary.services.ecr.state import ECR, Document, invalid, registry_url

SECONDS = 12 * 3600


@operation("GetAuthorizationToken", inline=True)
def get(call: Call[ECR], request: Document) -> Document:
    wanted = request.get("registryIds") or [call.account]
    if unknown := [each for each in wanted if each != call.account]:
        raise invalid("registryIds", f"there is the registry {call.account} alone here, and no {unknown[0]}")
    now = call.platform.clock()
    password = call.state.passwords.make(call.caller.access_key, _session(call), call.region, now + SECONDS)
    shown = {
        "authorizationToken": base64.b64encode(f"{USER}:{password}".encode()).decode(),
        "expiresAt": float(int(now + SECONDS)),
        "proxyEndpoint": registry_url(call.request, call.region, call.account),
    }
    return {"authorizationData": [shown for _ in wanted]}


def _session(call: Call[ECR]) -> str:
    return call.request.headers.get("x-amz-security-token", "") or dict(call.request.query_items()).get(
        "X-Amz-Security-Token", ""
    )
