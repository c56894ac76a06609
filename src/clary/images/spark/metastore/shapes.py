"""What a Hive 2.3 client sends and takes, of all that a metastore can be asked: Spark 3.5's client is of that version.

The numbers are those of https://github.com/apache/hive/blob/rel/release-2.3.9/metastore/if/hive_metastore.thrift
"""

from dataclasses import dataclass, field
from typing import Final

from .thrift import Struct


class Refused(Exception):
    """`kind`: Thrift's name of the exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _struct(text: str) -> Struct:
    """`name:type` for each field; a number before it where it does not follow the one before."""
    found, number = {}, 0
    for word in text.split():
        name, _, kind = word.partition(":")
        given, _, rest = name.rpartition("=")
        number = int(given) if given else number + 1
        found[number] = (rest, kind)
    return found


STRUCTS: Final[dict[str, Struct]] = {
    name: _struct(text)
    for name, text in {
        "FieldSchema": "name:string type:string comment:string",
        "Database": "name:string description:string locationUri:string parameters:map<string,string>"
        " 6=ownerName:string ownerType:i32",
        "SerDeInfo": "name:string serializationLib:string parameters:map<string,string>",
        "Order": "col:string order:i32",
        "SkewedInfo": "skewedColNames:list<string> skewedColValues:list<list<string>>"
        " skewedColValueLocationMaps:map<list<string>,string>",
        "StorageDescriptor": "cols:list<FieldSchema> location:string inputFormat:string outputFormat:string"
        " compressed:bool numBuckets:i32 serdeInfo:SerDeInfo bucketCols:list<string> sortCols:list<Order>"
        " parameters:map<string,string> skewedInfo:SkewedInfo storedAsSubDirectories:bool",
        "Table": "tableName:string dbName:string owner:string createTime:i32 lastAccessTime:i32 retention:i32"
        " sd:StorageDescriptor partitionKeys:list<FieldSchema> parameters:map<string,string> viewOriginalText:string"
        " viewExpandedText:string tableType:string",
        "Partition": "values:list<string> dbName:string tableName:string createTime:i32 lastAccessTime:i32"
        " sd:StorageDescriptor parameters:map<string,string>",
        "EnvironmentContext": "properties:map<string,string>",
        "GetTableRequest": "dbName:string tblName:string",
        "GetTableResult": "table:Table",
        "GetTablesRequest": "dbName:string tblNames:list<string>",
        "GetTablesResult": "tables:list<Table>",
        "AddPartitionsRequest": "dbName:string tblName:string parts:list<Partition> ifNotExists:bool needResult:bool",
        "AddPartitionsResult": "partitions:list<Partition>",
        "RequestPartsSpec": "names:list<string>",
        "DropPartitionsRequest": "dbName:string tblName:string parts:RequestPartsSpec deleteData:bool ifExists:bool"
        " 8=needResult:bool",
        "DropPartitionsResult": "partitions:list<Partition>",
        "ResourceUri": "resourceType:i32 uri:string",
        "Function": "functionName:string dbName:string className:string ownerName:string ownerType:i32"
        " createTime:i32 functionType:i32 resourceUris:list<ResourceUri>",
        "GetAllFunctionsResponse": "functions:list<Function>",
        "Error": "message:string",
    }.items()
}


@dataclass(frozen=True)
class Method:
    """`errors`: which number each exception has that it may raise."""

    takes: tuple[str, ...]
    gives: str  # "" is void
    errors: dict[str, int] = field(default_factory=dict)


META, MISSING, EXISTS = "MetaException", "NoSuchObjectException", "AlreadyExistsException"
INVALID, OPERATION, UNKNOWN = "InvalidObjectException", "InvalidOperationException", "UnknownDBException"
PARTS = "list<Partition>"


def _method(takes: str, gives: str, *errors: str) -> Method:
    return Method(tuple(takes.split()), gives, {name: number for number, name in enumerate(errors, 1)})


METHODS: Final[dict[str, Method]] = {
    "set_ugi": _method("string list<string>", "list<string>", META),
    "getMetaConf": _method("string", "string", META),
    "setMetaConf": _method("string string", "", META),
    "get_config_value": _method("string string", "string"),
    "create_database": _method("Database", "", EXISTS, INVALID, META),
    "get_database": _method("string", "Database", MISSING, META),
    "drop_database": _method("string bool bool", "", MISSING, OPERATION, META),
    "get_databases": _method("string", "list<string>", META),
    "get_all_databases": _method("", "list<string>", META),
    "alter_database": _method("string Database", "", META, MISSING),
    "create_table": _method("Table", "", EXISTS, INVALID, META, MISSING),
    "create_table_with_environment_context": _method("Table EnvironmentContext", "", EXISTS, INVALID, META, MISSING),
    "drop_table": _method("string string bool", "", MISSING, META),
    "drop_table_with_environment_context": _method("string string bool EnvironmentContext", "", MISSING, META),
    "get_tables": _method("string string", "list<string>", META),
    "get_tables_by_type": _method("string string string", "list<string>", META),
    "get_all_tables": _method("string", "list<string>", META),
    "get_table": _method("string string", "Table", META, MISSING),
    "get_table_objects_by_name": _method("string list<string>", "list<Table>"),
    "get_table_req": _method("GetTableRequest", "GetTableResult", META, MISSING),
    "get_table_objects_by_name_req": _method("GetTablesRequest", "GetTablesResult", META, OPERATION, UNKNOWN),
    "alter_table": _method("string string Table", "", OPERATION, META),
    "alter_table_with_environment_context": _method("string string Table EnvironmentContext", "", OPERATION, META),
    "alter_table_with_cascade": _method("string string Table bool", "", OPERATION, META),
    "add_partition": _method("Partition", "Partition", INVALID, EXISTS, META),
    "add_partition_with_environment_context": _method(
        "Partition EnvironmentContext", "Partition", INVALID, EXISTS, META
    ),
    "add_partitions": _method(PARTS, "i32", INVALID, EXISTS, META),
    "add_partitions_req": _method("AddPartitionsRequest", "AddPartitionsResult", INVALID, EXISTS, META),
    "drop_partition": _method("string string list<string> bool", "bool", MISSING, META),
    "drop_partition_with_environment_context": _method(
        "string string list<string> bool EnvironmentContext", "bool", MISSING, META
    ),
    "drop_partitions_req": _method("DropPartitionsRequest", "DropPartitionsResult", MISSING, META),
    "get_partition": _method("string string list<string>", "Partition", META, MISSING),
    "get_partition_with_auth": _method("string string list<string> string list<string>", "Partition", META, MISSING),
    "get_partition_by_name": _method("string string string", "Partition", META, MISSING),
    "get_partitions": _method("string string i16", PARTS, MISSING, META),
    "get_partitions_with_auth": _method("string string i16 string list<string>", PARTS, MISSING, META),
    "get_partition_names": _method("string string i16", "list<string>", MISSING, META),
    "get_partitions_ps": _method("string string list<string> i16", PARTS, META, MISSING),
    "get_partitions_ps_with_auth": _method("string string list<string> i16 string list<string>", PARTS, MISSING, META),
    "get_partition_names_ps": _method("string string list<string> i16", "list<string>", META, MISSING),
    "get_partitions_by_filter": _method("string string string i16", PARTS, META, MISSING),
    "get_num_partitions_by_filter": _method("string string string", "i32", META, MISSING),
    "get_partitions_by_names": _method("string string list<string>", PARTS, META, MISSING),
    "alter_partition": _method("string string Partition", "", OPERATION, META),
    "alter_partition_with_environment_context": _method(
        "string string Partition EnvironmentContext", "", OPERATION, META
    ),
    "alter_partitions": _method(f"string string {PARTS}", "", OPERATION, META),
    "alter_partitions_with_environment_context": _method(
        f"string string {PARTS} EnvironmentContext", "", OPERATION, META
    ),
    "rename_partition": _method("string string list<string> Partition", "", OPERATION, META),
    "create_function": _method("Function", "", EXISTS, INVALID, META, MISSING),
    "drop_function": _method("string string", "", MISSING, META),
    "alter_function": _method("string string Function", "", OPERATION, META),
    "get_functions": _method("string string", "list<string>", META),
    "get_function": _method("string string", "Function", META, MISSING),
    "get_all_functions": _method("", "GetAllFunctionsResponse", META),
}
