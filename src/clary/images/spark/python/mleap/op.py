"""How a transformer of Spark's is told in MLeap's format, and how it is made of that again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.ml.linalg import DenseMatrix

from .bundles import Node, Tensor
from .columns import Columns
from .java import ML, Stage, new


class UnknownTransformer(ValueError):
    """MLeap doesn't know the transformer; the message names it."""


Store = Callable[[Stage, Columns], "dict[str, Any]"]


@dataclass(frozen=True)
class Op:
    """One of MLeap's ops.

    `kind`: Spark's class, below org.apache.spark.ml. `inputs` and `outputs`: of each port the parameter that names its
    column; where a transformer has several columns, the parameter's name ends in "s" beside it, and the ports are
    numbered. `store` gives the attributes, `load` a transformer of the JVM's without its columns.
    `tell` is there for who has more than attributes: it completes the node. `several` is there for who takes several
    columns where MLeap's op takes one: it gives a node for each, and the whole is a pipeline.
    """

    name: str
    kind: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    store: Store
    load: Callable[[Node], Any]
    tell: Callable[[Stage, Columns, Node], None] = field(default=lambda _stage, _columns, _node: None)
    several: Callable[[Stage, Columns], tuple[Node, ...]] = field(default=lambda _stage, _columns: ())

    def node(self, stage: Stage, columns: Columns) -> Node:
        each = self.several(stage, columns)
        if each:
            return Node(stage.uid, "pipeline", children=each)
        node = self.model(stage, columns, stage.uid)
        node.inputs = _ports(stage, columns, self.inputs)
        node.outputs = _ports(stage, columns, self.outputs)
        return node

    def model(self, stage: Stage, columns: Columns, name: str) -> Node:
        """Without columns, as it lies in an ensemble."""
        node = Node(name, self.name, attributes=self.store(stage, columns))
        self.tell(stage, columns, node)
        return node

    def transformer(self, node: Node) -> Any:
        made = Stage(self.load(node))
        for ports, params in ((node.inputs, self.inputs), (node.outputs, self.outputs)):
            for port, param in params.items():
                _connect(made, ports, port, param)
        return made.java


def _ports(stage: Stage, columns: Columns, params: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for port, param in params.items():
        many = param if param.endswith("s") else param + "s"
        if stage.java.hasParam(many) and stage.is_set(many):
            found.update({f"{port}{number}": name for number, name in enumerate(stage.columns(many))})
        elif param != many:
            for name in stage.columns(param):
                found[port] = name
    for name in found.values():
        columns.kind(name)
    return found


def _connect(made: Stage, ports: Mapping[str, str], port: str, param: str) -> None:
    numbered = [ports[f"{port}{number}"] for number in range(len(ports)) if f"{port}{number}" in ports]
    if numbered:
        made.set(param if param.endswith("s") else param + "s", numbered)
    elif port in ports:
        made.set(param, [ports[port]] if param.endswith("s") else ports[port])


def loads(kind: str, **params: tuple[Any, ...]) -> Callable[[Node], Any]:
    """`load` of a transformer that is its parameters: of each the attribute, its type, and a default if it has one."""

    def load(node: Node) -> Any:
        stage = Stage(new(ML + kind, node.name))
        for param, told in params.items():
            stage.set(param, node.value(*told))
        return stage.java

    return load


def one_column(
    op: str, stage: Stage, columns: Columns, number: int, source: str, target: str, attributes: dict[str, Any]
) -> Node:
    """What a transformer of several columns does to one of them."""
    columns.kind(source)
    return Node(f"{stage.uid}_{number}", op, {"input": source}, {"output": target}, attributes)


INPUT, OUTPUT = {"input": "inputCol"}, {"output": "outputCol"}
FEATURES = {"features": "featuresCol"}
PREDICTION = {"prediction": "predictionCol"}
CLASSES = {"raw_prediction": "rawPredictionCol", "probability": "probabilityCol", **PREDICTION}


def vector(found: Any) -> Tensor:
    """A vector of Spark's, dense or sparse, as MLeap keeps it."""
    return Tensor((len(found),), [float(one) for one in found.toArray()])


def matrix(found: Any) -> Tensor:
    """A matrix of Spark's: MLeap keeps its columns one after another."""
    values = found.toArray().flatten("F")
    return Tensor((int(found.numRows), int(found.numCols)), [float(one) for one in values])


def floats_of(tensor: Tensor) -> list[float]:
    return [float(one) for one in tensor.values]


def by_rows(tensor: Tensor) -> Any:
    """The matrix that Spark's fitting made: its values lie by rows, and sums are to be as they were to the last bit."""
    rows, columns = tensor.shape
    found = tensor.values
    values = [float(found[row + rows * column]) for row in range(rows) for column in range(columns)]
    return DenseMatrix(rows, columns, values, isTransposed=True)


def by_columns(tensor: Tensor) -> Any:
    rows, columns = tensor.shape
    return DenseMatrix(rows, columns, floats_of(tensor))
