"""Partitions, their indexes and statistics, and functions, by boto3."""

from datetime import UTC, datetime
from typing import Any

import pytest

from glue.catalogs import every, new_database, partition, table, unique
from s3.tools import refused

KEYS = (("year", "int"), ("month", "string"))


@pytest.fixture
def glue(platform: Any) -> Any:
    return platform.client("glue")


@pytest.fixture
def place(glue: Any) -> dict[str, str]:
    database = new_database(glue)
    glue.create_table(DatabaseName=database, TableInput=table("sales", KEYS))
    return {"DatabaseName": database, "TableName": "sales"}


def values(partitions: list[Any]) -> list[list[str]]:
    return [each["Values"] for each in partitions]


def test_one(glue: Any, place: dict[str, str]) -> None:
    given = {**partition("2024", "01"), "Parameters": {"a": "b"}}
    glue.create_partition(**place, PartitionInput=given)
    shown = glue.get_partition(**place, PartitionValues=["2024", "01"])["Partition"]
    assert shown["Values"] == ["2024", "01"]
    assert shown["Parameters"] == {"a": "b"}
    assert shown["StorageDescriptor"]["Location"] == "s3://b/2024/01"
    assert (shown["DatabaseName"], shown["TableName"]) == (place["DatabaseName"], "sales")
    with refused("AlreadyExistsException", "Partition already exists."):
        glue.create_partition(**place, PartitionInput=given)
    for wrong in (["2024"], ["2024", "01", "x"], []):
        with refused("InvalidInputException", "number of partition keys do not match"):
            glue.create_partition(**place, PartitionInput={"Values": wrong})
    with refused("EntityNotFoundException", "Cannot find partition."):
        glue.get_partition(**place, PartitionValues=["2024", "02"])

    moved = {**given, "Values": ["2025", "01"]}
    glue.update_partition(**place, PartitionValueList=["2024", "01"], PartitionInput=moved)
    with refused("EntityNotFoundException"):
        glue.update_partition(**place, PartitionValueList=["2024", "01"], PartitionInput=moved)
    glue.create_partition(**place, PartitionInput=given)
    with refused("AlreadyExistsException"):
        glue.update_partition(**place, PartitionValueList=["2024", "01"], PartitionInput=moved)
    glue.delete_partition(**place, PartitionValues=["2025", "01"])
    with refused("EntityNotFoundException"):
        glue.delete_partition(**place, PartitionValues=["2025", "01"])
    assert values(glue.get_partitions(**place)["Partitions"]) == [["2024", "01"]]


def test_many(glue: Any, place: dict[str, str]) -> None:
    months = [f"{month:02}" for month in range(1, 13)]
    glue.create_partition(**place, PartitionInput=partition("2023", "05"))
    inputs = [partition(year, month) for year in ("2023", "2024") for month in months]
    (error,) = glue.batch_create_partition(**place, PartitionInputList=inputs)["Errors"]
    assert error == {
        "PartitionValues": ["2023", "05"],
        "ErrorDetail": {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "Partition already exists."},
    }
    assert values(every(glue, "get_partitions", "Partitions", 7, **place)) == values(inputs)
    parts = [
        every(glue, "get_partitions", "Partitions", 5, **place, Segment={"SegmentNumber": n, "TotalSegments": 3})
        for n in range(3)
    ]
    assert sorted(values([each for part in parts for each in part])) == values(inputs)
    assert all(parts)
    with refused("InvalidInputException", "SegmentNumber"):
        glue.get_partitions(**place, Segment={"SegmentNumber": 3, "TotalSegments": 3})

    lean = glue.get_partitions(**place, ExcludeColumnSchema=True)["Partitions"]
    assert all("Columns" not in each["StorageDescriptor"] for each in lean)
    wanted = [{"Values": ["2023", "02"]}, {"Values": ["1999", "01"]}]
    answer = glue.batch_get_partition(**place, PartitionsToGet=wanted)
    assert values(answer["Partitions"]) == [["2023", "02"]]
    assert answer["UnprocessedKeys"] == []
    entries = [
        {"PartitionValueList": each["Values"], "PartitionInput": {"Parameters": {"n": "1"}, **each}} for each in wanted
    ]
    (error,) = glue.batch_update_partition(**place, Entries=entries)["Errors"]
    assert (error["PartitionValueList"], error["ErrorDetail"]["ErrorCode"]) == (
        ["1999", "01"],
        "EntityNotFoundException",
    )
    assert glue.get_partition(**place, PartitionValues=["2023", "02"])["Partition"]["Parameters"] == {"n": "1"}
    (error,) = glue.batch_delete_partition(**place, PartitionsToDelete=wanted)["Errors"]
    assert error["PartitionValues"] == ["1999", "01"]
    assert ["2023", "02"] not in values(every(glue, "get_partitions", "Partitions", 9, **place))


