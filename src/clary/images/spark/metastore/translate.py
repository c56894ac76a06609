"""Hive's structures and Glue's: the same things under other names."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from . import json_tables

Document = dict[str, Any]
KINDS = {"JAR": 1, "FILE": 2, "ARCHIVE": 3}
OWNERS = {"USER": 1, "ROLE": 2, "GROUP": 3}
UNSAFE = "\"#%'*/:=?\\\x7f{[]^" + "".join(map(chr, range(1, 32)))  # of Hive's FileUtils.escapePathName


def database_out(given: Document) -> Document:
    """A Glue Database as Hive has it."""
    return {
        "name": given["Name"],
        "description": given.get("Description", ""),
        "locationUri": given.get("LocationUri", ""),
        "parameters": given.get("Parameters", {}),
        "ownerName": given.get("Parameters", {}).get("owner", ""),
        "ownerType": OWNERS["USER"],
    }


def database_in(given: Document) -> Document:
    """A DatabaseInput."""
    return _some(
        Name=given["name"],
        Description=given.get("description") or None,
        LocationUri=given.get("locationUri") or None,
        Parameters=given.get("parameters"),
    )


def table_out(given: Document) -> Document:
    table = _table(given)
    return json_tables.shown(given, table) if json_tables.seen(given) else table


def _table(given: Document) -> Document:
    return {
        "tableName": given["Name"],
        "dbName": given["DatabaseName"],
        "owner": given.get("Owner", ""),
        "createTime": _seconds(given.get("CreateTime")),
        "lastAccessTime": _seconds(given.get("LastAccessTime")),
        "retention": given.get("Retention", 0),
        "sd": storage_out(given.get("StorageDescriptor", {}), given["Name"]),
        "partitionKeys": _columns_out(given.get("PartitionKeys", [])),
        "parameters": given.get("Parameters", {}),
        "viewOriginalText": given.get("ViewOriginalText"),
        "viewExpandedText": given.get("ViewExpandedText"),
        "tableType": given.get("TableType") or "EXTERNAL_TABLE",
    }


def table_in(given: Document) -> Document:
    """A TableInput."""
    return _some(
        Name=given["tableName"],
        Owner=given.get("owner") or None,
        LastAccessTime=_moment(given.get("lastAccessTime")),
        Retention=max(0, given.get("retention") or 0),
        StorageDescriptor=storage_in(given.get("sd") or {}),
        PartitionKeys=_columns_in(given.get("partitionKeys") or []),
        ViewOriginalText=given.get("viewOriginalText"),
        ViewExpandedText=given.get("viewExpandedText"),
        TableType=given.get("tableType"),
        Parameters=given.get("parameters"),
    )


def storage_out(given: Document, name: str = "") -> Document:
    serde = given.get("SerdeInfo", {})
    return {
        "cols": _columns_out(given.get("Columns", [])),
        "location": given.get("Location") or None,  # a view has none
        "inputFormat": given.get("InputFormat", ""),
        "outputFormat": given.get("OutputFormat", ""),
        "compressed": given.get("Compressed", False),
        "numBuckets": given.get("NumberOfBuckets", 0),
        "serdeInfo": {
            "name": serde.get("Name", name),
            "serializationLib": serde.get("SerializationLibrary", ""),
            "parameters": serde.get("Parameters", {}),
        },
        "bucketCols": given.get("BucketColumns", []),
        "sortCols": [{"col": each["Column"], "order": each["SortOrder"]} for each in given.get("SortColumns", [])],
        "parameters": given.get("Parameters", {}),
        "storedAsSubDirectories": given.get("StoredAsSubDirectories", False),
    }


def storage_in(given: Document) -> Document:
    serde = given.get("serdeInfo") or {}
    return _some(
        Columns=_columns_in(given.get("cols") or []),
        Location=given.get("location") or None,
        InputFormat=given.get("inputFormat") or None,
        OutputFormat=given.get("outputFormat") or None,
        Compressed=given.get("compressed") or False,
        NumberOfBuckets=given.get("numBuckets") or 0,
        SerdeInfo=_some(
            Name=serde.get("name") or None,
            SerializationLibrary=serde.get("serializationLib") or None,
            Parameters=serde.get("parameters"),
        ),
        BucketColumns=given.get("bucketCols") or [],
        SortColumns=[{"Column": each["col"], "SortOrder": each["order"]} for each in given.get("sortCols") or []],
        Parameters=given.get("parameters"),
        StoredAsSubDirectories=given.get("storedAsSubDirectories") or False,
    )


def partition_out(given: Document) -> Document:
    return {
        "values": given["Values"],
        "dbName": given["DatabaseName"],
        "tableName": given["TableName"],
        "createTime": _seconds(given.get("CreationTime")),
        "lastAccessTime": _seconds(given.get("LastAccessTime")),
        "sd": storage_out(given.get("StorageDescriptor", {}), given["TableName"]),
        "parameters": given.get("Parameters", {}),
    }


def partition_in(given: Document) -> Document:
    """A PartitionInput."""
    return _some(
        Values=given["values"],
        LastAccessTime=_moment(given.get("lastAccessTime")),
        StorageDescriptor=storage_in(given.get("sd") or {}),
        Parameters=given.get("parameters"),
    )


def function_out(given: Document) -> Document:
    return {
        "functionName": given["FunctionName"],
        "dbName": given["DatabaseName"],
        "className": given.get("ClassName", ""),
        "ownerName": given.get("OwnerName", ""),
        "ownerType": OWNERS.get(given.get("OwnerType", ""), OWNERS["USER"]),
        "createTime": _seconds(given.get("CreateTime")),
        "functionType": 1,
        "resourceUris": [
            {"resourceType": KINDS[each["ResourceType"]], "uri": each["Uri"]} for each in given.get("ResourceUris", [])
        ],
    }


def function_in(given: Document) -> Document:
    """A UserDefinedFunctionInput."""
    kinds, owners = ({number: name for name, number in each.items()} for each in (KINDS, OWNERS))
    return _some(
        FunctionName=given["functionName"],
        ClassName=given.get("className"),
        OwnerName=given.get("ownerName") or None,
        OwnerType=owners.get(given.get("ownerType") or 1),
        ResourceUris=[
            {"ResourceType": kinds[each["resourceType"]], "Uri": each["uri"]}
            for each in given.get("resourceUris") or []
        ],
    )


def partition_name(keys: list[str], values: list[str]) -> str:
    """year=2024/month=01, as folders are named."""
    return "/".join(f"{_escaped(key.lower())}={_escaped(value)}" for key, value in zip(keys, values, strict=True))


def partition_values(name: str) -> list[str]:
    return [unquote(part.partition("=")[2]) for part in name.split("/")]


def _escaped(text: str) -> str:
    if not text:
        return "__HIVE_DEFAULT_PARTITION__"
    return "".join(quote(letter, safe="") if letter in UNSAFE else letter for letter in text)


def _columns_out(given: list[Document]) -> list[Document]:
    return [
        {"name": each["Name"], "type": each.get("Type", "string"), "comment": each.get("Comment")} for each in given
    ]


def _columns_in(given: list[Document]) -> list[Document]:
    return [_some(Name=each["name"], Type=each.get("type"), Comment=each.get("comment") or None) for each in given]


def _seconds(moment: Any) -> int:
    return int(moment.timestamp()) if isinstance(moment, datetime) else 0


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _some(**members: Any) -> Document:
    return {name: value for name, value in members.items() if value is not None}
