"""Filter patterns: the examples of AWS's page, and that nothing breaks the parser.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.errors import AWSError
from clary.services.logs.pattern import parse

EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "cluster.name": "c",
        "flag": True,
        "bandwidth": 75,
    }
)
ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "fits"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "[error 400]", False),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 401] UNAUTHORIZED REQUEST", False),
        ("?ERROR ?ARGUMENTS", "ARGUMENTS", True),
        ("?ERROR ?ARGUMENTS", "neither", False),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", False),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        (r"%\d{3}. BAD%", "[ERROR 400] BAD REQUEST", True),
        ('{ $.eventType = "UpdateTrail" }', EVENT, True),
        ('{ $.eventType != "UpdateTrail" }', EVENT, False),
        ("{ $.sourceIPAddress != 123.123.* }", EVENT, True),
        ("{ $.sourceIPAddress = 111.* }", EVENT, True),
        ('{ $.arrayKey[0] = "value" }', EVENT, True),
        ("{ $.arrayKey[*] = another* }", EVENT, True),
        ("{ $.objectList[1].id = 2 }", EVENT, True),
        ("{ $.['cluster.name'] = c }", EVENT, True),
        ("{ $.SomeObject IS NULL }", EVENT, True),
        ("{ $.SomeOtherObject NOT EXISTS }", EVENT, True),
        ("{ $.eventType NOT EXISTS }", EVENT, False),
        ("{ $.flag IS TRUE }", EVENT, True),
        ("{ $.flag IS FALSE }", EVENT, False),
        ("{ $.bandwidth > 74 && $.bandwidth <= 75.0 }", EVENT, True),
        ("{ $.bandwidth = 7.5e1 }", EVENT, True),
        ("{ ($.bandwidth = 1 || $.eventType = Update*) && $.flag IS TRUE }", EVENT, True),
        ("{ $.eventType = %Trail$% }", EVENT, True),
        ("{ $.eventType = * }", EVENT, True),
        ("{ $.a = 1 }", "no json", False),
        ("[ip, id, user, when, request, status = 4*, bytes]", ACCESS, True),
        ("[ip, id, user, when, request, status = 4* && status != 404, bytes]", ACCESS, False),
        ("[ip, id, user, when, request = *.html*, status, bytes > 1000]", ACCESS, True),
        ("[..., status = 404, bytes]", ACCESS, True),
        ("[ip, ..., bytes < 1000]", ACCESS, False),
        (r"[ip = %^127\.%, ...]", ACCESS, True),
        ("[ip, id]", ACCESS, False),
    ],
)
def test_fits(pattern: str, message: str, fits: bool) -> None:
    assert parse(pattern)(message) is fits


@pytest.mark.parametrize(
    "pattern",
    ["{ $.a }", "{ $.a = 1", "{ a = 1 }", "[a", "[a, ..., ...]", '"open', "a:b", "%(a)%", "{ $.a > b }", "[=]"],
)
def test_is_refused(pattern: str) -> None:
    with pytest.raises(AWSError) as caught:
        parse(pattern)
    assert caught.value.code("json") == "InvalidParameterException"


@given(st.text(alphabet="{}[]$.=!<>&|()%\"'*?- ,abIS1NULEXT\\", max_size=40), st.text(max_size=20))
def test_whatever_comes_is_read_or_refused(pattern: str, message: str) -> None:
    code = "InvalidParameterException"
    try:
        assert parse(pattern)(message) in {True, False}
    except AWSError as error:
        code = error.code("json")
    assert code == "InvalidParameterException"
