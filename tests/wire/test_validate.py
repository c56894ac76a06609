"""AWS's sentences for inputs that do not meet the model."""

from typing import Any

import pytest

from clary.errors import AWSError, Invalid, Malformed
from clary.wire import models, patterns
from clary.wire.validate import validate

LENGTH = "Member must have length"
VALUE = "Member must have value"


def faults(service: str, name: str, document: dict[str, Any]) -> str:
    with pytest.raises(AWSError) as caught:
        validate(models.service_model(service).operation_model(name), document)
    return caught.value.message


def test_all_faults_at_once() -> None:
    message = faults("sagemaker", "CreateModelPackageGroup", {"Tags": [{"Key": "", "Value": "v"}, {"Key": "k"}]})
    assert message == (
        "3 validation errors detected: Value null at 'modelPackageGroupName' failed to satisfy constraint: "
        "Member must not be null; Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        f"{LENGTH} greater than or equal to 1; Value null at 'tags.2.member.value' failed to satisfy constraint: "
        "Member must not be null"
    )


@pytest.mark.parametrize(
    ("service", "name", "document", "sentence"),
    [
        (
            "sagemaker",
            "DescribeModel",
            {"ModelName": "a_b"},
            (
                "Value 'a_b' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression "
                "pattern: [a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?"
            ),
        ),
        (
            "sagemaker",
            "CreateModel",
            {"ModelName": "m", "VpcConfig": {"SecurityGroupIds": ["sg 1"], "Subnets": ["s"]}},
            (
                "Value '[sg 1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy "
                f"constraint: [{LENGTH} less than or equal to 32, {LENGTH} greater than or equal to 0, "
                "Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]"
            ),
        ),
        (
            "sagemaker",
            "CreateModel",
            {"ModelName": "m", "PrimaryContainer": {"Environment": {"a b": "v"}}},
            (
                "Value '{a b=v}' at 'primaryContainer.environment' failed to satisfy constraint: Map keys must satisfy "
                f"constraint: [{LENGTH} less than or equal to 1024, {LENGTH} greater than or equal to 0, "
                "Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]"
            ),
        ),
        (
            "sagemaker",
            "ListModels",
            {"MaxResults": 101},
            f"Value '101' at 'maxResults' failed to satisfy constraint: {VALUE} less than or equal to 100",
        ),
        (
            "sagemaker",
            "ListModels",
            {"SortOrder": "Up"},
            (
                "Value 'Up' at 'sortOrder' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Ascending, Descending]"
            ),
        ),
        (
            "iam",
            "GetRole",
            {"RoleName": "r" * 65},
            f"Value '{'r' * 65}' at 'roleName' failed to satisfy constraint: {LENGTH} less than or equal to 64",
        ),
        (
            "iam",
            "CreateLoginProfile",
            {"UserName": "u", "Password": "p" * 129},
            f"Value at 'password' failed to satisfy constraint: {LENGTH} less than or equal to 128",
        ),
        (
            "dynamodb",
            "BatchGetItem",
            {"RequestItems": {"tab": {"Keys": []}}},
            (
                "Value '[]' at 'requestItems.tab.member.keys' failed to satisfy constraint: "
                f"{LENGTH} greater than or equal to 1"
            ),
        ),
    ],
)
def test_sentence(service: str, name: str, document: dict[str, Any], sentence: str) -> None:
    assert faults(service, name, document) == f"1 validation error detected: {sentence}"


@pytest.mark.parametrize(
    ("service", "name", "code"),
    [
        ("sagemaker", "DescribeModel", "ValidationException"),
        ("logs", "CreateLogGroup", "InvalidParameterException"),
        ("athena", "StartQueryExecution", "InvalidRequestException"),
    ],
)
def test_code(service: str, name: str, code: str) -> None:
    with pytest.raises(AWSError) as caught:
        validate(models.service_model(service).operation_model(name), {})
    assert caught.value.code("json") == code


def test_query_code() -> None:
    with pytest.raises(Invalid) as caught:
        validate(models.service_model("iam").operation_model("GetRole"), {})
    assert caught.value.code("query") == "ValidationError"


def test_s3_only_holds_documents_against_their_schema() -> None:
    model = models.service_model("s3")
    validate(model.operation_model("GetObject"), {})
    tagging = model.operation_model("PutBucketTagging")
    validate(tagging, {"Tagging": {"TagSet": [{"Key": "k" * 1000, "Value": ""}]}})
    with pytest.raises(Malformed, match="did not validate against our published schema"):
        validate(tagging, {"Tagging": {"TagSet": [{"Key": "k"}]}})


def test_ec2_names_the_missing_parameter() -> None:
    assert faults("ec2", "CreateSubnet", {}) == "The request must contain the parameter vpcId"


def test_recursive_shapes() -> None:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(50):
        value = {"L": [{"M": {"k": value}}]}
    validate(models.service_model("dynamodb").operation_model("PutItem"), {"TableName": "tab", "Item": {"a": value}})
    for _ in range(2000):
        value = {"L": [value]}
    with pytest.raises(Malformed, match="too deep"):
        validate(
            models.service_model("dynamodb").operation_model("PutItem"), {"TableName": "tab", "Item": {"a": value}}
        )


@pytest.mark.parametrize(
    ("pattern", "legal", "illegal"),
    [
        ("[a-z]+", ["abc"], ["abc1", "1abc", "abc\n", ""]),
        ("^[a-z]+$", ["abc"], ["abc\n", "A"]),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", ["äß 日1", "", "a:b"], ["a!", "\n"]),
        (r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}", ["a b"], ["a!"]),
        ("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*", ["a\n😀"], ["\x00"]),
        ("[\\u0020-\uffff]*", ["a"], ["\n"]),
        (r"(?!(?i)AWS_)[a-zA-Z_]*", ["A_B"], ["aws_x"]),
        (r"(?i)all|[0-9]{12}", ["ALL", "123456789012"], ["al"]),
        (r"[\w-_]*", ["a-_"], ["a b"]),
        (r"(?s).{0,3}", ["a\nb"], ["abcd"]),
        (r"\P{C}+", ["a b"], ["\x00"]),
        (r"[\P{L}]*", ["12"], ["a"]),
        (r"\d+", ["12"], ["١"]),  # noqa: RUF001 - another script's digit is what must not pass
        (r"[\p{Punct}]+", ["!~"], ["a"]),
    ],
)
def test_patterns_are_javas(pattern: str, legal: list[str], illegal: list[str]) -> None:
    regex = patterns.compiled(pattern)
    assert regex is not None
    assert all(regex.match(text) for text in legal)
    assert not any(regex.match(text) for text in illegal)


def test_a_pattern_that_python_cannot_read() -> None:
    assert patterns.compiled("[a-z]{11}{0,5}") is None


def test_every_pattern_of_what_we_serve_compiles() -> None:
    for service in ("sagemaker", "iam", "sts", "logs", "ecr", "athena", "glue", "redshift-data"):
        model = models.service_model(service)
        for shape in map(model.shape_for, model.shape_names):
            pattern = shape.metadata.get("pattern")
            assert pattern is None or patterns.compiled(pattern) is not None, pattern
