"""Texts: tokens, n-grams, counts, hashes, words' vectors.

https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/feature
"""

from __future__ import annotations

import re
from typing import Any, Sequence

from .failures import BadRow, WrongModel
from .indexers import as_text
from .murmur import hashed
from .stage import Stage
from .vectors import Vector, dense

_SEED = 42
_SPACE = re.compile(r"[ \t\n\x0b\f\r]")  # Java's \s
_ONLY_JAVA = re.compile(r"\\[pPhHRXQEGzZ]|&&|\[[^\]]*\[")


def split(pattern: re.Pattern[str], text: str) -> list[str]:
    """java.lang.String.split: no empty text at the end, nor before an empty match at the start."""
    parts: list[str] = []
    start = 0
    for match in pattern.finditer(text):
        if match.end():
            parts.append(text[start : match.start()])
            start = match.end()
    if not start:
        return [text]
    parts.append(text[start:])
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _given(value: Any, node: Any) -> Any:
    if value is None:
        raise BadRow(f"{node.name}: the text of a row is null")
    return value


class Tokenizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.row = lambda text: split(_SPACE, _given(text, node).lower())


class RegexTokenizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        pattern = node.value("regex", str)
        if _ONLY_JAVA.search(pattern):
            raise WrongModel(f"the regular expression {pattern} is Java's alone")
        try:
            self._pattern = re.compile(pattern, re.ASCII)
        except re.error as error:
            raise WrongModel(f"the regular expression {pattern}: {error}") from None
        self._gaps = node.value("match_gaps", bool, default=True)
        self._least = node.value("token_min_length", int, 1)
        self._lower = node.value("lowercase_text", bool, default=True)
        self.row = self._row

    def _row(self, text: Any) -> Any:
        text = _given(text, self.node)
        text = text.lower() if self._lower else text
        found = split(self._pattern, text) if self._gaps else [match.group() for match in self._pattern.finditer(text)]
        return [token for token in found if len(token.encode("utf-16-le")) >= self._least * 2]


class StopWordsRemover(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        words = node.value("stop_words", list, [])
        exact = node.value("case_sensitive", bool, default=False)
        stop = frozenset(words if exact else [word.lower() for word in words])
        if exact:
            self.row = lambda tokens: [token for token in tokens if token not in stop]
        else:
            self.row = lambda tokens: [token for token in tokens if token.lower() not in stop]


class NGram(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        n = node.value("n", int)
        self.row = lambda tokens: [" ".join(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]


def _counted(size: int, counts: dict[int, float]) -> Vector:
    """Vectors.sparse of pairs: by index, zeros kept."""
    indices = sorted(counts)
    return Vector(size, indices, [counts[index] for index in indices])


class HashingTermFrequency(Stage):
    """Version 1 of the hash is Spark 2's, whose last bytes are mixed otherwise."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._size = node.value("num_features", int)
        self._binary = node.value("binary", bool, default=False)
        self._version = node.value("hashUnsafeBytesVersion", int, 1)
        self.row = self._row

    def _row(self, tokens: Any) -> Any:
        counts: dict[int, float] = {}
        for token in tokens:
            index = hashed(as_text(token).encode(), _SEED, self._version) % self._size
            counts[index] = 1.0 if self._binary else counts.get(index, 0.0) + 1.0
        return _counted(self._size, counts)


class FeatureHasher(Stage):
    """Numbers go to the hash of their column's name; the rest is categories: 1 at the hash of "name=value"."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._size = node.value("num_features", int)
        names = node.value("input_names", list, self.inputs)
        categories = set(node.value("categorical_cols", list, []))
        types = [str(kind) for kind in node.value("basic_types", list, [])]
        types += [""] * (len(names) - len(types))
        self._real = [
            hashed(name.encode(), _SEED) % self._size
            if name not in categories and kind not in ("string", "boolean")
            else None
            for name, kind in zip(names, types)
        ]
        self._names = names
        self.row = self._row

    def _row(self, *columns: Any) -> Any:
        counts: dict[int, float] = {}
        for value, name, real in zip(columns, self._names, self._real):
            if value is None:
                continue
            if real is not None and not isinstance(value, (str, bool)):
                index, number = real, float(value)
            else:
                index, number = hashed(f"{name}={as_text(value)}".encode(), _SEED) % self._size, 1.0
            counts[index] = counts[index] + number if index in counts else number
        return _counted(self._size, counts)


class CountVectorizer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        words = node.value("vocabulary", list)
        self._size = len(words)
        self._places = {word: place for place, word in enumerate(words)}
        self._binary = node.value("binary", bool, default=False)
        self._least: float = node.value("min_tf", float, 1.0)
        self.row = self._row

    def _row(self, tokens: Any) -> Any:
        counts: dict[int, float] = {}
        for token in tokens:
            place = self._places.get(token)
            if place is not None:
                counts[place] = counts.get(place, 0.0) + 1.0
        least = self._least if self._least >= 1.0 else len(tokens) * self._least
        kept = {place: 1.0 if self._binary else count for place, count in counts.items() if count >= least}
        return _counted(self._size, kept)


class WordToVector(Stage):
    """The mean of the words' vectors."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        words = node.value("words", list)
        indices = node.value("indices", list, list(range(len(words))))
        given = node.value("word_vectors", object)
        numbers: Sequence[float] = [float(value) for value in getattr(given, "values", given)]
        self._size = len(numbers) // len(words) if words else 0
        if node.value("kernel", str, "sqrt" if "kernel" in node.attributes else "spark") not in (
            "spark",
            "default",
            "",
        ):
            raise WrongModel(f"kernel {node.attributes['kernel']}")
        self._vectors = {
            word: numbers[index * self._size : (index + 1) * self._size] for word, index in zip(words, indices)
        }
        self.row = self._row

    def _row(self, tokens: Any) -> Any:
        if not tokens:
            return Vector(self._size, [], [])
        total = [0.0] * self._size
        for token in tokens:
            for index, value in enumerate(self._vectors.get(token, ())):
                total[index] += value
        scale = 1.0 / len(tokens)
        return dense([scale * value for value in total])
