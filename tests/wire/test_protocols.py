"""What each protocol reads and writes, to the letter, where a round trip through botocore would not tell."""

import gzip
import json
import xml.etree.ElementTree as ET
from typing import Any

import cbor2
import pytest

from clary.errors import AccessDenied, AWSError, InternalFailure, Malformed, TooLarge, UnknownOperation
from clary.wire import encoding, models, route
from clary.wire.message import FileSlice, Request, Response
from clary.wire.parse import parse, streaming
from clary.wire.serialize import serialize, serialize_error


def read(service: str, request: Request) -> dict[str, Any]:
    operation, labels = route.router(service).match(request)
    return parse(operation, request, labels)


def target(name: str, body: bytes, service: str = "SageMaker") -> Request:
    return Request("POST", "/", headers={"x-amz-target": f"{service}.{name}"}, body=body)


def write(service: str, name: str, result: dict[str, Any] | None, protocol: str = "") -> Response:
    return serialize(models.service_model(service).operation_model(name), result, "an-id", protocol)


def fail(service: str, error: AWSError, name: str = "", protocol: str = "") -> Response:
    model = models.service_model(service)
    return serialize_error(model, error, "an-id", model.operation_model(name) if name else None, protocol)


def text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def xml(response: Response) -> ET.Element:
    return ET.fromstring(text(response))  # noqa: S314 - our own text


