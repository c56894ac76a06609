"""Databases, tables and their versions, by boto3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glue.catalogs import every, new_database, partition, table, unique
from s3.tools import refused


@pytest.fixture
def glue(platform: Any) -> Any:
    return platform.client("glue")


def test_databases(glue: Any, platform: Any) -> None:
    name = unique("D").upper()
    given = {"Description": "d", "LocationUri": "s3://b/d/", "Parameters": {"a": "b"}}
    glue.create_database(DatabaseInput={"Name": name, **given}, Tags={"team": "a"})
    shown = glue.get_database(Name=name)["Database"]
    assert shown["Name"] == name.lower()
    assert {member: shown[member] for member in given} == given
    account = platform.client("sts").get_caller_identity()["Account"]
    assert shown["CatalogId"] == account
    assert abs((datetime.now(UTC) - shown["CreateTime"]).total_seconds()) < 60
    assert glue.get_database(Name=name, CatalogId=account)["Database"] == shown
    with refused("AlreadyExistsException", "Database already exists."):
        glue.create_database(DatabaseInput={"Name": name.lower()})
    with refused("EntityNotFoundException", "Database nothing not found."):
        glue.get_database(Name="nothing")
    with refused("EntityNotFoundException", "999999999999"):
        glue.get_database(Name=name, CatalogId="999999999999")

    glue.update_database(Name=name, DatabaseInput={"Name": name, "Description": "e"})
    changed = glue.get_database(Name=name)["Database"]
    assert changed["Description"] == "e"
    assert "LocationUri" not in changed
    with refused("InvalidInputException", "renamed"):
        glue.update_database(Name=name, DatabaseInput={"Name": "another"})
    with refused("EntityNotFoundException"):
        glue.update_database(Name="nothing", DatabaseInput={"Name": "nothing"})
    with refused("NotImplementedException", "TargetDatabase"):
        glue.create_database(DatabaseInput={"Name": "link", "TargetDatabase": {"DatabaseName": name}})

    glue.create_table(DatabaseName=name, TableInput=table())
    glue.delete_database(Name=name)
    with refused("EntityNotFoundException"):
        glue.delete_database(Name=name)
    glue.create_database(DatabaseInput={"Name": name})
    assert glue.get_tables(DatabaseName=name)["TableList"] == []  # those of the one before are gone


def test_databases_by_pages(platform: Any) -> None:
    glue = platform.client("glue", region="eu-central-1")
    names = sorted(new_database(glue) for _ in range(5))
    listed = [each["Name"] for each in every(glue, "get_databases", "DatabaseList")]
    assert [name for name in listed if name in names] == names
    assert glue.get_databases(AttributesToGet=["NAME"], MaxResults=1)["DatabaseList"][0].keys() == {"Name"}
    with refused("InvalidInputException", "NextToken"):
        glue.get_databases(NextToken="bm9uZQ==")
    with refused("EntityNotFoundException"):  # each region has a catalog of its own
        platform.client("glue").get_database(Name=names[0])


def test_tables(glue: Any, platform: Any) -> None:
    database, given = new_database(glue), table("Sales", (("day", "date"),), Description="d", Owner="me", Retention=3)
    glue.create_table(DatabaseName=database.upper(), TableInput=given)
    shown = glue.get_table(DatabaseName=database, Name="SALES")["Table"]
    assert shown["Name"] == "sales"
    assert shown["DatabaseName"] == database
    assert {member: shown[member] for member in given if member not in ("Name", "StorageDescriptor")} == {
        member: value for member, value in given.items() if member not in ("Name", "StorageDescriptor")
    }
    assert shown["StorageDescriptor"].items() >= given["StorageDescriptor"].items()
    assert shown["StorageDescriptor"]["Compressed"] is False
    assert shown["CreatedBy"] == platform.client("sts").get_caller_identity()["Arn"]
    assert shown["VersionId"] == "0"
    assert shown["IsRegisteredWithLakeFormation"] is False
    with refused("AlreadyExistsException", "Table already exists."):
        glue.create_table(DatabaseName=database, TableInput=given)
    with refused("EntityNotFoundException", "Table nothing not found."):
        glue.get_table(DatabaseName=database, Name="nothing")
    with refused("EntityNotFoundException", "Database nothing not found."):
        glue.get_table(DatabaseName="nothing", Name="sales")
    with refused("EntityNotFoundException", "Database nothing not found."):
        glue.create_table(DatabaseName="nothing", TableInput=given)
    with refused("InvalidInputException", "TableInput is required"):
        glue.create_table(DatabaseName=database)
    with refused("InvalidInputException", "unique"):
        glue.create_table(DatabaseName=database, TableInput=table("t", (("a", "int"), ("A", "int"))))
    with refused("NotImplementedException", "OpenTableFormatInput"):
        glue.create_table(
            DatabaseName=database,
            TableInput=given,
            OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE"}},
        )
    some = glue.get_table(DatabaseName=database, Name="sales", AttributesToGet=["NAME", "TABLE_TYPE"])["Table"]
    assert some == {"Name": "sales", "TableType": "EXTERNAL_TABLE"}
    glue.delete_table(DatabaseName=database, Name="sales")
    with refused("EntityNotFoundException", "Table sales not found."):
        glue.delete_table(DatabaseName=database, Name="sales")


def test_tables_by_pages_and_pattern(glue: Any) -> None:
    database = new_database(glue)
    names = ["a_1", "a_2", "a_3", "b_1", "b_2"]
    for name in reversed(names):
        glue.create_table(DatabaseName=database, TableInput=table(name))
    assert [each["Name"] for each in every(glue, "get_tables", "TableList", DatabaseName=database)] == names
    for expression, found in {
        "a_*": names[:3],
        "a.*": names[:3],
        "*": names,
        "*_1": ["a_1", "b_1"],
        "A_[12]": names[:2],
        "a_1|b_2": ["a_1", "b_2"],
        "a": [],
    }.items():
        listed = every(glue, "get_tables", "TableList", 2, DatabaseName=database, Expression=expression)
        assert [each["Name"] for each in listed] == found, expression
    with refused("InvalidInputException", "not a regular expression"):
        glue.get_tables(DatabaseName=database, Expression="(")
    glue.create_table(DatabaseName=database, TableInput=table("a" * 60))
    with refused("InvalidInputException", "too long"):
        glue.get_tables(DatabaseName=database, Expression="(a|a|a)+" * 3 + "!")
    with refused("EntityNotFoundException"):
        glue.get_tables(DatabaseName="nothing")


def test_versions(glue: Any) -> None:
    database = new_database(glue)
    place = {"DatabaseName": database, "TableName": "sales"}
    glue.create_table(DatabaseName=database, TableInput=table())
    for number in range(1, 5):
        glue.update_table(DatabaseName=database, TableInput=table(Description=f"v{number}"))
    assert glue.get_table(DatabaseName=database, Name="sales")["Table"]["VersionId"] == "4"
    listed = every(glue, "get_table_versions", "TableVersions", 2, **place)
    assert [each["VersionId"] for each in listed] == ["4", "3", "2", "1", "0"]
    assert [each["Table"].get("Description") for each in listed] == ["v4", "v3", "v2", "v1", None]
    second = glue.get_table_version(**place, VersionId="2")["TableVersion"]["Table"]
    assert (second["Description"], second["VersionId"]) == ("v2", "2")
    assert glue.get_table_version(**place)["TableVersion"]["VersionId"] == "4"
    glue.delete_table_version(**place, VersionId="2")
    with refused("EntityNotFoundException", "Version not found."):
        glue.get_table_version(**place, VersionId="2")
    with refused("InvalidInputException", "not a number"):
        glue.get_table_version(**place, VersionId="x")
    errors = glue.batch_delete_table_version(**place, VersionIds=["0", "2", "4"])["Errors"]
    assert [(each["VersionId"], each["ErrorDetail"]["ErrorCode"]) for each in errors] == [
        ("2", "EntityNotFoundException"),
        ("4", "InvalidInputException"),
    ]
    assert [each["VersionId"] for each in every(glue, "get_table_versions", "TableVersions", 2, **place)] == [
        *("4", "3", "1")
    ]


def test_updates_of_tables(glue: Any) -> None:
    database = new_database(glue)
    glue.create_table(DatabaseName=database, TableInput=table())
    glue.update_table(DatabaseName=database, TableInput={"Name": "SALES"}, SkipArchive=True)
    shown = glue.get_table(DatabaseName=database, Name="sales")["Table"]
    assert "StorageDescriptor" not in shown  # an update replaces all
    assert shown["VersionId"] == "1"
    assert [
        each["VersionId"] for each in glue.get_table_versions(DatabaseName=database, TableName="sales")["TableVersions"]
    ] == ["1"]
    with refused("ConcurrentModificationException", "concurrent"):
        glue.update_table(DatabaseName=database, TableInput=table(), VersionId="0")
    glue.update_table(DatabaseName=database, TableInput=table(), VersionId="1")
    with refused("EntityNotFoundException"):
        glue.update_table(DatabaseName=database, TableInput=table("nothing"))


def test_many_tables_go_at_once(glue: Any) -> None:
    database = new_database(glue)
    for name in ("a", "b", "c"):
        glue.create_table(DatabaseName=database, TableInput=table(name))
    (error,) = glue.batch_delete_table(DatabaseName=database, TablesToDelete=["A", "x", "b"])["Errors"]
    assert error == {
        "TableName": "x",
        "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table x not found."},
    }
    assert [each["Name"] for each in glue.get_tables(DatabaseName=database)["TableList"]] == ["c"]


def test_search(platform: Any) -> None:
    glue = platform.client("glue", region="ap-south-1")
    database, other = new_database(glue), new_database(glue)
    glue.create_table(DatabaseName=database, TableInput=table("customer-link", Description="Who they are"))
    glue.create_table(DatabaseName=database, TableInput=table("orders", Parameters={"owner": "team-a"}))
    glue.create_table(DatabaseName=other, TableInput=table("xxlinkyy"))

    def names(**given: Any) -> list[str]:
        return [each["Name"] for each in every(glue, "search_tables", "TableList", 1, **given)]

    def by(key: str, value: str, **given: Any) -> list[str]:
        return names(Filters=[{"Key": key, "Value": value, **given}])

    assert by("Name", "link") == ["customer-link"]
    assert by("DatabaseName", database) == ["customer-link", "orders"]
    assert by("owner", "team-a") == ["orders"]
    assert by("CreateTime", "2020-01-01", Comparator="LESS_THAN") == []
    assert len(by("UpdateTime", "2020-01-01", Comparator="GREATER_THAN")) == 3
    assert names(SearchText="they who") == ["customer-link"]
    assert names(SearchText='"Who they"') == []
    assert names(SearchText='"who they ARE"') == ["customer-link"]
    assert len(names(SearchText="sold")) == 3  # a column's comment
    order = [{"FieldName": "Name", "Sort": "DESC"}]
    assert names(SortCriteria=order) == ["xxlinkyy", "orders", "customer-link"]
    with refused("InvalidInputException", "no time"):
        by("CreateTime", "soon")


def test_many_at_once(glue: Any) -> None:
    """One of those who make the same table does; of those who change the same version, one does."""
    database = new_database(glue)

    def attempt(work: Callable[[], Any]) -> str:
        try:
            work()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(8) as pool:
        make = [lambda: glue.create_table(DatabaseName=database, TableInput=table())] * 16
        codes = sorted(pool.map(attempt, make))
        assert codes == [""] + ["AlreadyExistsException"] * 15
        change = [lambda: glue.update_table(DatabaseName=database, TableInput=table(), VersionId="0")] * 16
        codes = sorted(pool.map(attempt, change))
        assert codes == [""] + ["ConcurrentModificationException"] * 15
        add = [
            lambda: glue.batch_create_partition(
                DatabaseName=database,
                TableName="parts",
                PartitionInputList=[partition(str(number)) for number in range(50)],
            )
        ] * 4
        glue.create_table(DatabaseName=database, TableInput=table("parts", (("n", "int"),)))
        assert set(pool.map(attempt, add)) == {""}
    assert len(every(glue, "get_partitions", "Partitions", 20, DatabaseName=database, TableName="parts")) == 50


def test_what_was_acknowledged_survives_a_kill(own_platform: Any) -> None:
    glue = own_platform.client("glue")
    database = new_database(glue)
    glue.create_table(DatabaseName=database, TableInput=table())
    glue.update_table(DatabaseName=database, TableInput=table(Description="v1"))
    before = glue.get_table(DatabaseName=database, Name="sales")["Table"]
    own_platform.kill()
    glue = own_platform.start().client("glue")
    assert glue.get_table(DatabaseName=database, Name="sales")["Table"] == before
    assert len(glue.get_table_versions(DatabaseName=database, TableName="sales")["TableVersions"]) == 2
