"""What MLeap asks of the sample: the types of columns, the sizes of vectors, the labels of indices.

As mleap-spark-base's TypeConverters.scala. Sizes come from the column's metadata, else from the first row.
"""

from __future__ import annotations

from typing import Any

from .bundles import BasicType, DataShape

_BASIC = {
    "boolean": "boolean",
    "tinyint": "byte",
    "smallint": "short",
    "int": "int",
    "bigint": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "vector": "double",
    "matrix": "double",
}


class Columns:
    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._fields = {field.name: field for field in dataset.schema.fields}
        self._sizes: dict[str, tuple[int, ...]] = {}

    def has(self, name: str) -> bool:
        return name in self._fields

    def kind(self, name: str) -> str:
        """Spark's simple name of the type: "double", "vector", "array<string>"... Raises ValueError."""
        if name not in self._fields:
            raise ValueError(f"the sample has no column {name}: it has {', '.join(self._fields)}")
        kind = str(self._fields[name].dataType.simpleString())
        return "double" if kind.startswith("decimal") else kind

    def nullable(self, name: str) -> bool:
        self.kind(name)
        return bool(self._fields[name].nullable)

    def shape(self, name: str) -> DataShape:
        kind = self.kind(name)
        nullable = self.nullable(name)
        if kind in ("vector", "matrix"):
            return DataShape("tensor", nullable, self._dimensions(name))
        if kind.startswith(("array", "map")):
            return DataShape("list", nullable)
        if kind not in _BASIC:
            raise ValueError(f"MLeap has no type for column {name}: {kind}")
        return DataShape("scalar", nullable)

    def basic(self, name: str) -> BasicType:
        kind = self.kind(name)
        if kind.startswith("array<"):
            kind = kind[len("array<") : -1]
        if kind not in _BASIC:
            raise ValueError(f"MLeap has no type for column {name}: {kind}")
        return BasicType(_BASIC[kind])

    def size(self, name: str) -> int:
        """Of a vector. Raises ValueError."""
        if self.kind(name) != "vector":
            raise ValueError(f"column {name} is no vector: {self.kind(name)}")
        return self._dimensions(name)[0]

    def attributes(self, name: str) -> dict[str, Any]:
        """What Spark ML knows of the column: {"type": "nominal", "vals": [...]}, {"attrs": ..., "num_attrs": 3}."""
        self.kind(name)
        return dict((self._fields[name].metadata or {}).get("ml_attr", {}))

    def labels(self, name: str) -> list[str]:
        """Of a column of indices. Raises ValueError where they are not known."""
        values = self.attributes(name).get("vals")
        if values is None:
            raise ValueError(f"column {name} of the sample doesn't say which labels its indices have")
        return [str(value) for value in values]

    def features(self, name: str) -> list[dict[str, Any]]:
        """The attributes of a vector's elements, in their order. Raises ValueError where they are not known."""
        kinds = self.attributes(name).get("attrs")
        if kinds is None:
            raise ValueError(f"column {name} of the sample doesn't say what its elements are")
        every = [{**one, "type": kind} for kind, ones in kinds.items() for one in ones]
        return sorted(every, key=lambda one: int(one["idx"]))

    def _dimensions(self, name: str) -> tuple[int, ...]:
        if name not in self._sizes:
            self._sizes[name] = self._known(name) or self._first(name)
        return self._sizes[name]

    def _known(self, name: str) -> tuple[int, ...]:
        known = self.attributes(name)
        if "num_attrs" in known:
            return (int(known["num_attrs"]),)
        return (len(self.features(name)),) if "attrs" in known else ()

    def _first(self, name: str) -> tuple[int, ...]:
        row = self._dataset.select(quoted(name)).where(f"{quoted(name)} is not null").first()
        if row is None:
            raise ValueError(f"the sample has no row that tells the size of column {name}")
        value = row[0]
        return (value.numRows, value.numCols) if hasattr(value, "numRows") else (len(value),)


def quoted(name: str) -> str:
    """As SQL has it: a name may hold a dot."""
    return "`" + name.replace("`", "``") + "`"
