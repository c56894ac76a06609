"""What getSource gives: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-types.html."""

from __future__ import annotations

from typing import Any


class DataSource:
    def __init__(self, glue_context: Any, options: dict[str, Any], format: str | None, context: str) -> None:
        self._glue_context, self._options, self._context = glue_context, options, context
        self._format, self._format_options = format, dict[str, Any]()

    def setFormat(self, format: str, **options: Any) -> None:
        self._format, self._format_options = format, options

    def getFrame(self, **_: Any) -> Any:
        return self._glue_context._read_files(self._options, self._format, self._format_options, self._context)
