"""botocore writes, we read; we write, botocore reads: nothing is lost on the way, over the models of real services."""

from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.wire import models, parse, route, serialize
from wire.samples import Samples, plain, request

SERVICES = (
    *("s3", "iam", "sts", "sagemaker", "logs", "cloudwatch", "glue", "redshift", "redshift-data", "ec2", "ecr"),
    *("dynamodb", "kinesis", "cloudformation", "athena", "application-autoscaling", "lambda", "sqs"),
    *("sagemaker-runtime", "sagemaker-featurestore-runtime"),
)
SPOKEN = [(name, protocol) for name in SERVICES for protocol in models.protocols(models.service_model(name))]
# Not to be told from another by method, path and query (botocore tells them by host, or keeps them for old callers).
UNROUTED = {"ListDirectoryBuckets"}
AT_ONCE = 8


def operations(service: str, samples: Samples) -> list[OperationModel]:
    model = models.service_model(service)
    names = [name for name in model.operation_names if name not in UNROUTED]
    chosen = samples.random.sample(names, min(AT_ONCE, len(names)))
    return [operation for operation in map(model.operation_model, chosen) if not operation.deprecated]


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
@settings(max_examples=15, database=None)
@given(seed=st.integers(0, 1 << 32))
def test_requests(service: str, protocol: str, seed: int) -> None:
    samples = Samples(seed)
    for operation in operations(service, samples):
        if operation.has_event_stream_input:
            continue
        params = samples.document(operation.input_shape)
        sent = request(operation, params, protocol)
        found, labels = route.router(service).match(sent)
        assert found.name == operation.name
        got = parse.parse(found, sent, labels)
        if body := parse.streaming(operation):
            got = {**got, body: sent.body or None}
        for name in ("ContentLength", "ContentType"):  # what HTTP itself says, not the caller
            if name not in params:
                got.pop(name, None)
        assert plain(got) == plain(params), operation.name


@pytest.mark.parametrize(("service", "protocol"), SPOKEN)
@settings(max_examples=15, database=None)
@given(seed=st.integers(0, 1 << 32))
def test_answers(service: str, protocol: str, seed: int) -> None:
    if (service, protocol) == ("cloudwatch", "query"):
        pytest.skip("botocore's model no longer has the wrappers that its own query parser needs")
    samples = Samples(seed)
    for operation in operations(service, samples):
        shape = operation.output_shape
        if operation.has_event_stream_output or operation.name == "GetBucketLocation":
            continue
        result: dict[str, Any] = samples.document(shape)
        answer = serialize.serialize(operation, {**result, "NoSuchMember": 1}, "an-id", protocol)
        sent = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
        got = create_parser(protocol).parse(sent, shape)
        assert got["ResponseMetadata"].get("RequestId") == "an-id" or shape is None
        wanted = plain(result)
        if operation.http["method"] == "HEAD" and shape is not None:
            wanted = {n: v for n, v in wanted.items() if "location" in shape.members[n].serialization}
        for name in ("StatusCode", "ContentType", "statusCode", "contentType"):  # what HTTP itself says
            if name not in result:
                got.pop(name, None)
        assert plain(got) == wanted, operation.name
