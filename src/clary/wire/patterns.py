r"""The models' regular expressions, which are Java's, as Python's.

AWS matches the whole value, with or without anchors. \d, \w and \s mean ASCII, as in Java.
"""

import functools
import itertools
import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator

log = logging.getLogger(__name__)

_LAST = 0x10FFFF
_PAIR = re.compile(r"\\u([dD][89aAbB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_CLASS = re.compile(r"\\([pP])(?:\{(\^?)(?:Is|In)?([A-Za-z_]+)\}|([A-Z]))")
_CODE = re.compile(r"\\x\{([0-9a-fA-F]+)\}|\\u\{([0-9a-fA-F]+)\}")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_END = re.compile(r"\$\{\d+,\d+\}")  # a count of ends is one end
_OPEN = re.compile(r"\[\^?\]?")  # a bracket right after the opening one stands for itself
# https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7F",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1F\x7F",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0B\f\r",
    "all": r"\x00-\U0010FFFF",
}
_LONG = {"Letter": "L", "Number": "N", "Punctuation": "P", "Symbol": "S", "Separator": "Z", "Mark": "M", "Other": "C"}
_SHORT = {"Alphabetic": "L", "Uppercase": "Lu", "Lowercase": "Ll"}


@functools.cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """What matches the whole of a legal value, or None where Python has no way to say it: then any value is legal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "possible nested set": Java would read a set there, Python a bracket
        try:
            return re.compile(f"(?:{_translated(pattern)})\\Z", re.ASCII)
        except (re.error, OverflowError, RecursionError):
            log.warning("the model's pattern %s is not checked: Python can't read it", pattern)
            return None


def _translated(pattern: str) -> str:
    pattern = _PAIR.sub(lambda match: _joined(match[1], match[2]), pattern)
    pattern = _CODE.sub(lambda match: f"\\U{int(match[1] or match[2], 16):08X}", pattern)
    out: list[str] = []
    at, bracket = 0, False
    groups = [0]  # how many flag groups each open group has to close beside itself
    while at < len(pattern):
        piece, at = _piece(pattern, at, bracket=bracket)
        if bracket:
            bracket = piece != "]"
        elif piece.startswith("["):
            bracket = True
        elif flags := _FLAGS.fullmatch(piece):  # to Java they hold up to the end of the group
            groups[-1] += 1
            piece = f"(?{flags[1]}:"
        elif piece == "(":
            groups.append(0)
        elif piece == ")" and len(groups) > 1:
            piece = ")" * (groups.pop() + 1)
        out.append(piece)
    return "".join(out) + ")" * groups[0]


def _piece(pattern: str, at: int, *, bracket: bool) -> tuple[str, int]:
    """The next piece as Python has it, and where the one after it begins."""
    if match := _CLASS.match(pattern, at):
        negated = (match[1] == "P") != (match[2] == "^")
        ranges = _ranges(match[3] or match[4], negated=negated)
        return (ranges if bracket else f"[{ranges}]"), match.end()
    if pattern[at] == "\\":
        escape = pattern[at : at + 2]
        piece = {r"\z": r"\Z", r"\h": r" \t\xA0", r"\/": "/", r"\e": r"\x1B"}.get(escape, escape)
        # After a class a hyphen can't begin a range: Java takes it as it is, Python takes offence.
        if (
            bracket
            and escape[1:] in {*"wdsWDS"}
            and pattern[at + 2 : at + 3] == "-"
            and pattern[at + 3 : at + 4] != "]"
        ):
            return piece + r"\-", at + 3
        return piece, at + 2
    if not bracket and (match := _FLAGS.match(pattern, at) or _END.match(pattern, at) or _OPEN.match(pattern, at)):
        return "$" if match[0].startswith("$") else match[0], match.end()
    return pattern[at], at + 1


def _joined(high: str, low: str) -> str:
    return f"\\U{0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00:08X}"


@functools.cache
def _ranges(name: str, *, negated: bool) -> str:
    """The inside of a character class for a Unicode category or a POSIX class."""
    name = _LONG.get(name, _SHORT.get(name, name))
    if name in _POSIX:
        inside = re.compile(f"[{_POSIX[name]}]", re.ASCII)
        runs = [(code, code) for code in range(128) if bool(inside.match(chr(code))) != negated]
        runs += [(128, _LAST)] if negated or name == "all" else []
    else:
        runs = [(start, end) for start, end, category in _categories() if category.startswith(name) != negated]
    return "".join(f"\\U{start:08X}-\\U{end:08X}" for start, end in _merged(runs))


def _merged(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in runs:
        if found and found[-1][1] == start - 1:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@functools.cache
def _categories() -> list[tuple[int, int, str]]:
    """Runs of code points of one category, in order."""
    found: list[tuple[int, int, str]] = []
    for category, codes in itertools.groupby(_assigned(), lambda code: unicodedata.category(chr(code))):
        run = list(codes)
        found.append((run[0], run[-1], category))
    # What is skipped below lies between runs that are unassigned, too.
    return [*found, (0xE1000, 0xEFFFF, "Cn"), (0xF0000, _LAST, "Co")]


def _assigned() -> Iterator[int]:
    yield from range(0x34000)
    yield from range(0xE0000, 0xE1000)  # nothing is assigned from 0x34000 up to here
