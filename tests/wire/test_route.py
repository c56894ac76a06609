"""Which service, which operation, which path."""

import pytest

from clary.errors import AWSError, UnknownOperation
from clary.wire import models, route
from clary.wire.message import Request


def asked(method: str = "POST", path: str = "/", query: str = "", body: bytes = b"", **headers: str) -> Request:
    return Request(method, path, query, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.mark.parametrize(
    ("signing_name", "request_", "service"),
    [
        ("sts", asked(), "sts"),
        ("monitoring", asked(), "cloudwatch"),
        ("s3", asked("GET", "/b"), "s3"),
        ("s3", asked("GET", "/v20180820/jobs", x_amz_account_id="1"), "s3control"),
        ("sagemaker", asked(x_amz_target="SageMaker.ListModels"), "sagemaker"),
        ("sagemaker", asked("POST", "/endpoints/e/invocations"), "sagemaker-runtime"),
        ("sagemaker", asked("POST", "/endpoints/e/async-invocations"), "sagemaker-runtime"),
        ("sagemaker", asked("PUT", "/FeatureGroup/f"), "sagemaker-featurestore-runtime"),
        ("sagemaker", asked("PUT", "/BatchPutMetrics"), "sagemaker-metrics"),
        ("dynamodb", asked(x_amz_target="DynamoDBStreams_20120810.ListStreams"), "dynamodbstreams"),
        ("elasticloadbalancing", asked(body=b"Action=DescribeLoadBalancers&Version=2012-06-01"), "elb"),
        ("elasticloadbalancing", asked(body=b"Action=DescribeLoadBalancers&Version=2015-12-01"), "elbv2"),
        ("lambda", asked("GET", "/2015-03-31/functions/"), "lambda"),
        ("", asked(host="sts.us-west-2.amazonaws.com"), "sts"),
        ("", asked(host="monitoring.us-west-2.amazonaws.com"), "cloudwatch"),
        (
            "",
            asked(host="runtime.sagemaker.us-west-2.amazonaws.com", path="/endpoints/e/invocations"),
            "sagemaker-runtime",
        ),
        ("", asked("GET", "/key", host="bucket.s3.us-west-2.amazonaws.com"), "s3"),
        ("", asked("GET", "/b/key", host="s3.localhost:4510"), "s3"),
        ("", asked(path="/service/GraniteServiceVersion20100801/operation/PutMetricData"), "cloudwatch"),
        ("", asked(x_amz_target="AWSCognitoIdentityService.GetId"), "cognito-identity"),
        ("", asked(query="Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), "sts"),
        ("", asked("GET", "/bucket/key", host="127.0.0.1:4510"), "s3"),
    ],
)
def test_service(signing_name: str, request_: Request, service: str) -> None:
    if request_.body:
        request_.headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    assert route.locate(request_, signing_name) == service


def test_unknown_service() -> None:
    with pytest.raises(UnknownOperation, match="no-such-service"):
        route.locate(asked(), "no-such-service")


S3 = [
    ("GET", "/", "", {}, "ListBuckets"),
    ("GET", "/b", "", {}, "ListObjects"),
    ("GET", "/b/", "", {}, "ListObjects"),
    ("GET", "/b", "list-type=2&prefix=x", {}, "ListObjectsV2"),
    ("GET", "/b", "prefix=x&list-type=1", {}, "ListObjects"),
    ("GET", "/b", "versions", {}, "ListObjectVersions"),
    ("GET", "/b", "uploads", {}, "ListMultipartUploads"),
    ("GET", "/b", "location", {}, "GetBucketLocation"),
    ("GET", "/b", "lifecycle", {}, "GetBucketLifecycleConfiguration"),
    ("GET", "/b", "notification=", {}, "GetBucketNotificationConfiguration"),
    ("GET", "/b", "analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
    ("GET", "/b", "analytics", {}, "ListBucketAnalyticsConfigurations"),
    ("POST", "/b", "delete", {}, "DeleteObjects"),
    ("HEAD", "/b", "", {}, "HeadBucket"),
    ("PUT", "/b", "tagging", {}, "PutBucketTagging"),
    ("GET", "/b/k", "", {}, "GetObject"),
    ("GET", "/b/k", "x-id=GetObject", {}, "GetObject"),
    ("GET", "/b/k", "uploadId=1", {}, "ListParts"),
    ("GET", "/b/k", "attributes", {"x-amz-object-attributes": "ETag"}, "GetObjectAttributes"),
    ("PUT", "/b/k", "", {}, "PutObject"),
    ("PUT", "/b/k", "", {"x-amz-copy-source": "b/o"}, "CopyObject"),
    ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart"),
    ("PUT", "/b/k", "partNumber=1&uploadId=u", {"x-amz-copy-source": "b/o"}, "UploadPartCopy"),
    ("POST", "/b/k", "uploads", {}, "CreateMultipartUpload"),
    ("POST", "/b/k", "uploadId=u", {}, "CompleteMultipartUpload"),
    ("POST", "/b/k", "select&select-type=2", {}, "SelectObjectContent"),
    ("DELETE", "/b/k", "uploadId=u", {}, "AbortMultipartUpload"),
    ("DELETE", "/b/k", "versionId=v", {}, "DeleteObject"),
]


@pytest.mark.parametrize(("method", "path", "query", "headers", "name"), S3)
def test_s3_operation(method: str, path: str, query: str, headers: dict[str, str], name: str) -> None:
    assert route.router("s3").match(Request(method, path, query, headers))[0].name == name


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("POST", "/b", ""),
        ("DELETE", "/", ""),
        ("DELETE", "/b", "acl"),
        ("PUT", "/b/k", "torrent"),
        ("PATCH", "/b/k", ""),
    ],
)
def test_s3_method_not_allowed(method: str, path: str, query: str) -> None:
    with pytest.raises(UnknownOperation):
        route.router("s3").match(Request(method, path, query))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b/a/b", "a/b"),
        ("/b//a", "/a"),
        ("/b/a//", "a//"),
        ("/b/../x/./y", "../x/./y"),
        ("/b/%2E%2E/%2541", "../%41"),
        ("/b/a+b%20c", "a+b c"),
        ("/b/%E6%97%A5", "日"),
    ],
)
def test_keys_are_decoded_once(path: str, key: str) -> None:
    assert route.router("s3").match(Request("GET", path))[1] == {"Bucket": "b", "Key": key}


