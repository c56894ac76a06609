"""The registry as a whole, and how one logs in to it."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from clary.errors import AWSError
from clary.services.ecr.token import SECONDS
from ecr.tools import Door, basic, unique
from ecr.world import opened
from iam.people import keys as keys_of
from iam.people import policy, user
from s3.tools import refused
from waiting import until


def test_what_it_is_set_to(platform: Any) -> None:
    ecr = platform.client("ecr", region="sa-east-1")
    account = platform.client("sts").get_caller_identity()["Account"]
    shown = ecr.describe_registry()
    assert (shown["registryId"], shown["replicationConfiguration"]) == (account, {"rules": []})
    assert ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    rule = {"destinations": [{"region": "eu-west-1", "registryId": account}]}
    with refused("NotImplementedException", "does not replicate"):
        ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})

    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    rules = [
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "prod*", "filterType": "WILDCARD"}]},
    ]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == rules
    names = [f"prod-{unique()}", unique()]
    for name in names:
        ecr.create_repository(repositoryName=name)
    found = ecr.batch_get_repository_scanning_configuration(repositoryNames=[*names, "none"])
    often = [each["scanFrequency"] for each in found["scanningConfigurations"]]
    assert often == ["SCAN_ON_PUSH", "MANUAL"]
    assert found["scanningConfigurations"][0]["appliedScanFilters"] == rules[0]["repositoryFilters"]
    assert [each["failureCode"] for each in found["failures"]] == ["REPOSITORY_NOT_FOUND"]

    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    with refused("InvalidParameterException"):
        ecr.put_account_setting(name="BLOB_MOUNTING", value="PERHAPS")
    with refused("InvalidParameterException"):
        ecr.get_account_setting(name="NONE")


def test_what_is_not_here(ecr: Any) -> None:
    with refused("NotImplementedException", "CreatePullThroughCacheRule"):
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="q", upstreamRegistryUrl="registry.example.com")


def forged(key: str, session: object) -> str:
    """A password that names a key which there is."""
    return base64.urlsafe_b64encode(bytes(32) + json.dumps([key, session, "us-west-2", 1 << 40]).encode()).decode()


def test_log_in(platform: Any, door: Door) -> None:
    began = int(time.time())
    (given,) = door.ecr.get_authorization_token()["authorizationData"]
    assert given["proxyEndpoint"] == platform.url
    assert began <= given["expiresAt"].timestamp() - 12 * 3600 <= time.time() + 1
    name, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    assert name == "AWS"
    assert door("GET", "/v2/", Authorization=basic("AWS", password)).status == 200
    refusals = (
        basic("aws", password),
        basic("AWS", password[:-4] + "AAA="),
        basic("AWS", "x"),
        basic("AWS", ""),
        "Basic ä",
        "Bearer x",
        "Basic",
        *(basic("AWS", forged(platform.root[0], session)) for session in (["x"], 7, None, "é")),
    )
    for wrong in refusals:
        answer = door("GET", "/v2/", Authorization=wrong.encode().decode("latin-1"))
        assert answer.error == (401, "UNAUTHORIZED"), wrong
    answer = door("GET", "/v2/", anonymous=True)
    assert answer.error == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == f'Basic realm="{platform.url}/",service="ecr.amazonaws.com"'
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    with refused("InvalidParameterException", "123456789012"):
        door.ecr.get_authorization_token(registryIds=["123456789012"])


def test_the_access_log_names_who_pushed(platform: Any) -> None:
    who, keys = user(platform, policy("ecr:*"))
    door = Door(platform, keys=keys)
    name = door.repository()
    assert door("GET", f"/v2/{name}/tags/list").status == 200
    log = platform.home / "logs" / "access.log"
    (line,) = until(lambda: [line for line in log.read_text().splitlines() if f"GET /v2/{name}/tags/list" in line])
    assert f":user/{who} ecr:" in line


def test_a_login_ends_with_its_key(platform: Any) -> None:
    iam, (who, keys) = platform.client("iam"), user(platform, policy("ecr:*"))
    door = Door(platform, keys=keys)
    name = door.repository()
    assert door("GET", f"/v2/{name}/tags/list").status == 200
    iam.update_access_key(UserName=who, AccessKeyId=keys[0], Status="Inactive")
    assert door("GET", f"/v2/{name}/tags/list").error == (401, "UNAUTHORIZED")
    iam.update_access_key(UserName=who, AccessKeyId=keys[0], Status="Active")
    iam.put_user_policy(UserName=who, PolicyName="p", PolicyDocument=policy("s3:*"))
    assert door("GET", f"/v2/{name}/tags/list").error == (403, "DENIED")


def test_a_session_logs_in(platform: Any) -> None:
    """And is bound by its session policy."""
    _, keys = user(platform, policy(["ecr:*", "sts:*"]))
    sts = platform.client("sts", keys=keys)
    allowed = policy(["ecr:GetAuthorizationToken", "ecr:CreateRepository", "ecr:ListImages"])
    made = keys_of(sts.get_federation_token(Name="fed", Policy=allowed))
    door = Door(platform, keys=made)
    name = door.repository()
    assert door("GET", f"/v2/{name}/tags/list").json["tags"] == []
    assert door("POST", f"/v2/{name}/blobs/uploads/").error == (403, "DENIED")


def test_a_login_ends_after_twelve_hours(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        passwords = world.state.passwords
        (key,) = world.store.read().execute("SELECT id FROM iam_key").fetchone()
        password = passwords.make(key, "", "us-west-2", world.now + SECONDS)
        world.now += SECONDS - 1
        assert passwords.open("AWS", password).region == "us-west-2"
        world.now += 1
        with pytest.raises(AWSError, match=r"has expired\. Reauthenticate") as caught:
            passwords.open("AWS", password)
        assert (caught.value.code("json"), caught.value.status("json")) == ("DENIED", 403)
