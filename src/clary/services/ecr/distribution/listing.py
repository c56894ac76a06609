"""What there is: the API itself, repositories, tags, referrers.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery
"""

from urllib.parse import urlencode

import orjson

from clary.errors import AWSError
from clary.resource.call import Permission
from clary.services.ecr import referrer
from clary.services.ecr.digests import DIGEST
from clary.services.ecr.distribution import faults
from clary.services.ecr.distribution.bringing import Place
from clary.services.ecr.distribution.visit import Visit
from clary.services.ecr.manifest import OCI_INDEX
from clary.services.ecr.state import SQL
from clary.wire.message import Response

MOST = 1000  # in one page
JSON = {"content-type": "application/json"}


def version(_visit: Visit, _place: Place) -> Response:
    """Who may log in gets here."""
    return Response(200, dict(JSON), b"{}")


def catalog(visit: Visit, _place: Place) -> Response:
    """Docker's own addition: all repositories."""
    call = visit.call
    call.authorize(Permission("ecr:DescribeRepositories", call.arn("repository/*")))
    after, size = _page(visit)
    place = {"region": call.region, "after": after, "limit": size + 1}
    names = [row["name"] for row in call.platform.store.read().execute(SQL["repositories"], place)]
    return _listed(visit, {"repositories": names[:size]}, names, size)


def tags(visit: Visit, place: Place) -> Response:
    row = visit.allow(place["name"], "ListImages")
    after, size = _page(visit)
    at = {"repository": row["id"], "after": after, "limit": size + 1}
    names = [each["tag"] for each in visit.call.platform.store.read().execute(SQL["tags"], at)]
    return _listed(visit, {"name": row["name"], "tags": names[:size]}, names, size)


def _page(visit: Visit) -> tuple[str, int]:
    """Behind which name, and how many. Raises PAGINATION_NUMBER_INVALID."""
    asked = dict(visit.request.query_items())
    text = asked.get("n", str(MOST))
    if not text.isdecimal():
        raise AWSError("PAGINATION_NUMBER_INVALID", f"n={text[:50]!r} is no number", 400)
    return asked.get("last", ""), min(int(text[:9]), MOST)


def _listed(visit: Visit, document: dict[str, object], names: list[str], size: int) -> Response:
    headers = dict(JSON)
    if 0 < size < len(names):
        following = urlencode({"n": size, "last": names[size - 1]})
        headers["link"] = f'<{visit.request.path}?{following}>; rel="next"'
    return Response(200, headers, orjson.dumps(document))


def referrers(visit: Visit, place: Place) -> Response:
    """An index, which is empty where nothing refers to the digest, or nothing has it."""
    row = visit.allow(place["name"], "ListImageReferrers")
    if not DIGEST.fullmatch(place["digest"]):
        raise faults.bad_digest(place["digest"])
    found = referrer.of(visit.call.platform.store.read(), row["id"], place["digest"])
    headers = {"content-type": OCI_INDEX}
    if kind := dict(visit.request.query_items()).get("artifactType"):
        found = [each for each in found if each.get("artifactType") == kind]
        headers["oci-filters-applied"] = "artifactType"
    return Response(200, headers, orjson.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}))
