"""From categories to numbers and back: StringIndexer, IndexToString, OneHotEncoder, VectorIndexer.

As Spark's sources of the same names do: https://github.com/apache/spark/tree/v3.5.6/mllib/src/main/scala/org/apache/spark/ml/feature
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from . import batch
from .batch import Hot, np
from .failures import BadRow, SkippedRow, WrongModel
from .java_text import double_text
from .stage import Stage
from .vectors import Vector


class StringIndexer(Stage):
    """A text's place among the labels. Numbers are taken by the text that Spark's cast makes of them."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        count = node.value("labels_length", int, -1)
        if count < 0:  # of Spark 2
            lists = [node.value("labels", list)]
        else:
            lists = [node.value(f"labels_array_{index}", list) for index in range(count)]
        if len(lists) != len(self.inputs) or len(lists) != len(self.outputs):
            raise WrongModel(f"{len(lists)} lists of labels for {len(self.inputs)} columns")
        invalid = node.value("handle_invalid", str, "error")
        self._indexes = [_Index(labels, invalid, column) for labels, column in zip(lists, self.inputs)]
        only = self._indexes[0]
        self.row = self._several if self.many else only.of

    def _several(self, *values: Any) -> Any:
        return [index.of(value) for index, value in zip(self._indexes, values)]

    def columns(self, columns: Sequence[Any]) -> Any:
        made = []
        for index, column in zip(self._indexes, columns):
            try:
                places = [index.places[value] for value in column]
            except (KeyError, TypeError):  # what isn't a label: the rules for it
                return super().columns(columns)
            made.append(np.array(places, "f8"))
        return made


class _Index:
    def __init__(self, labels: list[str], invalid: str, column: str) -> None:
        # Spark's own map is filled in order: of labels that are there twice the last counts
        self.places = {label: float(place) for place, label in enumerate(labels)}
        self._get = self.places.get
        self._column = column
        self._invalid = invalid
        self._unseen = float(len(labels))

    def of(self, value: Any) -> float:
        place = self._get(value) if type(value) is str else None
        return self._other(value) if place is None else place

    def _other(self, value: Any) -> float:
        text = "" if value is None else as_text(value)
        place = None if value is None else self._get(text)
        if place is not None:
            return place
        if self._invalid == "keep":
            return self._unseen
        if self._invalid == "skip":
            raise SkippedRow
        if value is None:
            raise BadRow(
                f"StringIndexer encountered NULL value in column {self._column}. To handle or skip NULLS, try setting "
                "StringIndexer.handleInvalid."
            )
        raise BadRow(f"Unseen label: {text}. To handle unseen labels, set Param handleInvalid to keep.")


def as_text(value: Any) -> str:
    """Spark's cast of a value to a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return double_text(value) if isinstance(value, float) else str(value)


class ReverseStringIndexer(Stage):
    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._labels = list(node.value("labels", list))
        self.row = self._row

    def _row(self, index: Any) -> Any:
        if index is None:
            return None
        place = 0 if index != index else index  # noqa: PLR0124 - NaN, which Java's toInt makes 0
        if -1 < place < len(self._labels):
            return self._labels[int(place)]
        raise BadRow(f"Unseen index: {double_text(float(index))} ??")

    def columns(self, columns: Sequence[Any]) -> Any:
        index = batch.numbers(columns[0])
        if index is None or not len(index) or not ((index > -1) & (index < len(self._labels))).all():
            return super().columns(columns)
        labels = self._labels
        return [[labels[place] for place in index.astype("i8").tolist()]]


class OneHotEncoder(Stage):
    """The vector whose only 1 stands at the category."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        last = node.value("drop_last", bool, default=True)
        if "size" in node.attributes:  # of Spark 2, whose bundles may not say handle_invalid
            self._sizes = [node.value("size", int)]
            self._keep = node.value("handle_invalid", str, "keep" if last else "error") == "keep"
        else:
            self._sizes = [int(size) for size in node.value("category_sizes", list)]
            self._keep = node.value("handle_invalid", str, "error") == "keep"
        if len(self._sizes) != len(self.inputs) or len(self._sizes) != len(self.outputs):
            raise WrongModel(f"{len(self._sizes)} sizes for {len(self.inputs)} columns")
        self._length = [size + self._keep - last for size in self._sizes]
        self._encode = [self._encoder(size, length) for size, length in zip(self._sizes, self._length)]
        self.row = self._several if self.many else self._encode[0]

    def _several(self, *values: Any) -> Any:
        return [encode(value) for encode, value in zip(self._encode, values)]

    def _encoder(self, size: int, length: int) -> Callable[[Any], Any]:
        made = [Vector(length, (index,), (1.0,)) if index < length else Vector(length, (), ()) for index in range(size)]
        unseen = Vector(length, (size,), (1.0,)) if size < length else Vector(length, (), ())
        keep = self._keep

        def encode(label: Any) -> Any:
            if label is None:
                return None
            if 0 <= label < size:
                return made[int(label)]
            if keep:
                return unseen
            text = double_text(float(label))
            hint = "To handle invalid values, set Param handleInvalid to keep"
            if label < 0:
                raise BadRow(f"Negative value: {text}. Input can't be negative. {hint}")
            raise BadRow(f"Unseen value: {text}. {hint.replace('invalid', 'unseen', 1)}")

        return encode

    def columns(self, columns: Sequence[Any]) -> Any:
        made = []
        for column, size, length in zip(columns, self._sizes, self._length):
            label = batch.numbers(column)
            if label is None:
                return super().columns(columns)
            seen = (label >= 0) & (label < size)
            if not self._keep and not seen.all():
                return super().columns(columns)
            index = np.where(seen, label, size).astype("i8")
            made.append(Hot(length, np.minimum(index, length)))
        return made