def test_expression(glue: Any, place: dict[str, str]) -> None:
    inputs = [partition(year, month) for year in ("9", "10", "2024") for month in ("01", "11")]
    glue.batch_create_partition(**place, PartitionInputList=inputs)

    def found(expression: str) -> list[list[str]]:
        return values(every(glue, "get_partitions", "Partitions", 2, **place, Expression=expression))

    assert found("year > 9") == [["10", "01"], ["10", "11"], ["2024", "01"], ["2024", "11"]]  # as numbers
    assert found("year = '10' and month='11'") == [["10", "11"]]
    assert found("NOT (year < 2024 OR month LIKE '0%')") == [["2024", "11"]]
    assert found("year BETWEEN 10 AND 2000 AND month IN ('01', '02')") == [["10", "01"]]
    assert found("month IS NULL") == []
    for wrong in ("year", "year = ", "day = 1", "year = 'x'", "year = 1 1", "(year = 1", "year @ 1"):
        with refused("InvalidInputException", "Unsupported expression"):
            glue.get_partitions(**place, Expression=wrong)


def test_what_goes_with_its_table(glue: Any, place: dict[str, str]) -> None:
    glue.create_partition(**place, PartitionInput=partition("2024", "01"))
    glue.delete_table(DatabaseName=place["DatabaseName"], Name="sales")
    with refused("EntityNotFoundException", "Table sales not found."):
        glue.get_partitions(**place)
    glue.create_table(DatabaseName=place["DatabaseName"], TableInput=table("sales", KEYS))
    assert glue.get_partitions(**place)["Partitions"] == []


def test_indexes(glue: Any, place: dict[str, str]) -> None:
    index = {"IndexName": "by_year", "Keys": ["year"]}
    glue.create_partition_index(**place, PartitionIndex=index)
    (shown,) = glue.get_partition_indexes(**place)["PartitionIndexDescriptorList"]
    assert shown == {"IndexName": "by_year", "Keys": [{"Name": "year", "Type": "int"}], "IndexStatus": "ACTIVE"}
    with refused("AlreadyExistsException"):
        glue.create_partition_index(**place, PartitionIndex=index)
    with refused("InvalidInputException", "day"):
        glue.create_partition_index(**place, PartitionIndex={"IndexName": "x", "Keys": ["day"]})
    for name, keys in {"b": ["month"], "c": ["year", "month"]}.items():
        glue.create_partition_index(**place, PartitionIndex={"IndexName": name, "Keys": keys})
    with refused("ResourceNumberLimitExceededException"):
        glue.create_partition_index(**place, PartitionIndex={"IndexName": "d", "Keys": ["month", "year"]})
    glue.delete_partition_index(**place, IndexName="b")
    with refused("EntityNotFoundException"):
        glue.delete_partition_index(**place, IndexName="b")
    glue.create_table(DatabaseName=place["DatabaseName"], TableInput=table("other", KEYS), PartitionIndexes=[index])
    listed = glue.get_partition_indexes(DatabaseName=place["DatabaseName"], TableName="other")
    assert [each["IndexName"] for each in listed["PartitionIndexDescriptorList"]] == ["by_year"]


