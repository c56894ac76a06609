"""What MLeap adds to PySpark: its serializer, and two methods of every transformer.
https://combust.github.io/mleap-docs/py-spark/
"""

from __future__ import annotations

from typing import Any

from pyspark.ml.base import Transformer

from mleap.deserializing import deserialize
from mleap.serializing import serialize


class SimpleSparkSerializer:
    def serializeToBundle(  # noqa: N802 - MLeap's name
        self,
        transformer: Any,
        path: str,
        dataset: Any,
        format: str = "json",  # noqa: A002 - what MLeap calls it
    ) -> None:
        """Writes to jar:file:/model.zip or file:/folder. dataset: what the transformer made of some rows, or its input.

        `format` is "json" or "protobuf". Raises UnknownTransformer, which names the stage that MLeap doesn't know, and
        ValueError.
        """
        serialize(transformer, path, dataset, format)

    def deserializeFromBundle(self, path: str) -> Any:  # noqa: N802 - MLeap's name
        """A transformer of pyspark.ml. Raises UnknownTransformer, and ValueError for what is no bundle."""
        return deserialize(path)


def serializeToBundle(self: Any, path: str, dataset: Any = None) -> None:  # noqa: N802 - MLeap's name
    SimpleSparkSerializer().serializeToBundle(self, path, dataset)


def deserializeFromBundle(path: str) -> Any:  # noqa: N802 - MLeap's name
    return SimpleSparkSerializer().deserializeFromBundle(path)


Transformer.serializeToBundle = serializeToBundle
Transformer.deserializeFromBundle = staticmethod(deserializeFromBundle)
