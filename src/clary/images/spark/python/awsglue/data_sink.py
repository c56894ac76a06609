"""What getSink gives: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-types.html."""

from __future__ import annotations

from typing import Any

from .collection import DynamicFrameCollection


class DataSink:
    def __init__(self, glue_context: Any, options: dict[str, Any], format: str | None) -> None:
        self._glue_context, self._options = glue_context, options
        self._format, self._format_options = format, dict[str, Any]()
        self._told: dict[str, Any] = {}

    def setFormat(self, format: str, **options: Any) -> None:
        self._format, self._format_options = format, options

    def setAccumulableSize(self, size: int) -> None:
        """Spark's accumulators have no size of their own."""

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:
        """The table that `enableUpdateCatalog` keeps."""
        self._told = {"database": catalogDatabase, "table": catalogTableName, "catalog": catalogId or None}

    def writeFrame(self, dynamic_frame: Any, info: str = "") -> Any:
        options = {**self._options, **self._format_options}
        self._glue_context._write_files(dynamic_frame, self._format, options, self._told)
        return dynamic_frame

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        if isinstance(dynamic_frame_or_dfc, DynamicFrameCollection):
            return dynamic_frame_or_dfc.map(lambda frame, _: self.writeFrame(frame, info))
        return self.writeFrame(dynamic_frame_or_dfc, info)
