"""What the tests of the Data Catalog share."""

import uuid
from typing import Any

TEXT = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}


def unique(prefix: str = "d") -> str:
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


def new_database(glue: Any, **given: Any) -> str:
    name = unique()
    glue.create_database(DatabaseInput={"Name": name, **given})
    return name


def table(name: str = "sales", keys: tuple[tuple[str, str], ...] = (), **given: Any) -> dict[str, Any]:
    """A TableInput of a CSV table."""
    columns = [{"Name": "id", "Type": "bigint"}, {"Name": "what", "Type": "string", "Comment": "Sold things"}]
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {"Columns": columns, "Location": f"s3://b/{name}/", **TEXT},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
        "Parameters": {"classification": "csv"},
        **given,
    }


def partition(*values: str) -> dict[str, Any]:
    return {"Values": list(values), "StorageDescriptor": {"Columns": [], "Location": "s3://b/" + "/".join(values)}}


def every(glue: Any, operation: str, member: str, size: int = 2, **given: Any) -> list[Any]:
    """All of a list, by pages of `size`: botocore has no paginator for some."""
    call, token, found = getattr(glue, operation), None, []
    while True:
        answer = call(**given, MaxResults=size, **({"NextToken": token} if token else {}))
        found += answer[member]
        token = answer.get("NextToken")
        if not token:
            return found
        assert len(answer[member]) == size
