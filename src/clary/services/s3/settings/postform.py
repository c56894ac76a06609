"""POST of an object by a browser's form.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
"""

import base64
import hmac
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from clary.errors import AWSError, InvalidAccessKey, SignatureMismatch
from clary.resource.call import Call, Caller, Platform, Signed
from clary.resource.service import ANONYMOUS, Later, Operation, Raw
from clary.services.s3.settings import bad, cors, postpolicy
from clary.services.s3.settings.multipart import Form, malformed
from clary.services.s3.settings.permissions import permissions
from clary.services.s3.state import S3
from clary.wire import sigv4
from clary.wire.message import Request, Response, Sink
from clary.wire.models import service_model
from clary.wire.parse import parse
from clary.wire.serialize import serialize_error
from clary.wire.validate import validate

ALGORITHM = "AWS4-HMAC-SHA256"
UNREAD = 16 << 20  # bytes of a refused form that are awaited at most
KEPT = {"host", "user-agent", "referer", "origin"}
PLAIN = {"cache-control", "content-type", "content-disposition", "content-encoding", "expires"}
SIGNING = {
    "awsaccesskeyid",
    "signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
    "x-amz-security-token",
}


class Credentials(Protocol):
    """What a signature is checked against (services/iam/credentials.py)."""

    @property
    def secret(self) -> str: ...
    @property
    def caller(self) -> Caller: ...
    def check(self, token: str | None, now: float) -> None: ...


Find = Callable[[str, str | None], Credentials | None]


@dataclass(frozen=True, slots=True)
class Forms:
    """Answers POST forms by carrying out PutObject."""

    platform: Platform
    state: S3
    find: Find  # credentials by access key id and token
    put: Operation  # PutObject

    def raw(self, bucket: str) -> Raw:
        return Raw(_answer, lambda request: Upload(self, request, bucket))


