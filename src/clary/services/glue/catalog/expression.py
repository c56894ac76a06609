"""Which partitions an Expression means: `year = 2024 AND (month IN ('01', '02') OR region LIKE 'eu%')`.

https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html has the operators and the types of keys. The
values of partitions are text; they are compared as their key's type says. NULL is Hive's name for no value, and, as in
SQL, nothing that is asked of it is true but IS NULL.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from clary.errors import AWSError
from clary.services.glue.state import Document, invalid

Values = list[str]
Test = Callable[[Values], bool | None]  # None: unknown, as SQL has it
Read = Callable[[str], Any]  # raises ValueError

NULL: Final = "__HIVE_DEFAULT_PARTITION__"
LONGEST, DEEPEST = 2048, 100  # characters: https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+))"""
    r"|(?P<word>[A-Za-z_][\w.-]*)|`(?P<name>[^`]+)`|(?P<sign><=|>=|<>|!=|[=<>(),]))"
)
COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.strip()).replace(tzinfo=None)


def _number(text: str) -> Decimal:
    try:
        found = Decimal(text.strip())
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not found.is_finite():
        raise ValueError(text)
    return found


TYPES: Final[dict[str, Read]] = {
    **dict.fromkeys(("string", "char", "varchar"), str),
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint", "long", "decimal"), _number),
    "date": lambda text: date.fromisoformat(text.strip()),
    "timestamp": _moment,
}


def parse(text: str, keys: list[Document]) -> Callable[[Values], bool]:
    """Whether the values of a partition are meant, by the table's PartitionKeys. Raises InvalidInputException."""
    if len(text) > LONGEST:
        raise invalid(f"The expression is longer than {LONGEST} characters.")
    test = _Parser(text, keys).all()
    return lambda values: test(values) is True