def test_a_path_that_is_not_utf8() -> None:
    with pytest.raises(AWSError) as caught:
        route.router("s3").match(Request("GET", "/b/%FF"))
    assert caught.value.code("s3") == "InvalidURI"


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("bucket.s3.amazonaws.com", "/bucket/k"),
        ("my.dotted.bucket.s3.us-west-2.amazonaws.com", "/my.dotted.bucket/k"),
        ("bucket.s3-us-west-2.amazonaws.com:443", "/bucket/k"),
        ("bucket.s3.dualstack.us-west-2.amazonaws.com", "/bucket/k"),
        ("bucket.s3.localhost:4510", "/bucket/k"),
        ("bucket.localhost:4510", "/bucket/k"),
        ("s3.amazonaws.com", "/k"),
        ("s3.us-west-2.amazonaws.com", "/k"),
        ("s3.localhost:4510", "/k"),
        ("s3.us-west-2.localhost:4510", "/k"),
        ("localhost:4510", "/k"),
        ("127.0.0.1:4510", "/k"),
    ],
)
def test_bucket_in_the_host(host: str, path: str) -> None:
    assert route.bucket_path(Request("GET", "/k", headers={"host": host})) == path


def test_other_services() -> None:
    assert route.router("iam").match(asked(body=b"Version=2010-05-08&Action=GetUser"))[0].name == "GetUser"
    assert route.router("sagemaker").match(asked(x_amz_target="SageMaker.ListModels"))[0].name == "ListModels"
    operation, labels = route.router("lambda").match(asked("GET", "/2015-03-31/functions/f%3Aalias"))
    assert (operation.name, labels) == ("GetFunction", {"FunctionName": "f:alias"})
    with pytest.raises(UnknownOperation, match="Nope is not valid"):
        route.router("iam").match(asked(body=b"Action=Nope"))
    with pytest.raises(UnknownOperation, match="Nope"):
        route.router("sagemaker").match(asked(x_amz_target="SageMaker.Nope"))
    with pytest.raises(AWSError, match="missing an action"):
        route.router("iam").match(asked())


def test_cloudwatch_speaks_three_protocols() -> None:
    model = models.service_model("cloudwatch")
    assert route.spoken(model, asked(smithy_protocol="rpc-v2-cbor")) == "smithy-rpc-v2-cbor"
    assert route.spoken(model, asked(x_amz_target="GraniteServiceVersion20100801.PutMetricData")) == "json"
    assert route.spoken(model, asked(body=b"Action=PutMetricData")) == "query"
