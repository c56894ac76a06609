"""MLeap's bundles: a pipeline of fitted transformers as a folder or zip of JSON or protobuf files.

    bundle = read("jar:file:/tmp/model.zip")
    bundle.root.children[0].value("labels", list)

The format is MLeap's own: https://combust.github.io/mleap-docs/core-concepts/mleap-bundles.html and its sources
(github.com/combust/mleap, bundle-ml; github.com/combust/bundle-protobuf). Standard library only: the runtime of
endpoints reads them, PySpark's side writes them, and neither brings a Java library.
"""

from .bundle import Bundle, Node
from .errors import BundleError
from .reading import read
from .values import BasicType, DataShape, Float, Long, Model, Tensor
from .writing import write

__all__ = [
    "BasicType",
    "Bundle",
    "BundleError",
    "DataShape",
    "Float",
    "Long",
    "Model",
    "Node",
    "Tensor",
    "read",
    "write",
]
