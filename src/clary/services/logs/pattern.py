"""Filter patterns: terms, JSON selectors, and columns between spaces.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable

from clary.errors import AWSError
from clary.services.logs import conditions
from clary.services.logs.conditions import BadPattern, regex

Fits = Callable[[str], bool]

_TERM = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)(?=\s|$)')
_WORD = re.compile(r"\w+")


def parse(text: str) -> Fits:
    """What a pattern says of a message. Raises InvalidParameterException."""
    text = text.strip()
    try:
        if text.startswith("{"):
            return conditions.of_json(text)
        if text.startswith("["):
            return conditions.of_columns(text)
        return _terms(text)
    except BadPattern as error:
        raise AWSError("InvalidParameterException", f"Invalid filter pattern: {error}") from error


def _terms(text: str) -> Fits:
    """All plain terms have to be there and no `-` term may be; of `?` terms one, where there are no others: with
    others, they say nothing.
    """
    wanted: list[Fits] = []
    optional: list[Fits] = []
    unwanted: list[Fits] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise BadPattern(f"a quotation mark is missing in {text[at:]!r}")
        {"": wanted, "?": optional, "-": unwanted}[found[1]].append(_term(found[2]))
        at = found.end()
    if optional and not wanted and not unwanted:
        return lambda message: any(fits(message) for fits in optional)
    return lambda message: all(fits(message) for fits in wanted) and not any(fits(message) for fits in unwanted)


def _term(text: str) -> Fits:
    if text.startswith("%") and text.endswith("%") and len(text) > 1:
        search = regex(text[1:-1]).search
        return lambda message: search(message) is not None
    if text.startswith('"'):
        phrase = re.sub(r"\\(.)", r"\1", text[1:-1])
        return lambda message: phrase in message
    if _WORD.fullmatch(text) is None:
        wrong = re.sub(r"\w", "", text)[0]
        raise BadPattern(f"Invalid character(s) in term '{text}': {wrong!r} needs double quotes around the term")
    return lambda message: text in message
