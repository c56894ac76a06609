"""What goes wrong with a bundle, or with a row that is put through it.

Failure (ValueError)
├── UnknownTransformer   load: an op that is not in table.py
├── WrongModel           load: attributes that the op cannot be made of
├── MissingColumn        plan: a column that no step makes and that is not given
└── BadRow               a row: Spark's words
"""


class Failure(ValueError):
    """Of this package: its text is for the caller."""


class UnknownTransformer(Failure):
    def __init__(self, op: str, node: str) -> None:
        self.op = op
        self.node = node
        super().__init__(f"The bundle's node {node} is a transformer that is not known here: {op}")


class WrongModel(Failure):
    pass


class MissingColumn(Failure):
    def __init__(self, column: str, node: str) -> None:
        self.column = column
        super().__init__(f"Field {column} does not exist: node {node} reads it")


class BadRow(Failure):
    pass


class SkippedRow(Exception):
    """The row is left out, as Spark does where a transformer's handleInvalid is "skip"."""
