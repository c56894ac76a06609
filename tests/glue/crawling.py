"""What the tests of crawlers share."""

from typing import Any

from glue.catalogs import every, new_database, unique
from iam.people import policy, trust
from s3.tools import new_bucket
from waiting import until

CAR = "price,doors,score\nhigh,2,1.5\nlow,4,2\n"


class World:
    """A bucket, a database, and a role for crawlers."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.glue, self.s3, self.iam = (platform.client(name) for name in ("glue", "s3", "iam"))
        self.bucket = new_bucket(self.s3)
        self.database = new_database(self.glue)
        self.role = self.new_role(policy(["glue:*", "s3:*"]))

    def new_role(self, allowed: str) -> str:
        name = unique("Crawls")
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "glue.amazonaws.com"}))
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowed)
        return name

    def put(self, key: str, text: str | bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text)

    def crawler(self, *paths: str, **given: Any) -> str:
        name = unique("crawler")
        targets = {"S3Targets": [{"Path": f"s3://{self.bucket}/{path}"} for path in paths]}
        given = {"Role": self.role, "DatabaseName": self.database, "Targets": targets, **given}
        self.glue.create_crawler(Name=name, **given)
        return name

    def run(self, name: str) -> dict[str, Any]:
        """Its LastCrawl."""
        self.glue.start_crawler(Name=name)
        return self.wait(name)

    def wait(self, name: str) -> dict[str, Any]:
        return crawled(self.glue, name)

    def crawled(self, *paths: str, **given: Any) -> dict[str, Any]:
        """The tables that come of a crawl, by name."""
        last = self.run(self.crawler(*paths, **given))
        assert last["Status"] == "SUCCEEDED", last
        return self.tables()

    def tables(self) -> dict[str, Any]:
        return {
            each["Name"]: each for each in every(self.glue, "get_tables", "TableList", 50, DatabaseName=self.database)
        }

    def partitions(self, table: str) -> list[list[str]]:
        found = self.glue.get_partitions(DatabaseName=self.database, TableName=table)["Partitions"]
        return sorted(each["Values"] for each in found)


def crawled(glue: Any, name: str) -> dict[str, Any]:
    """The crawler's LastCrawl, once that is over."""

    def shown() -> Any:
        return glue.get_crawler(Name=name)["Crawler"]

    until(lambda: shown()["State"] == "READY", shown)
    found: dict[str, Any] = shown()["LastCrawl"]
    return found


def columns(table: Any) -> dict[str, str]:
    return {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
