"""create_dynamic_frame and write_dynamic_frame, and their like for DataFrames: other names for the context's methods.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame-reader.html and -writer
"""

from __future__ import annotations

from typing import Any


class _Of:
    def __init__(self, glue_context: Any) -> None:
        self._glue_context = glue_context


class DynamicFrameReader(_Of):
    def from_rdd(self, data: Any, name: str, schema: Any = None, sampleRatio: Any = None) -> Any:
        return self._glue_context.create_dynamic_frame_from_rdd(data, name, schema, sampleRatio)

    def from_options(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.create_dynamic_frame_from_options(*args, **kwargs)

    def from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.create_dynamic_frame_from_catalog(*args, **_database(kwargs))


class DynamicFrameWriter(_Of):
    def from_options(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.write_dynamic_frame_from_options(*args, **kwargs)

    def from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.write_dynamic_frame_from_catalog(*args, **_database(kwargs))

    def from_jdbc_conf(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.write_dynamic_frame_from_jdbc_conf(*args, **kwargs)


class DataFrameReader(_Of):
    def from_options(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.create_data_frame_from_options(*args, **kwargs)

    def from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.create_data_frame_from_catalog(*args, **_database(kwargs))


class DataFrameWriter(_Of):
    def from_options(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.write_data_frame_from_options(*args, **kwargs)

    def from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        return self._glue_context.write_data_frame_from_catalog(*args, **_database(kwargs))


def _database(kwargs: dict[str, Any]) -> dict[str, Any]:
    """`name_space` is what the database was called at first."""
    if "name_space" in kwargs:
        kwargs["database"] = kwargs.pop("name_space")
    return kwargs