def test_json_passes_over_nulls_and_what_it_does_not_know() -> None:
    body = b'{"ModelName": "m", "RoleArn": null, "Nope": [1], "__type": "x"}'
    assert read("sagemaker", target("CreateModel", body)) == {"ModelName": "m"}
    assert read("sagemaker", target("ListModels", b"")) == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"ModelName": 1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"ModelName": {}}', "Start of structure or map found where not expected."),
        (b'{"ModelName": ["m"]}', "Start of list found where not expected"),
        (b'{"Tags": {}}', "Expected list or null"),
        (b'{"EnableNetworkIsolation": "yes"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'["m"]', "Start of list found where not expected"),
        (b'{"ModelName"', "Could not parse request body into json"),
        (b'{"ModelName": "\xff"}', "Could not parse request body into json"),
        (b"[" * 5000, "Could not parse request body into json"),
        (b'{"ModelName": NaN}', "Could not parse request body into json"),
    ],
)
def test_json_that_does_not_fit(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        read("sagemaker", target("CreateModel", body))


@pytest.mark.parametrize("levels", [500, 5000])
def test_json_that_nests_without_end(levels: int) -> None:
    body = b'{"TableName":"t","Item":{"a":' + b'{"L":[' * levels + b'{"S":"x"}' + b"]}" * levels + b"}}"
    with pytest.raises(Malformed):
        read("dynamodb", target("PutItem", body, "DynamoDB_20120810"))


def test_json_numbers() -> None:
    def job(seconds: bytes) -> Any:
        body = b'{"StoppingCondition": {"MaxRuntimeInSeconds": ' + seconds + b"}}"
        return read("sagemaker", target("CreateTrainingJob", body))["StoppingCondition"]["MaxRuntimeInSeconds"]

    assert job(b"60") == job(b"60.0") == 60
    for wrong in (b"60.5", b'"60"', b"true", b"2147483648", b"123456789012345678901234567890"):
        with pytest.raises(Malformed, match="can not be converted to an Integer"):
            job(wrong)


def test_idempotency_tokens_are_made_up() -> None:
    body = b'{"PipelineName": "p"}'
    first = read("sagemaker", target("CreatePipeline", body))["ClientRequestToken"]
    assert first != read("sagemaker", target("CreatePipeline", body))["ClientRequestToken"]
    assert read("sagemaker", target("CreatePipeline", b'{"ClientRequestToken": "t"}'))["ClientRequestToken"] == "t"


def form(body: bytes, query: str = "") -> Request:
    return Request("POST", "/", query, {"content-type": "application/x-www-form-urlencoded"}, body)


@pytest.mark.parametrize("prefix", [b"Tags.member.", b"Tags."])
def test_query_lists(prefix: bytes) -> None:
    numbers = [10, 2, 1]
    body = b"Action=CreateRole" + b"".join(
        b"&%b%d.Key=%d&%b%d.Value=+%%2B" % (prefix, n, n, prefix, n) for n in numbers
    )
    assert [tag["Key"] for tag in read("iam", form(body))["Tags"]] == ["1", "2", "10"]
    assert read("iam", form(b"Action=CreateRole&Tags="))["Tags"] == []
    assert read("iam", form(b"", "Action=GetUser&UserName=u%20v")) == {"UserName": "u v"}


@pytest.mark.parametrize(
    "body", [b"MaxItems=many", b"MaxItems=", b"MaxItems.1=1", b"PathPrefix.a=1", b"a." * 200 + b"b=1", b"Marker=\xff"]
)
def test_query_that_does_not_fit(body: bytes) -> None:
    with pytest.raises(Malformed):
        read("iam", form(b"Action=ListRoles&" + body))


def s3(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> dict[str, Any]:
    return read("s3", Request(method, path, query, {k.replace("_", "-"): v for k, v in headers.items()}, body))


def test_s3_headers() -> None:
    assert s3(
        "PUT", "/b/k", x_amz_meta_a="1", x_amz_meta_b_c="2", content_type="", if_none_match="*", content_length="3"
    ) == {
        "Bucket": "b",
        "Key": "k",
        "Metadata": {"a": "1", "b-c": "2"},
        "ContentType": "",
        "IfNoneMatch": "*",
        "ContentLength": 3,
    }
    day = s3("GET", "/b/k", if_modified_since="Wed, 21 Oct 2015 07:28:00 GMT", x_amz_object_attributes="x")
    assert day["IfModifiedSince"] == 1445412480
    attributes = s3("GET", "/b/k", "attributes", x_amz_object_attributes="ETag, Checksum")
    assert attributes["ObjectAttributes"] == ["ETag", "Checksum"]
    with pytest.raises(Malformed):
        s3("GET", "/b/k", if_modified_since="yesterday")
    operation = models.service_model("s3").operation_model("PutObject")
    assert streaming(operation) == "Body"


def test_s3_xml() -> None:
    body = b"""<?xml version="1.0"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <Object><Key> a&amp;b </Key></Object><Nope/><Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>"""
    assert s3("POST", "/b", "delete", body)["Delete"] == {"Objects": [{"Key": " a&b "}, {"Key": "c"}], "Quiet": True}
    with pytest.raises(AWSError) as caught:
        s3("POST", "/b", "delete")
    assert caught.value.code("s3") == "MissingRequestBodyError"


BOMB = b'<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>'
FILE = b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        FILE,
        BOMB.decode().encode("utf-16"),
        b"<Delete><Object>",
        b"<Remove/>",
        b"text",
        b"<Delete><Quiet>perhaps</Quiet></Delete>",
        b"<Delete>" + b"<Object>" * 1000 + b"</Object>" * 1000 + b"</Delete>",
        b"<Delete>\xff</Delete>",
    ],
)
def test_s3_xml_that_does_not_fit(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        s3("POST", "/b", "delete", body)
    assert caught.value.code("s3") == "MalformedXML"


@pytest.mark.parametrize("body", [b"\xff", b"\x81" * 5000, cbor2.dumps([1]), cbor2.dumps({"MetricData": {}}), b"\xa1"])
def test_cbor_that_does_not_fit(body: bytes) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    with pytest.raises(Malformed):
        read("cloudwatch", Request("POST", path, headers={"smithy-protocol": "rpc-v2-cbor"}, body=body))


def test_compressed_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(body: bytes) -> dict[str, Any]:
        request = target("PutMetricData", body, "GraniteServiceVersion20100801")
        request.headers["content-encoding"] = "gzip"
        return read("cloudwatch", request)

    packed = gzip.compress(b'{"Namespace": "n"}')
    assert put(packed) == {"Namespace": "n"}
    for wrong in (b"plain", packed[:-9]):
        with pytest.raises(Malformed):
            put(wrong)
    monkeypatch.setattr(encoding, "LIMIT", 4)
    with pytest.raises(TooLarge):
        put(packed)


def test_json_answers() -> None:
    answer = write("sagemaker", "ListModels", {"Models": [], "NextToken": None})
    assert (answer.status, text(answer)) == (200, '{"Models":[]}')
    assert answer.headers == {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "an-id"}
    assert text(write("sagemaker", "DeleteModel", None)) == ""
    described = write("sagemaker", "DescribeModel", {"CreationTime": 1700000000.12345, "EnableNetworkIsolation": False})
    assert text(described) == '{"CreationTime":1700000000.123,"EnableNetworkIsolation":false}'


def test_query_answers() -> None:
    answer = text(write("sts", "GetCallerIdentity", {"Arn": "a<b"}))
    assert answer == (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "<Arn>a&lt;b</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>an-id</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )
    assert "Result>" not in text(write("iam", "DeleteRole", None))
    assert "<requestId>an-id</requestId><vpcSet></vpcSet>" in text(write("ec2", "DescribeVpcs", {"Vpcs": []}))


def test_s3_answers() -> None:
    listing = write("s3", "ListObjectsV2", {"Contents": [{"Key": "a\x01&", "LastModified": 1700000000}]})
    assert text(listing).endswith(
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents><Key>a&#x1;&amp;</Key>'
        "<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents></ListBucketResult>"
    )
    assert listing.headers["x-amz-request-id"] == "an-id"
    assert listing.headers["x-amz-id-2"]
    where = xml(write("s3", "GetBucketLocation", {"LocationConstraint": "us-west-2"}))
    assert (where.tag.rpartition("}")[2], where.text, len(where)) == ("LocationConstraint", "us-west-2", 0)
    assert write("s3", "DeleteObject", {"DeleteMarker": True}).headers["x-amz-delete-marker"] == "true"
    assert write("s3", "DeleteObject", None).status == 204
    body = FileSlice("/blob", 0, 3)
    got = write("s3", "GetObject", {"Body": body, "LastModified": 1445412480, "Metadata": {"A": "1\r\nx: y"}})
    assert got.body is body
    assert got.headers["last-modified"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert got.headers["x-amz-meta-a"] == "1  x: y"
    assert write("s3", "HeadObject", {"ContentLength": 3, "Metadata": {}}).body == b""


def test_json_errors() -> None:
    answer = fail("sagemaker", AWSError("ResourceNotFound", "gone"))
    assert (answer.status, json.loads(text(answer))) == (400, {"__type": "ResourceNotFound", "Message": "gone"})
    answer = fail("sagemaker", InternalFailure())
    assert answer.status == 500
    assert json.loads(text(answer))["__type"] == "InternalFailure"
    answer = fail("lambda", AWSError("ResourceNotFoundException", "gone", Type="User"), "GetFunction")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert json.loads(text(answer))["Type"] == "User"


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor", "query"])
def test_cloudwatch_errors(protocol: str) -> None:
    answer = fail("cloudwatch", AWSError("InvalidParameterInput", "no"), protocol=protocol)
    assert answer.status == 400
    if protocol == "query":
        assert "<Type>Sender</Type><Code>InvalidParameterInput</Code>" in text(answer)
        return
    assert answer.headers["x-amzn-query-error"] == "InvalidParameterInput;Sender"
    assert isinstance(answer.body, bytes)
    body = json.loads(answer.body) if protocol == "json" else cbor2.loads(answer.body)
    assert body == {"__type": "DashboardInvalidInputError", "message": "no"}


def test_xml_errors() -> None:
    answer = fail("iam", AWSError("NoSuchEntity", "no <role>"))
    assert answer.status == 404
    assert "<Type>Sender</Type><Code>NoSuchEntity</Code><Message>no &lt;role&gt;</Message>" in text(answer)
    assert text(answer).endswith("</Error><RequestId>an-id</RequestId></ErrorResponse>")
    assert fail("iam", AccessDenied()).status == 403
    answer = fail("ec2", UnknownOperation("no"))
    assert text(answer).endswith(
        "<Response><Errors><Error><Code>InvalidAction</Code><Message>no</Message></Error></Errors>"
        "<RequestID>an-id</RequestID></Response>"
    )


def test_s3_errors() -> None:
    answer = fail("s3", AWSError("NoSuchKey", "no", Key="k", Resource="/b/k"), "GetObject")
    assert answer.status == 404
    error = xml(answer)
    assert error.tag == "Error"
    assert {e.tag: e.text for e in error if e.tag != "HostId"} == {
        "Code": "NoSuchKey",
        "Message": "no",
        "Key": "k",
        "Resource": "/b/k",
        "RequestId": "an-id",
    }
    assert fail("s3", AWSError("BucketNotEmpty", "x")).status == 409
    head = fail("s3", AWSError("NoSuchKey", "no"), "HeadObject")
    assert (head.status, head.body) == (404, b"")
    assert fail("s3", AWSError("NotModified", "", 304)).body == b""
