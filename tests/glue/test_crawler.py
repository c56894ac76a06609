"""Crawlers: what they are asked to be, what they make of objects, and how they run."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glue.catalogs import every, unique
from glue.crawling import CAR, World, columns
from iam.people import account, policy, trust
from s3.tools import refused


@pytest.fixture
def world(platform: Any) -> World:
    return World(platform)


def test_csv(world: World) -> None:
    world.put("in/cars/a.csv", CAR)
    world.put("in/cars/b.csv", CAR)
    world.put("in/cars/_SUCCESS", b"")
    world.put("in/cars/.part.crc", b"crc")
    (table,) = world.crawled("in/cars/", TablePrefix="Raw_").values()
    assert table["Name"] == "raw_cars"
    assert columns(table) == {"price": "string", "doors": "bigint", "score": "double"}
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["PartitionKeys"] == []
    storage = table["StorageDescriptor"]
    assert storage["Location"] == f"s3://{world.bucket}/in/cars/"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("LazySimpleSerDe")
    assert storage["SerdeInfo"]["Parameters"] == {"field.delim": ","}
    assert (
        table["Parameters"].items()
        >= {
            "classification": "csv",
            "delimiter": ",",
            "skip.header.line.count": "1",
            "compressionType": "none",
            "objectCount": "2",
            "areColumnsQuoted": "false",
        }.items()
    )


def test_one_schema_a_folder(world: World) -> None:
    """https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html"""
    for month in ("Jan", "Feb"):
        for day in (1, 2):
            world.put(f"sales/year=2019/month={month}/day={day}/x.json", '{"id": 1, "who": {"name": "a"}}\n' * 3)
    tables = world.crawled("sales")
    (table,) = tables.values()
    assert table["Name"] == "sales"
    assert [key["Name"] for key in table["PartitionKeys"]] == ["year", "month", "day"]
    assert columns(table) == {"id": "int", "who": "struct<name:string>"}
    assert table["Parameters"]["classification"] == "json"
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"paths": "id,who"}
    wanted = [["2019", month, day] for month in ("Feb", "Jan") for day in ("1", "2")]
    assert world.partitions("sales") == wanted
    found = world.glue.get_partition(DatabaseName=world.database, TableName="sales", PartitionValues=wanted[0])
    location = found["Partition"]["StorageDescriptor"]["Location"]
    assert location == f"s3://{world.bucket}/sales/year=2019/month=Feb/day=1/"
    found = world.glue.get_partitions(DatabaseName=world.database, TableName="sales", Expression="month = 'Jan'")
    assert len(found["Partitions"]) == 2


def test_folders_without_names(world: World) -> None:
    for place in ("table1/p1", "table1/p2", "table2/p4"):
        world.put(f"folder1/{place}/x.csv", CAR)
    (table,) = world.crawled("folder1/").values()
    assert [key["Name"] for key in table["PartitionKeys"]] == ["partition_0", "partition_1"]
    assert world.partitions("folder1") == [["table1", "p1"], ["table1", "p2"], ["table2", "p4"]]


def test_folders_that_differ(world: World) -> None:
    """https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html"""
    world.put("t/year=2017/a.json", '{"A": 1, "B": 2}')
    world.put("t/year=2018/b.json", '{"C": 3, "D": 4}')
    assert sorted(world.crawled("t/")) == ["year_2017", "year_2018"]
    combined = json.dumps({"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}})
    tables = world.crawled("t/", Configuration=combined, TablePrefix="one_")
    assert columns(tables["one_t"]) == {"a": "int", "b": "int", "c": "int", "d": "int"}
    assert world.partitions("one_t") == [["2017"], ["2018"]]


def test_levels_and_targets(world: World) -> None:
    for place in ("lake/db/one/a.csv", "lake/db/two/a.csv"):
        world.put(place, CAR)
    assert list(world.crawled("lake/")) == ["lake"]
    level = json.dumps({"Version": 1.0, "Grouping": {"TableLevelConfiguration": 4}})
    assert {"l_one", "l_two"} <= world.crawled("lake/", Configuration=level, TablePrefix="l_").keys()
    tables = world.crawled("lake/db/one", "lake/db/two/a.csv", TablePrefix="t_")
    assert {"t_one", "t_a_csv"} <= tables.keys()
    assert tables["t_a_csv"]["StorageDescriptor"]["Location"] == f"s3://{world.bucket}/lake/db/two/a.csv"


def test_exclusions_and_samples(world: World) -> None:
    for name in ("a.csv", "b.csv", "c.tmp", "deep/d.csv"):
        world.put(f"some/{name}", CAR)
    world.put("some/z.csv", '{"not": "csv"}')
    target = {"Path": f"s3://{world.bucket}/some/", "Exclusions": ["*.tmp", "deep/**"], "SampleSize": 2}
    tables = world.crawled(Targets={"S3Targets": [target]})
    assert list(tables) == ["some"]
    assert tables["some"]["Parameters"]["objectCount"] == "2"


def test_gzip_and_what_is_not_known(world: World) -> None:
    world.put("packed/a.json.gz", gzip.compress(b'[{"a": 1.5}, {"a": 2, "b": [true]}]'))
    world.put("packed/readme.bin", bytes(range(256)))
    tables = world.crawled("packed/")
    assert columns(tables["packed"]) == {"array": "array<struct<a:double,b:array<boolean>>>"}
    assert tables["packed"]["Parameters"]["compressionType"] == "gzip"
    logs = world.platform.client("logs")
    name = world.glue.list_crawlers()["CrawlerNames"]
    said = [
        event["message"]
        for stream in logs.describe_log_streams(logGroupName="/aws-glue/crawlers")["logStreams"]
        if stream["logStreamName"] in name
        for event in logs.get_log_events(
            logGroupName="/aws-glue/crawlers", logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]
    assert any(f"The format of s3://{world.bucket}/packed/readme.bin is not known" in line for line in said)
    assert any("Created table packed in database" in line for line in said)


def test_classifiers(world: World) -> None:
    name, other = unique("csv"), unique("json")
    world.glue.create_classifier(
        CsvClassifier={
            "Name": name,
            "Delimiter": "^",
            "ContainsHeader": "ABSENT",
            "Header": ["x", "y"],
            "QuoteSymbol": "'",
        }
    )
    world.glue.create_classifier(JsonClassifier={"Name": other, "JsonPath": "$[*]"})
    with refused("AlreadyExistsException"):
        world.glue.create_classifier(JsonClassifier={"Name": other, "JsonPath": "$"})
    for wrong in ({"Name": "w", "JsonPath": "x"},):
        with refused("InvalidInputException", "JSON path"):
            world.glue.create_classifier(JsonClassifier=wrong)
    with refused("NotImplementedException", "GrokClassifier"):
        world.glue.create_classifier(GrokClassifier={"Name": "g", "Classification": "c", "GrokPattern": "p"})
    world.put("odd/a.txt", "'1'^b\n2^c\n")
    world.put("array/a.json", '[{"a": 1}, {"a": 2}]')
    tables = world.crawled("odd/", "array/", Classifiers=[name, other])
    assert columns(tables["odd"]) == {"x": "bigint", "y": "string"}
    assert tables["odd"]["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("OpenCSVSerde")
    assert columns(tables["array"]) == {"a": "int"}

    world.glue.update_classifier(CsvClassifier={"Name": name, "Delimiter": "|"})
    shown = world.glue.get_classifier(Name=name)["Classifier"]["CsvClassifier"]
    assert (shown["Delimiter"], shown["Header"], shown["Version"]) == ("|", ["x", "y"], 2)
    with refused("InvalidInputException"):
        world.glue.update_classifier(JsonClassifier={"Name": name, "JsonPath": "$"})
    listed = every(world.glue, "get_classifiers", "Classifiers", 1)
    assert {name, other} <= {next(iter(each.values()))["Name"] for each in listed}
    world.glue.delete_classifier(Name=name)
    with refused("EntityNotFoundException"):
        world.glue.get_classifier(Name=name)
    with refused("EntityNotFoundException"):
        world.crawler("odd/", Classifiers=[name])


def test_a_second_crawl(world: World) -> None:
    world.put("live/day=1/a.csv", CAR)
    world.put("gone/a.csv", CAR)
    name = world.crawler("live/", "gone/")
    assert world.run(name)["Status"] == "SUCCEEDED"
    before = world.tables()["live"]["VersionId"]
    world.run(name)
    assert world.tables()["live"]["VersionId"] == before  # nothing has changed
    world.put("live/day=2/a.csv", "price,doors,score,extra\nhigh,2,1.5,new\n")
    world.s3.delete_object(Bucket=world.bucket, Key="gone/a.csv")
    world.run(name)
    tables = world.tables()
    assert list(columns(tables["live"])) == ["price", "doors", "score", "extra"]
    assert world.partitions("live") == [["1"], ["2"]]
    assert "DEPRECATED_BY_CRAWLER" in tables["gone"]["Parameters"]
    world.put("gone/a.csv", CAR)
    world.run(name)
    assert "DEPRECATED_BY_CRAWLER" not in world.tables()["gone"]["Parameters"]

    (crawl, *_) = world.glue.list_crawls(CrawlerName=name, MaxResults=1)["Crawls"]
    assert crawl["State"] == "COMPLETED"
    assert json.loads(json.loads(crawl["Summary"])["TABLE"])["UPDATE"]["Count"] == 1
    assert len(every(world.glue, "list_crawls", "Crawls", 2, CrawlerName=name)) == 4
    metrics = world.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"]
    assert [each["CrawlerName"] for each in metrics] == [name]
    assert metrics[0]["TablesUpdated"] == 1
    failed = {"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "FAILED"}
    assert world.glue.list_crawls(CrawlerName=name, Filters=[failed])["Crawls"] == []


def test_policies_of_changes(world: World) -> None:
    world.put("kept/a.csv", CAR)
    world.put("dropped/day=1/a.csv", CAR)
    world.put("dropped/day=2/a.csv", CAR)
    changes = {"UpdateBehavior": "LOG", "DeleteBehavior": "DELETE_FROM_DATABASE"}
    name = world.crawler("kept/", "dropped/", SchemaChangePolicy=changes)
    world.run(name)
    world.put("kept/a.csv", "other,names\n1,2\n")
    world.s3.delete_object(Bucket=world.bucket, Key="dropped/day=1/a.csv")
    world.run(name)
    assert list(columns(world.tables()["kept"])) == ["price", "doors", "score"]
    assert world.partitions("dropped") == [["2"]]
    world.s3.delete_object(Bucket=world.bucket, Key="dropped/day=2/a.csv")
    world.run(name)
    assert list(world.tables()) == ["kept"]

    merge = {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
    world.run(world.crawler("kept/", Configuration=json.dumps(merge)))
    assert list(columns(world.tables()["kept"])) == ["price", "doors", "score", "other", "names"]


def test_folders_whose_names_go_on_are_left_alone(world: World) -> None:
    for key in ("cars/old/a.csv", "cars2/a.csv"):
        world.put(key, CAR)
    changes = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DELETE_FROM_DATABASE"}
    one_each = json.dumps({"Version": 1.0, "Grouping": {"TableLevelConfiguration": 3}})
    name = world.crawler("cars", "cars2", SchemaChangePolicy=changes, Configuration=one_each)
    world.run(name)
    assert {"old", "cars2"} <= world.tables().keys()
    targets = {"S3Targets": [{"Path": f"s3://{world.bucket}/cars"}]}
    world.glue.update_crawler(Name=name, Targets=targets)
    world.s3.delete_object(Bucket=world.bucket, Key="cars/old/a.csv")
    world.run(name)
    assert list(world.tables()) == ["cars2"]


def test_partitions_that_inherit_and_new_folders(world: World) -> None:
    world.put("grow/day=1/a.json", '{"a": 1, "b": 2, "c": 3}')
    inherit = {"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}
    policy_of_changes = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    name = world.crawler(
        "grow/",
        Configuration=json.dumps(inherit),
        RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        SchemaChangePolicy=policy_of_changes,
    )
    world.run(name)
    world.put("grow/day=2/a.json", '{"a": 1.5, "b": 2, "c": 3, "d": 4}')
    world.s3.delete_object(Bucket=world.bucket, Key="grow/day=1/a.json")
    assert world.run(name)["Status"] == "SUCCEEDED"
    (table,) = world.tables().values()
    assert columns(table) == {"a": "int", "b": "int", "c": "int"}
    assert world.partitions("grow") == [["1"], ["2"]]
    found = world.glue.get_partition(DatabaseName=world.database, TableName="grow", PartitionValues=["2"])
    assert columns(found["Partition"]) == columns(table)


def test_names_that_are_taken(world: World) -> None:
    for place in ("one/data/a.csv", "two/data/a.csv"):
        world.put(place, CAR)
    tables = world.crawled("one/data/", "two/data/")
    assert len(tables) == 2
    assert {name.partition("_")[0] for name in tables} == {"data"}
    again = world.crawled("one/data/", "two/data/")
    assert again.keys() == tables.keys()


def test_what_fails(world: World) -> None:
    world.put("secret/a.csv", CAR)
    blind = world.new_role(policy("glue:*"))
    last = world.run(world.crawler("secret/", Role=blind))
    assert last["Status"] == "FAILED"
    assert "not authorized" in last["ErrorMessage"] or "Access Denied" in last["ErrorMessage"]
    mute = world.new_role(policy("s3:*"))
    last = world.run(world.crawler("secret/", Role=mute))
    assert (last["Status"], "glue:GetDatabase" in last["ErrorMessage"]) == ("FAILED", True)
    last = world.run(world.crawler(Targets={"S3Targets": [{"Path": "s3://no-such-bucket-anywhere/x"}]}))
    assert last["Status"] == "FAILED"
    assert last["ErrorMessage"] == "The specified bucket does not exist: s3://no-such-bucket-anywhere"
    assert world.tables() == {}
    empty = world.run(world.crawler("nothing/"))
    assert empty["Status"] == "SUCCEEDED"
    missing = unique("made")
    assert world.run(world.crawler("secret/", DatabaseName=missing))["Status"] == "SUCCEEDED"
    assert world.glue.get_table(DatabaseName=missing, Name="secret")["Table"]["Name"] == "secret"


def test_a_crawler_as_a_noun(world: World) -> None:
    name = world.crawler("x/", Description="d", Tags={"team": "a"})
    shown = world.glue.get_crawler(Name=name)["Crawler"]
    assert (
        shown.items()
        >= {
            "Name": name,
            "State": "READY",
            "Role": world.role,
            "Description": "d",
            "Version": 1,
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
            "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
        }.items()
    )
    assert "LastCrawl" not in shown
    with refused("AlreadyExistsException"):
        world.glue.create_crawler(Name=name, Role=world.role, Targets={"S3Targets": [{"Path": "s3://b/x"}]})
    for member in ("JdbcTargets", "DynamoDBTargets"):
        with refused("NotImplementedException", member):
            world.crawler("x/", Targets={member: [{"Path": "t"}]})
    with refused("InvalidInputException", "s3://bucket/prefix"):
        world.crawler("x/", Targets={"S3Targets": [{"Path": "http://x/y"}]})
    with refused("InvalidInputException", "unable to assume provided role arn:aws:iam::"):
        world.crawler("x/", Role="no-such-role")
    other = unique("Other")
    world.iam.create_role(RoleName=other, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    with refused("InvalidInputException", f":role/{other}. Please verify"):
        world.crawler("x/", Role=other)
    with refused("InvalidInputException", "Configuration"):
        world.crawler("x/", Configuration="{")
    with refused("NotImplementedException", "CRAWL_EVENT_MODE"):
        world.crawler("x/", RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"})
    world.glue.update_crawler(Name=name, Description="e")
    shown = world.glue.get_crawler(Name=name)["Crawler"]
    assert (shown["Description"], shown["Version"]) == ("e", 2)
    found = world.glue.batch_get_crawlers(CrawlerNames=[name, "nothing"])
    assert ([each["Name"] for each in found["Crawlers"]], found["CrawlersNotFound"]) == ([name], ["nothing"])
    assert name in [each["Name"] for each in every(world.glue, "get_crawlers", "Crawlers", 2)]
    assert world.glue.list_crawlers(Tags={"team": "a"})["CrawlerNames"].count(name) == 1
    arn = f"arn:aws:glue:us-west-2:{account(world.platform)}:crawler/{name}"
    assert world.glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "a"}
    with refused("CrawlerNotRunningException"):
        world.glue.stop_crawler(Name=name)
    world.glue.delete_crawler(Name=name)
    for operation in ("get_crawler", "start_crawler", "delete_crawler", "update_crawler"):
        with refused("EntityNotFoundException", f"Crawler with name {name} does not exist"):
            getattr(world.glue, operation)(Name=name)


def test_schedules(world: World) -> None:
    world.put("often/a.csv", CAR)
    name = world.crawler("often/")
    with refused("NoScheduleException"):
        world.glue.start_crawler_schedule(CrawlerName=name)
    with refused("InvalidInputException", "cron"):
        world.glue.update_crawler_schedule(CrawlerName=name, Schedule="rate(1 minute)")
    world.glue.update_crawler_schedule(CrawlerName=name, Schedule="cron(0 3 * * ? *)")
    shown = world.glue.get_crawler(Name=name)["Crawler"]["Schedule"]
    assert shown == {"ScheduleExpression": "cron(0 3 * * ? *)", "State": "SCHEDULED"}
    with refused("SchedulerRunningException"):
        world.glue.start_crawler_schedule(CrawlerName=name)
    world.glue.stop_crawler_schedule(CrawlerName=name)
    with refused("SchedulerNotRunningException"):
        world.glue.stop_crawler_schedule(CrawlerName=name)
    world.glue.start_crawler_schedule(CrawlerName=name)


def test_stop_and_kill(own_platform: Any) -> None:
    """A crawl that is cut off begins anew; one that is stopped says so."""
    world = World(own_platform)
    line = json.dumps({f"column{number}": number for number in range(200)}) + "\n"
    for number in range(50):
        world.put(f"many/part-{number}.json", line * 300)
    name = world.crawler("many/")
    world.glue.start_crawler(Name=name)
    with refused("CrawlerRunningException", f"Crawler with name {name} has already started"):
        world.glue.start_crawler(Name=name)
    with refused("CrawlerRunningException"):
        world.glue.delete_crawler(Name=name)
    assert world.glue.get_crawler(Name=name)["Crawler"]["State"] == "RUNNING"
    world.glue.stop_crawler(Name=name)
    with pytest.raises(ClientError, match=r"CrawlerStoppingException|CrawlerNotRunningException"):
        world.glue.stop_crawler(Name=name)
    assert world.wait(name)["Status"] == "CANCELLED"
    assert world.tables() == {}
    world.glue.start_crawler(Name=name)
    own_platform.kill()
    own_platform.start()
    world.glue = own_platform.client("glue")
    assert world.wait(name)["Status"] == "SUCCEEDED"
    assert len(columns(world.tables()["many"])) == 200
