"""The types of dynamic records: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-types.html.

They are values: two types that say the same are equal, whatever their properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar


class DataType:
    """The base of all types. `properties` is what a catalog says of it beside."""

    name: ClassVar[str] = "unknown"

    def __init__(self, properties: dict[str, Any] | None = None) -> None:
        self.properties = dict(properties or {})

    @classmethod
    def typeName(cls) -> str:
        return cls.name

    def jsonValue(self) -> dict[str, Any]:
        return {"dataType": self.typeName(), "properties": self.properties}

    def _key(self) -> tuple[Any, ...]:
        return (type(self),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class AtomicType(DataType):
    @classmethod
    def fromJsonValue(cls, json_value: dict[str, Any]) -> AtomicType:
        return cls(properties=json_value.get("properties", {}))


class BinaryType(AtomicType):
    name = "binary"


class BooleanType(AtomicType):
    name = "boolean"


class ByteType(AtomicType):
    name = "byte"


class DateType(AtomicType):
    name = "date"


class DoubleType(AtomicType):
    name = "double"


class FloatType(AtomicType):
    name = "float"


class IntegerType(AtomicType):
    name = "int"


class LongType(AtomicType):
    name = "long"


class NullType(AtomicType):
    name = "null"


class ShortType(AtomicType):
    name = "short"


class StringType(AtomicType):
    name = "string"


class TimestampType(AtomicType):
    name = "timestamp"


class UnknownType(AtomicType):
    name = "unknown"


class DecimalType(AtomicType):
    name = "decimal"

    def __init__(self, precision: int = 10, scale: int = 2, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.precision, self.scale = precision, scale

    @classmethod
    def fromJsonValue(cls, json_value: dict[str, Any]) -> DecimalType:
        return cls(json_value["precision"], json_value["scale"], json_value.get("properties", {}))

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"precision": self.precision, "scale": self.scale}

    def _key(self) -> tuple[Any, ...]:
        return (DecimalType, self.precision, self.scale)

    def __repr__(self) -> str:
        return f"DecimalType({self.precision},{self.scale})"


class EnumType(AtomicType):
    name = "enum"

    def __init__(self, options: Iterable[str] = (), properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.options = list(options)

    @classmethod
    def fromJsonValue(cls, json_value: dict[str, Any]) -> EnumType:
        return cls(json_value["options"], json_value.get("properties", {}))

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"options": self.options}

    def _key(self) -> tuple[Any, ...]:
        return (EnumType, *self.options)


class ArrayType(DataType):
    name = "array"

    def __init__(self, elementType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.elementType = elementType or UnknownType()

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"elementType": self.elementType.jsonValue()}

    def _key(self) -> tuple[Any, ...]:
        return (ArrayType, self.elementType)

    def __repr__(self) -> str:
        return f"ArrayType({self.elementType!r})"


class SetType(ArrayType):
    name = "set"


class MapType(DataType):
    """The keys are text."""

    name = "map"

    def __init__(self, valueType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.valueType = valueType or UnknownType()

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"valueType": self.valueType.jsonValue()}

    def _key(self) -> tuple[Any, ...]:
        return (MapType, self.valueType)

    def __repr__(self) -> str:
        return f"MapType({self.valueType!r})"


class ChoiceType(DataType):
    """One of several, record by record. Choices are told apart by the names of their types."""

    name = "choice"

    def __init__(self, choices: Iterable[DataType] = (), properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.choices: dict[str, DataType] = {}
        self.merge(choices)

    def add(self, new_choice: DataType) -> None:
        if new_choice.typeName() in self.choices:
            raise ValueError(f"There is a choice of type {new_choice.typeName()} already")
        self.choices[new_choice.typeName()] = new_choice

    def merge(self, new_choices: Iterable[DataType] | DataType) -> None:
        for choice in [new_choices] if isinstance(new_choices, DataType) else new_choices:
            if choice.typeName() not in self.choices:
                self.add(choice)

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"choices": [choice.jsonValue() for choice in self.choices.values()]}

    def _key(self) -> tuple[Any, ...]:
        return (ChoiceType, *(self.choices[name] for name in sorted(self.choices)))

    def __repr__(self) -> str:
        return f"ChoiceType({list(self.choices.values())!r})"


class Field:
    def __init__(self, name: str, dataType: DataType, properties: dict[str, Any] | None = None) -> None:
        self.name, self.dataType, self.properties = name, dataType, dict(properties or {})

    def jsonValue(self) -> dict[str, Any]:
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.dataType) == (other.name, other.dataType)

    def __hash__(self) -> int:
        return hash((self.name, self.dataType))

    def __repr__(self) -> str:
        return f"Field({self.name}, {self.dataType!r})"


class StructType(DataType):
    name = "struct"

    def __init__(self, fields: Iterable[Field] = (), properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.field_map: dict[str, Field] = {}
        for field in fields:
            self.add(field)

    @property
    def fields(self) -> list[Field]:
        return list(self.field_map.values())

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def add(self, field: Field) -> None:
        self.field_map[field.name] = field

    def hasField(self, field: str | Field) -> bool:
        return (field.name if isinstance(field, Field) else field) in self.field_map

    def getField(self, field: str | Field) -> Field:
        return self.field_map[field.name if isinstance(field, Field) else field]

    def jsonValue(self) -> dict[str, Any]:
        return super().jsonValue() | {"fields": [field.jsonValue() for field in self.fields]}

    def _key(self) -> tuple[Any, ...]:
        return (StructType, *self.fields)

    def __repr__(self) -> str:
        return f"StructType({self.fields!r}, {self.properties})"


class EntityType(DataType):
    """The guide: this class is not yet implemented."""

    name = "entity"

    def __init__(self, entity: Any, base_type: Any, properties: dict[str, Any] | None = None) -> None:
        raise NotImplementedError("EntityType is not implemented, in AWS's library neither")


_ATOMS: dict[str, type[AtomicType]] = {
    one.name: one
    for one in (
        *(BinaryType, BooleanType, ByteType, DateType, DoubleType, FloatType, IntegerType, LongType, NullType),
        *(ShortType, StringType, TimestampType, UnknownType, DecimalType, EnumType),
    )
}


def _deserialize_json_value(value: dict[str, Any] | str) -> DataType:
    """The type that `jsonValue` tells of, or its text."""
    said: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    name, properties = said["dataType"], said.get("properties", {})
    if name == "struct":
        fields = [Field(one["name"], _deserialize_json_value(one["container"])) for one in said["fields"]]
        return StructType(fields, properties)
    if name in {"array", "set"}:
        kind = ArrayType if name == "array" else SetType
        return kind(_deserialize_json_value(said["elementType"]), properties)
    if name == "map":
        return MapType(_deserialize_json_value(said["valueType"]), properties)
    if name == "choice":
        return ChoiceType([_deserialize_json_value(one) for one in said["choices"]], properties)
    if name not in _ATOMS:
        raise ValueError(f"There is no type {name}")
    return _ATOMS[name].fromJsonValue(said)