def test_statistics(glue: Any, place: dict[str, str]) -> None:
    glue.create_partition(**place, PartitionInput=partition("2024", "01"))
    when = datetime(2026, 1, 2, tzinfo=UTC)
    data = {
        "Type": "LONG",
        "LongColumnStatisticsData": {"MaximumValue": 9, "NumberOfNulls": 0, "NumberOfDistinctValues": 3},
    }
    given = {"ColumnName": "id", "ColumnType": "bigint", "AnalyzedTime": when, "StatisticsData": data}
    unscaled = {"UnscaledValue": b"\x01\xff", "Scale": 2}
    decimal = {"MaximumValue": unscaled, "NumberOfNulls": 0, "NumberOfDistinctValues": 1}
    other = {
        **given,
        "ColumnName": "what",
        "StatisticsData": {"Type": "DECIMAL", "DecimalColumnStatisticsData": decimal},
    }
    wrong = [{**given, "ColumnName": "nothing"}, {**given, "StatisticsData": {"Type": "STRING"}}]
    errors = glue.update_column_statistics_for_table(**place, ColumnStatisticsList=[given, other, *wrong])["Errors"]
    assert [each["Error"]["ErrorCode"] for each in errors] == ["EntityNotFoundException", "InvalidInputException"]
    answer = glue.get_column_statistics_for_table(**place, ColumnNames=["id", "what", "nothing"])
    assert answer["ColumnStatisticsList"] == [given, other]
    assert [each["ColumnName"] for each in answer["Errors"]] == ["nothing"]

    part = {**place, "PartitionValues": ["2024", "01"]}
    assert glue.get_column_statistics_for_partition(**part, ColumnNames=["id"])["ColumnStatisticsList"] == []
    assert glue.update_column_statistics_for_partition(**part, ColumnStatisticsList=[given])["Errors"] == []
    assert glue.get_column_statistics_for_partition(**part, ColumnNames=["id"])["ColumnStatisticsList"] == [given]
    glue.delete_column_statistics_for_partition(**part, ColumnName="id")
    glue.delete_column_statistics_for_table(**place, ColumnName="id")
    with refused("EntityNotFoundException"):
        glue.delete_column_statistics_for_table(**place, ColumnName="id")
    with refused("EntityNotFoundException"):
        glue.get_column_statistics_for_partition(**place, PartitionValues=["1", "1"], ColumnNames=["id"])


def test_functions(glue: Any) -> None:
    database, other = new_database(glue), new_database(glue)
    name = unique("f")
    given = {
        "FunctionName": name.upper(),
        "ClassName": "com.example.F",
        "OwnerName": "me",
        "OwnerType": "USER",
        "ResourceUris": [{"ResourceType": "JAR", "Uri": "s3://b/f.jar"}],
    }
    glue.create_user_defined_function(DatabaseName=database, FunctionInput=given)
    shown = glue.get_user_defined_function(DatabaseName=database, FunctionName=name)["UserDefinedFunction"]
    assert shown.items() >= {**given, "FunctionName": name, "DatabaseName": database}.items()
    with refused("AlreadyExistsException"):
        glue.create_user_defined_function(DatabaseName=database, FunctionInput=given)
    with refused("EntityNotFoundException", "Function nothing not found."):
        glue.get_user_defined_function(DatabaseName=database, FunctionName="nothing")
    glue.create_user_defined_function(DatabaseName=other, FunctionInput=given)
    listed = every(glue, "get_user_defined_functions", "UserDefinedFunctions", 1, Pattern=f"{name[:6]}*")
    assert sorted(each["DatabaseName"] for each in listed) == sorted([database, other])
    assert not glue.get_user_defined_functions(DatabaseName=database, Pattern="x*")["UserDefinedFunctions"]
    glue.update_user_defined_function(
        DatabaseName=database, FunctionName=name, FunctionInput={**given, "FunctionName": f"{name}_2"}
    )
    with refused("EntityNotFoundException"):
        glue.update_user_defined_function(DatabaseName=database, FunctionName=name, FunctionInput=given)
    glue.delete_user_defined_function(DatabaseName=database, FunctionName=f"{name}_2")
    with refused("EntityNotFoundException"):
        glue.delete_user_defined_function(DatabaseName=database, FunctionName=name)
