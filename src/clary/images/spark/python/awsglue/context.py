"""GlueContext: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html."""

from __future__ import annotations

import warnings
from typing import Any

from pyspark.sql import SparkSession, SQLContext
from pyspark.sql.functions import lit

from .catalog import Catalog
from .data_sink import DataSink
from .data_source import DataSource
from .dynamicframe import DynamicFrame, DynamicFrameCollection
from .files import sampling
from .job import Job
from .purging import purge
from .readwrite import DataFrameReader, DataFrameWriter, DynamicFrameReader, DynamicFrameWriter
from .refusing import refuse, refuse_connection
from .sources import from_files, from_table
from .targets import to_files, to_table
from .times import with_ingestion_times

_FILES = {"s3", "file"}
_FORMATS = {"parquet", "orc"}  # which are connection types too


class GlueContext(SQLContext):  # type: ignore[misc] # pyspark is not there when types are checked
    """A Spark SQL context that reads and writes dynamic frames. `spark_session` is the session."""

    def __init__(self, sparkContext: Any, **options: Any) -> None:
        self.spark_session = SparkSession.builder.getOrCreate()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Spark has deprecated SQLContext, which a GlueContext is
            super().__init__(sparkContext, self.spark_session)
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)
        self.create_data_frame = DataFrameReader(self)
        self.write_data_frame = DataFrameWriter(self)

    def _catalog(self, catalog_id: str | None = None) -> Catalog:
        return Catalog(catalog_id)

    # Reading

    def getSource(
        self, connection_type: str, format: str | None = None, transformation_ctx: str = "", **options: Any
    ) -> DataSource:
        refuse_connection(connection_type, _FILES | _FORMATS)
        named = connection_type if connection_type in _FORMATS else format
        return DataSource(self, options, named, transformation_ctx)

    def create_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: dict[str, Any] | None = None,
        format: str | None = None,
        format_options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **_: Any,
    ) -> DynamicFrame:
        source = self.getSource(connection_type, format, transformation_ctx, **(connection_options or {}))
        if format:
            source.setFormat(format, **(format_options or {}))
        frame = source.getFrame()
        return self._filtered(frame, push_down_predicate) if push_down_predicate else frame

    def _filtered(self, frame: DynamicFrame, predicate: str) -> DynamicFrame:
        return DynamicFrame._made(frame._df.filter(predicate), frame._kind, frame)

    def _read_files(
        self, options: dict[str, Any], format: str | None, format_options: dict[str, Any], context: str
    ) -> DynamicFrame:
        read = from_files(self.spark_session, Job.bookmarks(), options, format, format_options, context)
        return DynamicFrame._made(read.df, read.kind, self, context or "from_options", read.errors)

    def create_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: dict[str, Any] | None = None,
        catalog_id: str | None = None,
        **_: Any,
    ) -> DynamicFrame:
        if not database or not table_name:
            raise ValueError("create_dynamic_frame.from_catalog needs database and table_name")
        read = from_table(
            self.spark_session,
            Job.bookmarks(),
            self._catalog(catalog_id),
            (database, table_name),
            additional_options or {},
            push_down_predicate,
            transformation_ctx,
        )
        return DynamicFrame._made(read.df, read.kind, self, transformation_ctx or table_name, read.errors)

    def create_sample_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: dict[str, Any] | None = None,
        num: int | None = None,
        sample_options: dict[str, Any] | None = None,
        format: str | None = None,
        format_options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **_: Any,
    ) -> DynamicFrame:
        """The first `num` records. No bookmark counts them as read."""
        options = {**(connection_options or {}), **sampling(sample_options or {})}
        frame = self.create_dynamic_frame_from_options(
            connection_type, options, format, format_options, push_down_predicate=push_down_predicate
        )
        return self._first(frame, num)

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: dict[str, Any] | None = None,
        sample_options: dict[str, Any] | None = None,
        catalog_id: str | None = None,
        **_: Any,
    ) -> DynamicFrame:
        """The first `num` records. No bookmark counts them as read."""
        frame = self.create_dynamic_frame_from_catalog(
            database,
            table_name,
            push_down_predicate=push_down_predicate,
            additional_options={**(additional_options or {}), **sampling(sample_options or {})},
            catalog_id=catalog_id,
        )
        return self._first(frame, num)

    def _first(self, frame: DynamicFrame, num: int | None) -> DynamicFrame:
        if num is None:
            raise ValueError("A sample needs num, the most records that it has")
        return DynamicFrame._made(frame._df.limit(int(num)), frame._kind, frame)

    def get_catalog_schema_as_spark_schema(
        self, database: str | None = None, table_name: str | None = None, catalog_id: str | None = None
    ) -> Any:
        """A table's columns as a StructType, its partition keys behind the others."""
        if not database or not table_name:
            raise ValueError("get_catalog_schema_as_spark_schema needs database and table_name")
        table = self._catalog(catalog_id).table(database, table_name)
        columns = [lit(None).cast(kind).alias(name) for name, kind in (*table.columns, *table.keys)]
        return self.spark_session.range(0).select(*columns).schema

    def create_dynamic_frame_from_rdd(
        self, data: Any, name: str, schema: Any = None, sample_ratio: Any = None, transformation_ctx: str = ""
    ) -> DynamicFrame:
        """Of rows, tuples or dicts: `schema` and `sample_ratio` are Spark's createDataFrame's."""
        return DynamicFrame(self.spark_session.createDataFrame(data, schema, sample_ratio), self, name)

    def create_data_frame_from_catalog(
        self,
        database: str,
        table_name: str,
        transformation_ctx: str = "",
        additional_options: dict[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        more |= {"transformation_ctx": transformation_ctx, "additional_options": additional_options}
        return self.create_dynamic_frame_from_catalog(database, table_name, **more).toDF()

    def create_data_frame_from_options(self, *args: Any, **kwargs: Any) -> Any:
        return self.create_dynamic_frame_from_options(*args, **kwargs).toDF()

    # Writing

    def getSink(
        self, connection_type: str, format: str | None = None, transformation_ctx: str = "", **options: Any
    ) -> DataSink:
        refuse_connection(connection_type, _FILES | _FORMATS)
        return DataSink(self, options, connection_type if connection_type in _FORMATS else format)

    def write_dynamic_frame_from_options(self, frame: Any, *args: Any, **kwargs: Any) -> Any:
        return self.write_from_options(frame, *args, **kwargs)

    def write_from_options(
        self,
        frame_or_dfc: Any,
        connection_type: str,
        connection_options: dict[str, Any] | None = None,
        format: str | None = None,
        format_options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        sink = self.getSink(connection_type, format, transformation_ctx, **(connection_options or {}))
        if format:
            sink.setFormat(format, **(format_options or {}))
        return sink.write(frame_or_dfc)

    def _write_files(
        self, frame: DynamicFrame, format: str | None, options: dict[str, Any], told: dict[str, Any]
    ) -> None:
        to_files(self._catalog, frame._df, frame._kind, format, options, told)

    def _write_sample(self, frame: DynamicFrame, path: str, options: dict[str, Any]) -> None:
        df = frame._df
        if "prob" in options:
            df = df.sample(float(options["prob"]))
        if "topk" in options or "prob" not in options:
            df = df.limit(int(options.get("topk", 10)))
        to_files(self._catalog, df, frame._kind, "json", {"path": path}, {})

    def write_dynamic_frame_from_catalog(
        self,
        frame: Any,
        database: str,
        table_name: str,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: dict[str, Any] | None = None,
        catalog_id: str | None = None,
        **_: Any,
    ) -> Any:
        for one in frame.values() if isinstance(frame, DynamicFrameCollection) else [frame]:
            catalog = self._catalog(catalog_id)
            to_table(catalog, (database, table_name), one._df, one._kind, additional_options or {})
        return frame

    def write_data_frame_from_catalog(self, frame: Any, *args: Any, **kwargs: Any) -> Any:
        self.write_dynamic_frame_from_catalog(DynamicFrame(frame, self), *args, **kwargs)
        return frame

    def write_data_frame_from_options(self, frame: Any, *args: Any, **kwargs: Any) -> Any:
        self.write_dynamic_frame_from_options(DynamicFrame(frame, self), *args, **kwargs)
        return frame

    def write_dynamic_frame_from_jdbc_conf(self, frame: Any, *args: Any, **kwargs: Any) -> Any:
        return self.write_from_jdbc_conf(frame, *args, **kwargs)

    def write_from_jdbc_conf(self, frame_or_dfc: Any, catalog_connection: str, *_: Any, **__: Any) -> Any:
        raise refuse(f"writing to the JDBC connection {catalog_connection}")

    # Else

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> dict[str, str]:
        """`user`, `password`, `vendor`, `url` of a connection in the Data Catalog, and `fullUrl` with the database."""
        properties = self._catalog(catalog_id).connection(connection_name)["ConnectionProperties"]
        full = properties["JDBC_CONNECTION_URL"]
        vendor, rest = full.removeprefix("jdbc:").split(":", 1)
        host = rest.lstrip("/").split("/", 1)[0]
        return {
            "user": properties.get("USERNAME", ""),
            "password": properties.get("PASSWORD", ""),
            "vendor": vendor,
            "url": f"jdbc:{vendor}://{host}" if rest.startswith("//") else full,
            "fullUrl": full,
        }

    def purge_table(
        self,
        database: str = "",
        table_name: str = "",
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        purge(self.spark_session, options or {}, catalog=self._catalog(catalog_id), table=(database, table_name))

    def purge_s3_path(self, s3_path: str, options: dict[str, Any] | None = None, transformation_ctx: str = "") -> None:
        purge(self.spark_session, options or {}, path=s3_path)

    def transition_table(self, database: str, table_name: str, transition_to: str, *_: Any, **__: Any) -> None:
        raise refuse(f"moving {database}.{table_name} to the storage class {transition_to}")

    def transition_s3_path(self, s3_path: str, transition_to: str, *_: Any, **__: Any) -> None:
        raise refuse(f"moving {s3_path} to the storage class {transition_to}")

    def begin_transaction(self, read_only: bool = False) -> str:
        raise refuse("begin_transaction: Lake Formation's governed tables")

    start_transaction = begin_transaction

    def commit_transaction(self, transaction_id: str, wait_for_commit: bool = True) -> bool:
        raise refuse("commit_transaction: Lake Formation's governed tables")

    def cancel_transaction(self, transaction_id: str) -> None:
        raise refuse("cancel_transaction: Lake Formation's governed tables")

    def forEachBatch(self, frame: Any, batch_function: Any, options: dict[str, Any]) -> None:
        raise refuse("forEachBatch: streaming jobs")

    def add_ingestion_time_columns(self, dataFrame: Any, timeGranularity: str = "") -> Any:
        return with_ingestion_times(dataFrame, timeGranularity)

    def get_logger(self) -> Any:
        """The job's log: `info`, `warn`, `error`."""
        return self.spark_session._jvm.org.apache.log4j.LogManager.getLogger("GlueLogger")


__all__ = ["DataFrameReader", "DataFrameWriter", "DataSink", "DataSource", "DynamicFrame", "GlueContext"]