class _Parser:
    def __init__(self, text: str, keys: list[Document]) -> None:
        self._text = text
        self._keys = {key["Name"].lower(): number for number, key in enumerate(keys)}
        self._types = [key.get("Type", "string").lower().partition("(")[0].strip() for key in keys]
        self._tokens = self._read()
        self._at = self._depth = 0

    def all(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise self._wrong(f"'{self._tokens[self._at][1]}' is not expected")
        return test

    def _read(self) -> list[tuple[str, str]]:
        """Kinds and texts."""
        found, at = [], 0
        text = self._text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise self._wrong(f"'{text[at : at + 20]}' cannot be read")
            at = match.end()
            kind = match.lastgroup or ""
            found.append((kind, match[kind]))
        return found

    def _either(self) -> Test:
        tests = [self._both()]
        while self._word("OR"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else _any(tests)

    def _both(self) -> Test:
        tests = [self._not()]
        while self._word("AND"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else _all(tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong("it is nested too deeply")
        if self._word("NOT"):
            test = _negated(self._not())
        elif self._sign("("):
            test = self._either()
            self._expect(")")
        else:
            test = self._comparison()
        self._depth -= 1
        return test

    def _comparison(self) -> Test:
        kind, text = self._next()
        if kind in ("text", "number"):  # a value on the left: 5 < year
            sign = self._next()[1]
            if sign not in COMPARE:
                raise self._wrong(f"'{sign}' is no comparison")
            key = self._key(*self._next())
            return self._compared(key, MIRRORED.get(sign, sign), _literal(kind, text))
        key = self._key(kind, text)
        negated = self._word("NOT")
        if self._word("IN"):
            test = self._in(key)
        elif self._word("LIKE"):
            test = self._like(key)
        elif self._word("BETWEEN"):
            low = self._value()
            if not self._word("AND"):
                raise self._wrong("BETWEEN needs an AND")
            test = _all([self._compared(key, ">=", low), self._compared(key, "<=", self._value())])
        elif not negated and self._word("IS"):
            negated = self._word("NOT")
            if not self._word("NULL"):
                raise self._wrong("IS is followed by NULL or NOT NULL")
            test = _null(key)
        elif not negated and self._peek()[1] in COMPARE:
            test = self._compared(key, self._next()[1], self._value())
        else:
            raise self._wrong(f"'{self._peek()[1]}' is no comparison")
        return _negated(test) if negated else test

    def _in(self, key: int) -> Test:
        self._expect("(")
        read = self._reader(key)
        wanted = {self._converted(read, self._value())}
        while self._sign(","):
            wanted.add(self._converted(read, self._value()))
        self._expect(")")
        return _tested(key, read, lambda value: value in wanted)

    def _like(self, key: int) -> Test:
        matches = _like(self._value())
        return _tested(key, str, matches)

    def _compared(self, key: int, sign: str, value: str) -> Test:
        read, compare = self._reader(key), COMPARE[sign]
        wanted = self._converted(read, value)
        return _tested(key, read, lambda had: compare(had, wanted))

    def _value(self) -> str:
        kind, text = self._next()
        if kind == "word" and text.lower() in ("date", "timestamp") and self._peek()[0] == "text":
            kind, text = self._next()  # date '2024-01-01'
        if kind not in ("text", "number"):
            raise self._wrong(f"'{text}' is no value")
        return _literal(kind, text)

    def _key(self, kind: str, text: str) -> int:
        name = text.lower()
        if kind not in ("word", "name") or name not in self._keys:
            raise self._wrong(f"'{text}' is no partition key")
        return self._keys[name]

    def _reader(self, key: int) -> Read:
        """https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html: "If a type is encountered that is not
        valid, an exception is thrown."
        """
        kind = self._types[key]
        if kind not in TYPES:
            raise self._wrong(f"partition keys of type {kind} cannot be compared")
        return TYPES[kind]

    def _converted(self, read: Read, value: str) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise self._wrong(f"'{value}' is not of its key's type") from error

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if not token[0]:
            raise self._wrong("it ends too early")
        self._at += 1
        return token

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "word" and text.upper() == word
        self._at += found
        return found

    def _sign(self, sign: str) -> bool:
        found = self._peek() == ("sign", sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._wrong(f"'{sign}' is missing")

    def _wrong(self, reason: str) -> AWSError:
        return invalid(f"Unsupported expression '{self._text}': {reason}")


def _literal(kind: str, text: str) -> str:
    return text if kind == "number" else text[1:-1].replace(text[0] * 2, text[0])


def _tested(key: int, read: Read, test: Callable[[Any], bool]) -> Test:
    def found(values: Values) -> bool | None:
        if values[key] == NULL:
            return None
        try:
            value = read(values[key])
        except ValueError:  # such as year=unknown, of a number: it is no value of the type, so none that is looked for
            return None
        return test(value)

    return found


def _null(key: int) -> Test:
    return lambda values: values[key] == NULL


def _negated(test: Test) -> Test:
    def found(values: Values) -> bool | None:
        value = test(values)
        return None if value is None else not value

    return found


def _all(tests: list[Test]) -> Test:
    def found(values: Values) -> bool | None:
        answers = [test(values) for test in tests]
        return False if False in answers else None if None in answers else True

    return found


def _any(tests: list[Test]) -> Test:
    def found(values: Values) -> bool | None:
        answers = [test(values) for test in tests]
        return True if True in answers else None if None in answers else False

    return found


def _like(text: str) -> Callable[[str], bool]:
    """SQL's LIKE: the parts between % one behind the other, each at the first place that it fits. So it takes no
    longer for any pattern, as a regular expression may.
    """
    first, *rest = text.split("%")
    if not rest:
        return lambda value: len(value) == len(text) and _fits(value, 0, text)
    *middle, last = rest

    def matches(value: str) -> bool:
        if len(value) < len(first) + len(last) or not _fits(value, 0, first):
            return False
        at, end = len(first), len(value) - len(last)
        if not _fits(value, end, last):
            return False
        for part in middle:
            found = next((place for place in range(at, end - len(part) + 1) if _fits(value, place, part)), None)
            if found is None:
                return False
            at = found + len(part)
        return True

    return matches


def _fits(value: str, at: int, part: str) -> bool:
    """Whether `part`, in which _ is any character, stands in `value` at this place; there is room for it."""
    if "_" not in part:
        return value.startswith(part, at)
    return all(want in ("_", have) for want, have in zip(part, value[at : at + len(part)], strict=True))
