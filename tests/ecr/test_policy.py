"""Who may do what: policies of users, of repositories and of the registry, by both APIs."""

import json
from typing import Any

from ecr.tools import OCI, Door, digest_of, image
from iam.people import policy, user
from s3.tools import refused

PULL = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
LOGIN = "ecr:GetAuthorizationToken"


def statement(principal: Any, action: Any, effect: str = "Allow", **more: Any) -> str:
    one = {"Sid": "s", "Effect": effect, "Principal": principal, "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


def test_a_repository_policy_lets_in(platform: Any, door: Door, ecr: Any) -> None:
    name, made = door.repository(), image()
    door.push(name, made, "v1")
    who, keys = user(platform, policy(LOGIN))
    arn = platform.client("iam").get_user(UserName=who)["User"]["Arn"]
    theirs = Door(platform, keys=keys)
    wanted = {"repositoryName": name, "imageIds": [{"imageTag": "v1"}]}
    with refused("AccessDeniedException", f"{arn} is not authorized to perform: ecr:BatchGetImage on resource"):
        theirs.ecr.batch_get_image(**wanted)
    assert theirs("GET", f"/v2/{name}/manifests/v1").error == (403, "DENIED")
    assert "ecr:BatchGetImage" in theirs("GET", f"/v2/{name}/manifests/v1").json["errors"][0]["message"]

    text = statement({"AWS": arn}, PULL)
    assert ecr.set_repository_policy(repositoryName=name, policyText=text)["policyText"] == text
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == text
    assert len(theirs.ecr.batch_get_image(**wanted)["images"]) == 1
    assert theirs("GET", f"/v2/{name}/manifests/v1").body == made.manifest
    assert theirs("GET", f"/v2/{name}/blobs/{digest_of(made.layers[0])}").body == made.layers[0]
    assert theirs("POST", f"/v2/{name}/blobs/uploads/").error == (403, "DENIED")
    assert theirs("PUT", f"/v2/{name}/manifests/v2", made.manifest, Content_Type=OCI).error == (403, "DENIED")
    ecr.delete_repository_policy(repositoryName=name)
    assert theirs("GET", f"/v2/{name}/manifests/v1").error == (403, "DENIED")
    with refused("RepositoryPolicyNotFoundException", name):
        ecr.get_repository_policy(repositoryName=name)
    with refused("RepositoryPolicyNotFoundException"):
        ecr.delete_repository_policy(repositoryName=name)


def test_a_denial_holds_for_all(platform: Any, door: Door, ecr: Any) -> None:
    name, other = door.repository(), door.repository()
    ecr.set_repository_policy(repositoryName=name, policyText=statement("*", "ecr:PutImage", "Deny"))
    _, keys = user(platform, policy("ecr:*"))
    theirs, made = Door(platform, keys=keys), image()
    theirs.push(other, made)
    for blob in (*made.layers, made.config):
        theirs.bring(name, blob)
    assert theirs("PUT", f"/v2/{name}/manifests/v1", made.manifest, Content_Type=OCI).error == (403, "DENIED")
    with refused("AccessDeniedException", "explicit deny in a resource-based policy"):
        theirs.ecr.put_image(repositoryName=name, imageManifest=made.manifest.decode())


def test_policies_that_are_none(door: Door, ecr: Any) -> None:
    name = door.repository()
    for text in ("no", "[]", "{}", statement("*", "ecr:*", "Perhaps"), statement("*", "ecr:*", Resource="*")):
        with refused("InvalidParameterException", "Invalid repository policy provided"):
            ecr.set_repository_policy(repositoryName=name, policyText=text)


def test_nobody_locks_themselves_out(platform: Any, door: Door, ecr: Any) -> None:
    name = door.repository()
    _, keys = user(platform, policy("ecr:*"))
    theirs = platform.client("ecr", keys=keys)
    text = statement("*", "ecr:SetRepositoryPolicy", "Deny")
    with refused("InvalidParameterException", "will prevent the caller"):
        theirs.set_repository_policy(repositoryName=name, policyText=text)
    theirs.set_repository_policy(repositoryName=name, policyText=text, force=True)
    with refused("AccessDeniedException"):
        theirs.set_repository_policy(repositoryName=name, policyText=text, force=True)
    ecr.delete_repository_policy(repositoryName=name)


def test_permissions_are_of_repositories(platform: Any, door: Door) -> None:
    mine, other = door.repository(tags=[{"Key": "team", "Value": "a"}]), door.repository()
    made = image()
    door.push(mine, made, "v1")
    account = platform.client("sts").get_caller_identity()["Account"]
    allowed = [
        {"Effect": "Allow", "Action": LOGIN, "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "ecr:*",
            "Resource": f"arn:aws:ecr:us-west-2:{account}:repository/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}},
        },
    ]
    _, keys = user(platform, json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    theirs = Door(platform, keys=keys)
    assert theirs("GET", f"/v2/{mine}/tags/list").json == {"name": mine, "tags": ["v1"]}
    assert theirs("GET", f"/v2/{other}/tags/list").error == (403, "DENIED")
    assert theirs("GET", "/v2/none/tags/list").error == (403, "DENIED")  # it does not get to know
    mount = f"/v2/{mine}/blobs/uploads/?mount={door.bring(other, b'secret')}&from={other}"
    assert theirs("POST", mount).status == 202  # nothing is mounted from where one may not read
    assert theirs("HEAD", f"/v2/{mine}/blobs/{digest_of(b'secret')}").status == 404


def test_the_registry_policy(platform: Any) -> None:
    ecr = platform.client("ecr", region="eu-north-1")
    with refused("RegistryPolicyNotFoundException"):
        ecr.get_registry_policy()
    account = platform.client("sts").get_caller_identity()["Account"]
    where = f"arn:aws:ecr:eu-north-1:{account}:repository/locked/*"
    text = statement("*", "ecr:CreateRepository", "Deny", Resource=where)
    assert ecr.put_registry_policy(policyText=text)["policyText"] == text
    assert ecr.get_registry_policy()["policyText"] == text
    with refused("AccessDeniedException", "explicit deny in a resource-based policy"):
        ecr.create_repository(repositoryName="locked/a")
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V1")
    ecr.create_repository(repositoryName="locked/a")
    ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value="V2")
    assert ecr.delete_registry_policy()["policyText"] == text
    ecr.create_repository(repositoryName="locked/b")
    with refused("RegistryPolicyNotFoundException"):
        ecr.delete_registry_policy()
    with refused("InvalidParameterException"):
        ecr.put_registry_policy(policyText="{}")


def test_policies_of_aws(platform: Any, door: Door) -> None:
    """Who may read and who may push, by the policies that AWS has for it."""
    name, made, iam = door.repository(), image(), platform.client("iam")
    door.push(name, made, "v1")
    for policy_name, may_push in (("ReadOnly", False), ("PowerUser", True)):
        who, keys = user(platform)
        iam.attach_user_policy(
            UserName=who, PolicyArn=f"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistry{policy_name}"
        )
        theirs = Door(platform, keys=keys)
        assert theirs("GET", f"/v2/{name}/manifests/v1").body == made.manifest
        assert theirs("HEAD", f"/v2/{name}/blobs/{digest_of(made.layers[0])}").status == 200
        assert theirs("GET", f"/v2/{name}/tags/list").json["tags"][0] == "v1"
        if may_push:
            theirs.push(name, image(), "v2")
        else:
            assert theirs("POST", f"/v2/{name}/blobs/uploads/").error == (403, "DENIED")
        assert theirs("DELETE", f"/v2/{name}/manifests/v1").error == (403, "DENIED")
        with refused("AccessDeniedException", "ecr:DeleteRepository"):
            theirs.ecr.delete_repository(repositoryName=name, force=True)
