"""Strings with wildcards and policy variables, matched fast.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

# A variable's name, and its default if it has one: ${aws:PrincipalTag/team, 'company'}
VARIABLE: Final = re.compile(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_LITERALS: Final = {"*", "?", "$"}
ANY: Final = "\x01"
ONE: Final = "\x02"
_MARKS: Final = str.maketrans({"*": ANY, "?": ONE})
_NOTHING: Final[list[str]] = []


class Context:
    """The condition keys of one request; names in any case, later mappings win.

    What it holds is made ready at the first look, which most requests never take.
    """

    __slots__ = ("_keys", "_sources")

    def __init__(self, *sources: Mapping[str, list[str]]) -> None:
        self._sources = sources
        self._keys: dict[str, list[str]] | None = None

    def get(self, key: str) -> list[str]:
        """The values of a key, whose name is in lower case; [] if the request does not have it."""
        if self._keys is None:
            self._keys = {name.lower(): values for source in self._sources for name, values in source.items()}
        return self._keys.get(key, _NOTHING)


Part = str | tuple[str, str | None]  # text, or a variable and its default


def split(text: str, *, variables: bool) -> list[Part]:
    """The text's literal pieces and its variables; `${*}` and its like are pieces that are no wildcards."""
    if not variables or "${" not in text:
        return [mark(text)]
    parts: list[Part] = []
    end = 0
    for match in VARIABLE.finditer(text):
        name, default = match.groups()
        parts += [mark(text[end : match.start()]), name if name in _LITERALS else (name.lower(), default)]
        end = match.end()
    return [*parts, mark(text[end:])]


def mark(text: str) -> str:
    """Its wildcards become ANY and ONE, so that an asterisk that a variable brings is just an asterisk."""
    return text.translate(_MARKS)


def unmark(text: str) -> str:
    """For operators without wildcards."""
    return text.replace(ANY, "*").replace(ONE, "?")


def resolve(parts: Iterable[Part], context: Context) -> str | None:
    """The text with its variables filled in; None if one of them has no single value here and no default."""
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
            continue
        values = context.get(part[0])
        value = values[0] if len(values) == 1 else part[1] if not values else None
        if value is None or ANY in value or ONE in value:
            return None
        out.append(value)
    return "".join(out)


@lru_cache(4096)
def regex(marked: str) -> re.Pattern[str]:
    """The regular expression of a marked text. It takes time linear in each piece, whatever the wildcards: a piece
    between two of them is matched where it first fits, and never tried elsewhere.
    """
    return re.compile(_expression(marked), re.DOTALL)


def _expression(marked: str) -> str:
    pieces = ["".join("." if c == ONE else re.escape(c) for c in piece) for piece in marked.split(ANY)]
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece)
    return f"{pieces[0]}{middle}.*{pieces[-1]}"


def _constant(parts: Iterable[Part]) -> bool:
    return all(isinstance(part, str) for part in parts)


class Patterns:
    """A list of patterns, of which one has to match."""

    __slots__ = ("_literals", "_match", "_templates", "everything")

    def __init__(self, texts: Iterable[str], *, variables: bool = False, lower: bool = False) -> None:
        whole = [split(text.lower() if lower else text, variables=variables) for text in texts]
        plain = ["".join(map(str, parts)) for parts in whole if _constant(parts)]
        wild = [text for text in plain if ANY in text or ONE in text]
        self.everything = ANY in plain
        self._literals = frozenset(plain) - frozenset(wild)
        self._templates = [parts for parts in whole if not _constant(parts)]
        self._match = re.compile("|".join(map(_expression, wild)), re.DOTALL).fullmatch if wild else None

    def match(self, text: str, context: Context) -> bool:
        if self.everything or text in self._literals:
            return True
        if self._match is not None and self._match(text) is not None:
            return True
        return bool(self._templates) and any(
            (pattern := resolve(parts, context)) is not None and regex(pattern).fullmatch(text) is not None
            for parts in self._templates
        )
