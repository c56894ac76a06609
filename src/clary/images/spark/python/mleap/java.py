"""Values between Python and the JVM, many at once: a call for each element of an array costs 50 µs.

What Spark declares private[ml] is public in bytecode, which is how models are made of their parts here.
"""

from __future__ import annotations

from array import array
from typing import Any

from pyspark import SparkContext
from pyspark.serializers import CPickleSerializer

ML = "org.apache.spark.ml."
MLLIB = "org.apache.spark.mllib."


def context() -> Any:
    """Raises RuntimeError where no Spark session runs."""
    found = SparkContext._active_spark_context  # noqa: SLF001 - as pyspark.ml.util does
    if found is None:
        raise RuntimeError("MLeap needs a Spark session that runs")
    return found


def jvm() -> Any:
    return context()._jvm  # noqa: SLF001 - py4j's entry


def new(name: str, *given: Any) -> Any:
    """An object of a class below org.apache.spark."""
    made = jvm()
    for part in name.split("."):
        made = getattr(made, part)
    return made(*given)


def single(name: str) -> Any:
    """Scala's object of that name."""
    java = jvm()
    loader = java.java.lang.Thread.currentThread().getContextClassLoader()
    return java.java.lang.Class.forName(name + "$", True, loader).getField("MODULE$").get(None)


def plain(value: Any) -> Any:
    """A Java array, list, map, vector or matrix as Python's."""
    dumped = jvm().org.apache.spark.ml.python.MLSerDe.dumps(value)
    found = CPickleSerializer().loads(dumped)
    return list(found) if isinstance(found, (array, tuple)) else found


def java(value: Any) -> Any:
    """Python's list, dict, array or vector as Java's."""
    return jvm().org.apache.spark.ml.python.MLSerDe.loads(bytearray(CPickleSerializer().dumps(value)))


def doubles(values: Any) -> Any:
    return java(array("d", values))


def ints(values: Any) -> Any:
    return java(array("i", values))


def longs(values: Any) -> Any:
    return java(array("l", values))


def floats(values: Any) -> Any:
    return java(array("f", values))


def texts(values: Any) -> Any:
    """String[]."""
    found = java(list(values)).toArray()
    strings = jvm().java.lang.Class.forName("[Ljava.lang.String;")
    return jvm().java.util.Arrays.copyOf(found, len(found), strings)


def objects(kind: Any, values: Any) -> Any:
    """An array of `kind`, a class of the JVM's."""
    made = context()._gateway.new_array(kind, len(values))  # noqa: SLF001 - py4j's entry
    for number, value in enumerate(values):
        made[number] = value
    return made


def scala_map(values: Any) -> Any:
    return jvm().org.apache.spark.api.python.PythonUtils.toScalaMap(values)


def field(value: Any, name: str) -> Any:
    """A private field, whose name in bytecode ends so."""
    for one in value.getClass().getDeclaredFields():
        if one.getName().split("$")[-1] == name:
            one.setAccessible(True)
            return one.get(value)
    raise AttributeError(name)


class Stage:
    """A transformer of Spark's as the JVM has it."""

    def __init__(self, found: Any) -> None:
        self.java = found
        self.uid = str(found.uid())
        self.kind = str(found.getClass().getName())

    def is_set(self, name: str) -> bool:
        return bool(self.java.isSet(self.java.getParam(name)))

    def has(self, name: str) -> bool:
        """The transformer knows the parameter, and it has a value."""
        return bool(self.java.hasParam(name)) and bool(self.java.isDefined(self.java.getParam(name)))

    def param(self, name: str) -> Any:
        found = self.java.getOrDefault(self.java.getParam(name))
        return found if isinstance(found, (bool, int, float, str)) else plain(found)

    def columns(self, name: str) -> list[str]:
        """Those that a parameter names: none, one or several."""
        if not self.has(name):
            return []
        found = self.param(name)
        return [one for one in ([found] if isinstance(found, str) else list(found)) if one]

    def set(self, name: str, value: Any) -> None:
        param = self.java.getParam(name)
        self.java.set(param.w(java(value) if isinstance(value, list) else value))
