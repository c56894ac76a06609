"""Cross-origin requests: what a bucket lets a browser's page do.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from dataclasses import dataclass
from typing import Any

from clary.errors import AWSError
from clary.services.s3.settings import bad
from clary.services.s3.settings.book import Settings
from clary.wire.message import Request, Response

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
RULES = 100
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True)
class Rule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]  # lower case
    expose: str
    max_age: int | None

    def matches(self, origin: str, method: str, headers: list[str]) -> str | None:
        """The allowed origin that fits, as the rule has it; None if the rule does not let this pass."""
        if method not in self.methods:
            return None
        found = next((allowed for allowed in self.origins if fits(allowed, origin)), None)
        if found is None or not all(any(fits(allowed, header) for allowed in self.headers) for header in headers):
            return None
        return found


def fits(pattern: str, text: str) -> bool:
    """A pattern holds one `*` at most."""
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


def check(document: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html"""
    rules = document.get("CORSRules", [])
    if not 1 <= len(rules) <= RULES:
        raise bad.malformed()
    for rule in rules:
        _check(rule)
    return document


def _check(rule: dict[str, Any]) -> None:
    if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
        raise bad.malformed()
    for method in rule["AllowedMethods"]:
        if method not in METHODS:
            raise bad.request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for member in ("AllowedOrigin", "AllowedHeader"):
        for value in rule.get(f"{member}s", []):
            if value.count("*") > 1:
                raise bad.request(f'{member} "{value}" can not have more than one wildcard.')
    for header in rule.get("ExposeHeaders", []):
        bad.header("ExposeHeader", header)
        if "*" in header:
            raise bad.request(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


def rules(settings: Settings) -> list[Rule]:
    found: list[Rule] = settings.derive("cors", _rules)
    return found


def _rules(settings: Settings) -> list[Rule]:
    return [
        Rule(
            origins=tuple(rule["AllowedOrigins"]),
            methods=tuple(rule["AllowedMethods"]),
            headers=tuple(header.lower() for header in rule.get("AllowedHeaders", [])),
            expose=", ".join(rule.get("ExposeHeaders", [])),
            max_age=rule.get("MaxAgeSeconds"),
        )
        for rule in (settings.get("cors") or {}).get("CORSRules", [])
    ]


def answer(settings: Settings, origin: str, method: str, headers: list[str]) -> dict[str, str] | None:
    """The headers that let the browser's page have the answer; None if no rule fits. `headers` in lower case."""
    for rule in rules(settings):
        allowed = rule.matches(origin, method, headers)
        if allowed is None:
            continue
        found = {"access-control-allow-origin": "*" if allowed == "*" else origin}
        found["access-control-allow-methods"] = ", ".join(rule.methods)
        if headers:
            found["access-control-allow-headers"] = ", ".join(headers)
        if rule.expose:
            found["access-control-expose-headers"] = rule.expose
        if rule.max_age is not None:
            found["access-control-max-age"] = str(rule.max_age)
        if allowed != "*":
            found["access-control-allow-credentials"] = "true"
        found["vary"] = VARY
        return found
    return None


def preflight(settings: Settings | None, request: Request) -> Response:
    """What a browser asks before it sends the request itself; `settings` is None where there is no such bucket."""
    origin = request.headers.get("origin", "")
    method = request.headers.get("access-control-request-method", "")
    if not origin:
        raise _refused("BadRequest", "Insufficient information. Origin request header needed.", 400)
    if method not in METHODS:
        raise _refused("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}", 400)
    if settings is None:
        raise _refused("AccessForbidden", "CORSResponse: Bucket not found", 403, method)
    if not rules(settings):
        raise _refused("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", 403, method)
    asked = request.headers.get("access-control-request-headers", "")
    headers = [name.strip().lower() for name in asked.split(",") if name.strip()]
    found = answer(settings, origin, method, headers)
    if found is None:
        raise _refused(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS spec.",
            403,
            method,
        )
    return Response(200, found)


def _refused(code: str, message: str, status: int, method: str = "") -> AWSError:
    members = {"Method": method, "ResourceType": "BUCKET"} if method else {}
    return AWSError(code, message, status, **members)


def finish(settings: Settings, request: Request, response: Response) -> None:
    """The headers of an actual answer to a page of another origin, errors included."""
    origin = request.headers.get("origin")
    if not origin:
        return
    found = answer(settings, origin, request.method, [])
    if found is not None:
        response.headers.update(found)