class Upload:
    """One form: a Sink, whose file goes into the sink of PutObject."""

    def __init__(self, forms: Forms, request: Request, bucket: str) -> None:
        """Raises NoSuchBucket and MalformedPOSTRequest."""
        self._forms = forms
        self._request = request
        self._bucket = forms.state.bucket(bucket).name
        self._form = Form(request.headers.get("content-type", ""), self._open)
        self._limits = postpolicy.Limits()
        self._call: Call[S3] | None = None
        self._document: dict[str, Any] = {}
        self._refused: AWSError | None = None  # what the answer will be, once the rest of the body has come
        self._unread = 0  # bytes of that rest

    def write(self, chunks: Iterable[bytes]) -> None:
        if self._refused is not None:
            self._unread += sum(map(len, chunks))
            if self._unread > UNREAD:
                raise self._refused
            return
        try:
            self._form.write(chunks)
            self._limits.check(self._form.size)
        except AWSError as error:
            self._refuse(error)

    def trailers(self, trailers: dict[str, str]) -> None:
        """A form has none."""

    def abort(self) -> None:
        self._form.abort()

    def _refuse(self, error: AWSError) -> None:
        """A page of another origin hears of it only with headers of CORS, and only once its body is sent."""
        self._form.abort()
        if "origin" not in self._request.headers:
            raise error
        self._refused = error

    def finish(self) -> Response:
        """The answer, also where it is an error, as a browser's page may read it; the body has come whole."""
        try:
            if self._refused is not None:
                raise self._refused
            response = self._carry_out()
        except AWSError as error:
            self._refuse(error)
            model = service_model("s3")
            response = serialize_error(model, error, str(uuid.uuid4()), model.operation_model("PutObject"))
        state = self._forms.state
        cors.finish(state.settings.of(self._bucket), self._request, response)
        return response

    def _carry_out(self) -> Response:
        form = self._form
        if form.file is None:
            if not form.complete:
                raise malformed()
            raise bad.argument("POST requires exactly one file upload per request.", "file", "0")
        if not form.complete:
            raise malformed()
        self._limits.check_end(form.size)
        assert self._call is not None
        self._document["Body"] = form.file
        result = self._forms.put.handle(self._call, self._document)
        if isinstance(result, Later):
            result = result.finish()
        headers = _headers_of(result)
        return _done(self._call, form.fields, self._bucket, self._document["Key"], headers)

    def _open(self, fields: dict[str, str], filename: str) -> Sink:
        """All fields are known: who asks, whether the policy and IAM let them, and where the file goes."""
        if "key" not in fields:
            raise _field("key")
        bad.header("success_action_redirect", _target(fields))
        key = fields["key"].replace("${filename}", filename.replace("\\", "/").rpartition("/")[2])
        told = {**fields, "key": key, "bucket": self._bucket}
        caller, region = self._who(told)
        request = Request(
            "POST", f"/{self._bucket}/{quote(key)}", "", _headers(self._request, told), peer=self._request.peer
        )
        request.scheme = self._request.scheme
        forms, operation = self._forms, service_model("s3").operation_model("PutObject")
        call = Call(forms.platform, forms.state, "s3", operation, request, caller, region, str(uuid.uuid4()))
        if caller is not ANONYMOUS:
            call.signed = Signed("POST", "AWS" if "awsaccesskeyid" in fields else "AWS4-HMAC-SHA256")
        document = parse(operation, request, {"Bucket": self._bucket, "Key": key})
        context = call.context
        for permission in permissions(call, document):
            forms.platform.authority.allow(caller, permission, context)
        validate(operation, document)
        self._call, self._document = call, document
        assert forms.put.sink is not None
        return forms.put.sink(call, document)

    def _who(self, fields: Mapping[str, str]) -> tuple[Caller, str]:
        """The caller and the region that the form is signed for; the policy is judged on the way."""
        config, now = self._forms.platform.config, self._forms.platform.clock()
        if "policy" not in fields:
            if SIGNING & fields.keys():
                raise _field("policy")
            return ANONYMOUS, config.region
        form = _version_2(fields) if "awsaccesskeyid" in fields else _version_4(fields)
        credentials = self._forms.find(form.access_key, fields.get("x-amz-security-token"))
        if credentials is None:
            raise InvalidAccessKey(AWSAccessKeyId=form.access_key)
        credentials.check(fields.get("x-amz-security-token"), now)
        if not hmac.compare_digest(form.expected(credentials.secret).encode(), form.signature.encode()):
            raise SignatureMismatch(AWSAccessKeyId=form.access_key, StringToSign=fields["policy"])
        self._limits = postpolicy.check(fields["policy"], fields, now)
        return credentials.caller, form.region or config.region


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a form says of its signature, and what it should be by the secret."""

    access_key: str
    region: str
    signature: str
    expected: Callable[[str], str]


def _version_4(fields: Mapping[str, str]) -> _Signed:
    for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"):
        if name not in fields:
            raise _field(name)
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise bad.argument("x-amz-algorithm only supports AWS4-HMAC-SHA256", "x-amz-algorithm")
    parts = fields["x-amz-credential"].split("/")
    if len(parts) != 5 or parts[3:] != ["s3", "aws4_request"] or not fields["x-amz-date"].startswith(parts[1]):
        raise bad.argument(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
            "x-amz-credential",
            fields["x-amz-credential"],
        )
    access_key, date, region = parts[:3]
    expected = partial(sigv4.post_policy, date=date, region=region, policy_base64=fields["policy"])
    return _Signed(access_key, region, fields["x-amz-signature"], expected)


def _version_2(fields: Mapping[str, str]) -> _Signed:
    """What boto3 signs forms by unless told otherwise.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
    """
    if "signature" not in fields:
        raise _field("signature")

    def expected(secret: str) -> str:
        return base64.b64encode(hmac.digest(secret.encode(), fields["policy"].encode(), "sha1")).decode()

    return _Signed(fields["awsaccesskeyid"], "", fields["signature"], expected)


def _answer(_request: Request, sink: Sink | None) -> Response:
    assert isinstance(sink, Upload)
    return sink.finish()


def _field(name: str) -> AWSError:
    return bad.argument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        name,
        "",
    )


def _headers(request: Request, fields: Mapping[str, str]) -> dict[str, str]:
    """The headers that a PutObject of the same would have."""
    headers = {name: value for name, value in request.headers.items() if name in KEPT}
    given = {name: value for name, value in fields.items() if name in PLAIN or name.startswith("x-amz-")}
    headers |= {name: value for name, value in given.items() if name not in SIGNING}
    for name, value in given.items():
        bad.field(name, value)
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tagging(fields["tagging"])
    return headers


def _tagging(text: str) -> str:
    """A form has tags as a document, PutObject has them as a query."""
    if "<!" in text:  # no document type, so no entities of its own
        raise bad.malformed()
    try:
        tree = fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ParseError as error:
        raise bad.malformed() from error
    pairs = [(_child(tag, "Key"), _child(tag, "Value")) for tag in tree.iter() if _local(tag) == "Tag"]
    return urlencode(pairs)


def _child(tag: Element, name: str) -> str:
    return next((child.text or "" for child in tag if _local(child) == name), "")


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _headers_of(result: Any) -> dict[str, str]:
    """ETag and version of what PutObject answered."""
    if isinstance(result, Response):
        return {name: result.headers[name] for name in ("etag", "x-amz-version-id") if name in result.headers}
    members = {"etag": "ETag", "x-amz-version-id": "VersionId"}
    return {name: result[member] for name, member in members.items() if result.get(member)}


def _target(fields: Mapping[str, str]) -> str:
    """Where the browser goes then."""
    return fields.get("success_action_redirect", fields.get("redirect", ""))


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # no URL, as `http://[`
        return ""


def _done(call: Call[S3], fields: Mapping[str, str], bucket: str, key: str, headers: dict[str, str]) -> Response:
    request = call.request
    location = f"{request.scheme}://{request.host}/{bucket}/{quote(key)}"
    headers = {**headers, "x-amz-request-id": call.id}
    target = _target(fields)
    if _scheme(target) in {"http", "https"}:
        said = urlencode({"bucket": bucket, "key": key, "etag": headers["etag"]})
        return Response(303, {**headers, "location": f"{target}{'&' if '?' in target else '?'}{said}"})
    headers["location"] = location
    status = fields.get("success_action_status", "204")
    if status != "201":
        return Response(200 if status == "200" else 204, headers)
    answer = Element("PostResponse")
    for name, value in (("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", headers["etag"])):
        SubElement(answer, name).text = value
    body = tostring(answer, encoding="utf-8", xml_declaration=True)
    return Response(201, {**headers, "content-type": "application/xml"}, body)
