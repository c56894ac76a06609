"""What Hive's client asks a metastore for, answered by Glue's Data Catalog with the job's own credentials.

A method has the name of Thrift's, and raises Refused. What AWS's client for Hive does with files, a metastore would do
too: a table that Spark manages has its folder made, and its objects deleted with it.
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark-glue.html
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from . import json_tables, translate
from .files import Files
from .shapes import EXISTS, INVALID, META, MISSING, OPERATION, Refused
from .translate import Document

CODES = {"EntityNotFoundException": MISSING, "AlreadyExistsException": EXISTS, "InvalidInputException": INVALID}
CREATED = 100  # partitions that Glue makes at once
DATE = re.compile(r"""("[^"]*"|'[^']*')|\b(\d{4}-\d\d-\d\d)\b""")
MANAGED, VIEW = "MANAGED_TABLE", "VIRTUAL_VIEW"


class Catalog:
    """`glue` and `s3` are boto3's clients."""

    def __init__(self, glue: Any, s3: Any) -> None:
        self._glue, self._files = glue, Files(s3)

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Raises Refused for whatever goes wrong."""
        try:
            return getattr(self, name)(*arguments)
        except Refused:
            raise
        except Exception as error:
            told = getattr(error, "response", {}).get("Error", {})
            kind = CODES.get(told.get("Code", ""), META)
            raise Refused(kind, f"{told['Message']} ({told['Code']})" if told else str(error)) from error

    # The connection.

    def set_ugi(self, _user: str, groups: list[str]) -> list[str]:
        return groups

    def getMetaConf(self, _key: str) -> str:  # noqa: N802 - Thrift's name
        return ""

    def setMetaConf(self, _key: str, _value: str) -> None:  # noqa: N802 - Thrift's name
        return None

    def get_config_value(self, _name: str, default: str) -> str:
        return default

    # Databases.

    def create_database(self, given: Document) -> None:
        document = translate.database_in(given)
        if not urlsplit(document.get("LocationUri", "")).scheme.startswith("s3"):
            document.pop("LocationUri", None)  # a folder of this container, which goes with the job
        self._glue.create_database(DatabaseInput=document)

    def get_database(self, name: str) -> Document:
        return translate.database_out(self._glue.get_database(Name=name)["Database"])

    def get_all_databases(self) -> list[str]:
        pages = self._glue.get_paginator("get_databases").paginate()
        return [each["Name"] for page in pages for each in page["DatabaseList"]]

    def get_databases(self, pattern: str) -> list[str]:
        return list(filter(_pattern(pattern), self.get_all_databases()))

    def alter_database(self, name: str, given: Document) -> None:
        self._glue.update_database(Name=name, DatabaseInput=translate.database_in(given))

    def drop_database(self, name: str, delete: bool, cascade: bool) -> None:
        tables = list(self._tables(name))
        if tables and not cascade:
            raise Refused(OPERATION, f"Database {name} is not empty. One or more tables exist.")
        self._glue.delete_database(Name=name)
        for table in tables:
            if delete:
                self._delete(table)

    # Tables.

    def create_table(self, given: Document) -> None:
        document = translate.table_in(given)
        storage = document["StorageDescriptor"]
        if document.get("TableType") != VIEW and not storage.get("Location"):
            storage["Location"] = self._location(given["dbName"], document["Name"])
        self._glue.create_table(DatabaseName=given["dbName"], TableInput=document)
        if document.get("TableType") == MANAGED:
            self._files.make(_folder(document))

    def _location(self, database: str, name: str) -> str:
        """Where a table lies that says nothing of that: in its database's folder."""
        folder = self._glue.get_database(Name=database)["Database"].get("LocationUri", "")
        if not folder:  # in the words of AWS's client
            raise Refused(META, "java.lang.IllegalArgumentException: Can not create a Path from an empty string")
        return f"{folder.rstrip('/')}/{name.lower()}"

    def create_table_with_environment_context(self, given: Document, _context: Document) -> None:
        self.create_table(given)

    def drop_table(self, database: str, name: str, delete: bool) -> None:
        table = self._table(database, name)
        self._glue.delete_table(DatabaseName=database, Name=name)
        if delete:
            self._delete(table)

    def drop_table_with_environment_context(
        self,
        database: str,
        name: str,
        delete: bool,
        _context: Document,
    ) -> None:
        self.drop_table(database, name, delete)

    def get_tables(self, database: str, pattern: str) -> list[str]:
        return [each["Name"] for each in self._tables(database) if _pattern(pattern)(each["Name"])]

    def get_tables_by_type(self, database: str, pattern: str, kind: str) -> list[str]:
        return [
            each["Name"]
            for each in self._tables(database)
            if _pattern(pattern)(each["Name"]) and each.get("TableType") == kind
        ]

    def get_all_tables(self, database: str) -> list[str]:
        return [each["Name"] for each in self._tables(database)]

    def get_table(self, database: str, name: str) -> Document:
        return translate.table_out(self._table(database, name))

    def get_table_req(self, request: Document) -> Document:
        return {"table": self.get_table(request["dbName"], request["tblName"])}

    def get_table_objects_by_name(self, database: str, names: list[str]) -> list[Document]:
        """Those that are there."""
        found = []
        for name in names:
            try:
                found.append(self.get_table(database, name))
            except self._glue.exceptions.EntityNotFoundException:
                continue
        return found

    def get_table_objects_by_name_req(self, request: Document) -> Document:
        return {"tables": self.get_table_objects_by_name(request["dbName"], request.get("tblNames") or [])}

    def alter_table(self, database: str, name: str, given: Document) -> None:
        if given["tableName"].lower() != name.lower() or given["dbName"].lower() != database.lower():
            raise Refused(OPERATION, "Table rename is not supported")  # nor is it by AWS's client
        if json_tables.seen(self._table(database, name)):
            raise Refused(OPERATION, f"{name} is a table of JSON with a SerDe that Spark does not have: not by Spark")
        try:
            self._glue.update_table(DatabaseName=database, TableInput=translate.table_in(given))
        except self._glue.exceptions.EntityNotFoundException as error:
            raise Refused(OPERATION, str(error)) from error

    def alter_table_with_environment_context(
        self, database: str, name: str, given: Document, _context: Document
    ) -> None:
        self.alter_table(database, name, given)

    def alter_table_with_cascade(self, database: str, name: str, given: Document, _cascade: bool) -> None:
        self.alter_table(database, name, given)

    def _table(self, database: str, name: str) -> Document:
        found: Document = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        return found

    def _tables(self, database: str) -> Iterator[Document]:
        for page in self._glue.get_paginator("get_tables").paginate(DatabaseName=database):
            yield from page["TableList"]

    # Partitions.

    def add_partition(self, given: Document) -> Document:
        self._add(given["dbName"], given["tableName"], [given])
        return given

    def add_partition_with_environment_context(self, given: Document, _context: Document) -> Document:
        return self.add_partition(given)

    def add_partitions(self, given: list[Document]) -> int:
        for each in given:
            self.add_partition(each)
        return len(given)

    def add_partitions_req(self, request: Document) -> Document:
        self._add(request["dbName"], request["tblName"], request["parts"], exists=request.get("ifNotExists", False))
        return {"partitions": request["parts"]} if request.get("needResult", True) else {}

    def _add(self, database: str, name: str, given: list[Document], *, exists: bool = False) -> None:
        inputs = [translate.partition_in(each) for each in given]
        for start in range(0, len(inputs), CREATED):
            batch = inputs[start : start + CREATED]
            errors = self._glue.batch_create_partition(DatabaseName=database, TableName=name, PartitionInputList=batch)[
                "Errors"
            ]
            for error in errors:
                detail = error["ErrorDetail"]
                if not (exists and detail["ErrorCode"] == EXISTS):
                    raise Refused(CODES.get(detail["ErrorCode"], META), detail["ErrorMessage"])

    def drop_partition(self, database: str, name: str, values: list[str], delete: bool) -> bool:
        table = self._table(database, name)
        place = {"DatabaseName": database, "TableName": name, "PartitionValues": values}
        found = self._glue.get_partition(**place)["Partition"]
        self._glue.delete_partition(**place)
        if delete and table.get("TableType") == MANAGED:
            self._files.clear(_folder(found))
        return True

    def drop_partition_with_environment_context(
        self,
        database: str,
        name: str,
        values: list[str],
        delete: bool,
        _context: Document,
    ) -> bool:
        return self.drop_partition(database, name, values, delete)

    def drop_partitions_req(self, request: Document) -> Document:
        names = request["parts"].get("names")
        if names is None:
            raise Refused(META, "Partitions can be dropped by their names, and not by an expression")
        for name in names:
            values = translate.partition_values(name)
            self.drop_partition(request["dbName"], request["tblName"], values, request.get("deleteData", False))
        return {"partitions": []}

    def get_partition(self, database: str, name: str, values: list[str]) -> Document:
        found = self._glue.get_partition(DatabaseName=database, TableName=name, PartitionValues=values)
        return translate.partition_out(found["Partition"])

    def get_partition_with_auth(
        self, database: str, name: str, values: list[str], _user: str, _groups: list[str]
    ) -> Document:
        return self.get_partition(database, name, values)

    def get_partition_by_name(self, database: str, name: str, partition: str) -> Document:
        return self.get_partition(database, name, translate.partition_values(partition))

    def get_partitions(self, database: str, name: str, most: int) -> list[Document]:
        return [translate.partition_out(each) for each in self._partitions(database, name, most)]

    def get_partitions_with_auth(
        self, database: str, name: str, most: int, _user: str, _groups: list[str]
    ) -> list[Document]:
        return self.get_partitions(database, name, most)

    def get_partition_names(self, database: str, name: str, most: int) -> list[str]:
        return self._names(database, name, self._partitions(database, name, most, ExcludeColumnSchema=True))

    def get_partitions_ps(self, database: str, name: str, values: list[str], most: int) -> list[Document]:
        """Those that have these values; an empty one stands for any."""
        return [translate.partition_out(each) for each in self._partial(database, name, values, most)]

    def get_partitions_ps_with_auth(
        self, database: str, name: str, values: list[str], most: int, _user: str, _groups: list[str]
    ) -> list[Document]:
        return self.get_partitions_ps(database, name, values, most)

    def get_partition_names_ps(self, database: str, name: str, values: list[str], most: int) -> list[str]:
        return self._names(database, name, self._partial(database, name, values, most))

    def get_partitions_by_filter(self, database: str, name: str, text: str, most: int) -> list[Document]:
        found = self._partitions(database, name, most, Expression=_expression(text)) if text else None
        if found is None:
            found = self._partitions(database, name, most)
        return [translate.partition_out(each) for each in found]

    def get_num_partitions_by_filter(self, database: str, name: str, text: str) -> int:
        return len(self.get_partitions_by_filter(database, name, text, -1))

    def get_partitions_by_names(self, database: str, name: str, names: list[str]) -> list[Document]:
        wanted = [{"Values": translate.partition_values(each)} for each in names]
        found: list[Document] = []
        for start in range(0, len(wanted), CREATED):
            batch = wanted[start : start + CREATED]
            answer = self._glue.batch_get_partition(DatabaseName=database, TableName=name, PartitionsToGet=batch)
            found += map(translate.partition_out, answer["Partitions"])
        return found

    def alter_partition(self, database: str, name: str, given: Document) -> None:
        self.alter_partitions(database, name, [given])

    def alter_partition_with_environment_context(
        self, database: str, name: str, given: Document, _context: Document
    ) -> None:
        self.alter_partition(database, name, given)

    def alter_partitions(self, database: str, name: str, given: list[Document]) -> None:
        for each in given:
            self.rename_partition(database, name, each["values"], each)

    def alter_partitions_with_environment_context(
        self, database: str, name: str, given: list[Document], _context: Document
    ) -> None:
        self.alter_partitions(database, name, given)

    def rename_partition(self, database: str, name: str, values: list[str], given: Document) -> None:
        place = {"DatabaseName": database, "TableName": name, "PartitionValueList": values}
        self._glue.update_partition(**place, PartitionInput=translate.partition_in(given))

    def _partitions(self, database: str, name: str, most: int, **given: Any) -> Iterator[Document]:
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=name, **given)
        for number, each in enumerate(each for page in pages for each in page["Partitions"]):
            if 0 <= most <= number:
                return
            yield each

    def _partial(self, database: str, name: str, values: list[str], most: int) -> Iterator[Document]:
        fitting = (
            each
            for each in self._partitions(database, name, -1)
            if all(wanted in ("", had) for wanted, had in zip(values, each["Values"], strict=False))
        )
        for number, each in enumerate(fitting):
            if 0 <= most <= number:
                return
            yield each

    def _names(self, database: str, name: str, partitions: Iterator[Document]) -> list[str]:
        keys = [each["Name"] for each in self._table(database, name).get("PartitionKeys", [])]
        return sorted(translate.partition_name(keys, each["Values"]) for each in partitions)

    def _delete(self, table: Document) -> None:
        if table.get("TableType") == MANAGED:
            self._files.clear(_folder(table))

    # Functions.

    def create_function(self, given: Document) -> None:
        self._glue.create_user_defined_function(
            DatabaseName=given["dbName"], FunctionInput=translate.function_in(given)
        )

    def drop_function(self, database: str, name: str) -> None:
        self._glue.delete_user_defined_function(DatabaseName=database, FunctionName=name)

    def alter_function(self, database: str, name: str, given: Document) -> None:
        self._glue.update_user_defined_function(
            DatabaseName=database, FunctionName=name, FunctionInput=translate.function_in(given)
        )

    def get_functions(self, database: str, pattern: str) -> list[str]:
        pages = self._glue.get_paginator("get_user_defined_functions").paginate(DatabaseName=database, Pattern=pattern)
        return [each["FunctionName"] for page in pages for each in page["UserDefinedFunctions"]]

    def get_function(self, database: str, name: str) -> Document:
        found = self._glue.get_user_defined_function(DatabaseName=database, FunctionName=name)
        return translate.function_out(found["UserDefinedFunction"])

    def get_all_functions(self) -> Document:
        """None, as with AWS's client: Hive asks for them as it starts, and Spark for each as a query names it."""
        return {"functions": []}


def _folder(given: Document) -> str:
    """Of a table or partition."""
    return str(given.get("StorageDescriptor", {}).get("Location", ""))


def _expression(text: str) -> str:
    """Spark's filter as an Expression: it leaves dates without quotes."""
    return DATE.sub(lambda found: found[1] or f"'{found[2]}'", text)


def _pattern(text: str) -> Callable[[str], bool]:
    """Hive's: * is any characters, | stands between several."""
    parts = [re.escape(part).replace(r"\*", ".*") for part in (text or "*").split("|")]
    compiled = re.compile("|".join(parts), re.IGNORECASE)
    return lambda name: compiled.fullmatch(name) is not None
