"""What CreateJob and UpdateJob refuse, and what a job has where they do not say."""

import re
from typing import Final

from clary.errors import AWSError, NotImplementedHere
from clary.images.image import UnknownImage, resolve
from clary.resource.call import Call
from clary.resource.service import Document
from clary.services.glue import capacity
from clary.services.glue.capacity import SHELL
from clary.services.glue.state import PRINCIPAL, Glue, invalid

ETL: Final = "glueetl"
# https://docs.aws.amazon.com/glue/latest/webapi/API_JobCommand.html
LACKING: Final = {
    "gluestreaming": "Clary runs no streaming jobs of Glue's",
    "glueray": "Clary runs no Ray jobs of Glue's",
}
# Of a job that names none. Code that leaves it out was mostly written when that was Glue's first one.
VERSION: Final = "0.9"
NEWEST: Final = "5.1"  # for GlueVersion auto
SHELL_VERSION: Final = "1.0"  # as AWS shows of every Python shell
MINUTES: Final = 2880
LONGEST: Final = 10080  # minutes: https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
RUNS: Final = 1  # at once
LANGUAGES: Final = ("python", "scala")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html; a stream's name goes on
# behind the prefix.
GROUP: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
PREFIX: Final = re.compile(r"[^:*]{1,500}")
ROLE: Final = "Role {} should be given assume role permissions for Glue Service."
BOOKMARKS: Final = ("job-bookmark-enable", "job-bookmark-disable", "job-bookmark-pause")


def checked(call: Call[Glue], request: Document) -> Document:
    """The job's document. Raises InvalidInputException, AccessDenied, and NotImplementedHere for what is not here."""
    if not request.get("Command") or not request.get("Role"):
        raise invalid("Command and Role are required.")
    document = {"JobMode": "SCRIPT", **request, "Command": _command(request["Command"])}
    shell = document["Command"]["Name"] == SHELL
    document["RoleArn"] = passed(call, document["Role"])
    if not document.get("GlueVersion"):
        document["Undated"] = True
    document["GlueVersion"] = _version(document.get("GlueVersion"), shell=shell)
    document["MaxRetries"] = document.get("MaxRetries") or 0
    document["ExecutionProperty"] = {"MaxConcurrentRuns": RUNS, **(document.get("ExecutionProperty") or {})}
    document["Timeout"] = minutes(document.get("Timeout")) or (480 if document["GlueVersion"] >= "5" else MINUTES)
    if not 0 <= document["MaxRetries"] <= 10:
        raise invalid("MaxRetries must be between 0 and 10.")
    if document.get("ExecutionClass") == "FLEX" and (shell or document["GlueVersion"] < "3"):
        raise invalid("Execution class FLEX is only for Spark jobs of Glue version 3.0 and above.")
    location = document["Command"]["ScriptLocation"]
    arguments({**(document.get("DefaultArguments") or {}), **(document.get("NonOverridableArguments") or {})}, location)
    asked = {name: value for name, value in document.items() if name not in ("MaxCapacity", "AllocatedCapacity")}
    return {**asked, **capacity.settle(document)}


def passed(call: Call[Glue], role: str, said: str = ROLE) -> str:
    """The ARN of a role that is given so or by its name. Raises AccessDenied; InvalidInputException, which says `said`,
    for a role that Glue cannot assume.
    """
    arn = role if role.startswith("arn:") else call.state.role_arn(role.rpartition("/")[2])
    arn = arn or f"arn:aws:iam::{call.account}:role/{role}"
    try:
        call.pass_role(arn, PRINCIPAL)
    except AWSError as error:
        if error.code("json") != "ValidationException":
            raise
        raise invalid(said.format(arn)) from error
    return arn


def _command(command: Document) -> Document:
    name = command.get("Name", ETL)
    if name in LACKING:
        raise NotImplementedHere(f"{LACKING[name]} (Command.Name {name}): glueetl and pythonshell are there.")
    if name not in (ETL, SHELL):
        raise invalid(f"Invalid command name {name}.")
    location = command.get("ScriptLocation", "")
    if not location.startswith(("s3://", "s3a://", "s3n://")) or not location.partition("://")[2].partition("/")[2]:
        raise invalid(f"Invalid script location {location}.")
    return {**command, "Name": name}


def _version(given: str | None, *, shell: bool) -> str:
    if shell:
        return given or SHELL_VERSION
    if given == "auto":
        return NEWEST
    try:
        resolve(f"aws-glue:{given or VERSION}")
    except UnknownImage as error:
        raise invalid(f"Given GlueVersion [{given}] is not valid.") from error
    return given or VERSION


def minutes(given: int | None) -> int | None:
    if given is not None and given > LONGEST:
        raise invalid(f"Timeout {given} is not valid: a job has {LONGEST} minutes at most.")
    return given


def arguments(given: Document, script: str) -> None:
    """Raises InvalidInputException for what Glue's own arguments cannot be, NotImplementedHere for Scala."""
    language = given.get("--job-language", "python")
    if language not in LANGUAGES:
        raise invalid(f"Invalid job language {language}.")
    if language == "scala" and not script.endswith(".jar"):
        raise NotImplementedHere("Clary compiles no Scala: ScriptLocation may be a jar, with --class.")
    if (group := given.get("--continuous-log-logGroup")) and (not GROUP.fullmatch(group) or group.startswith("aws/")):
        raise invalid(f"Invalid log group name {group} in --continuous-log-logGroup.")
    if (prefix := given.get("--continuous-log-logStreamPrefix")) and not PREFIX.fullmatch(prefix):
        raise invalid(f"Invalid log stream prefix {prefix} in --continuous-log-logStreamPrefix.")
    option = given.get("--job-bookmark-option", BOOKMARKS[0])
    if option not in BOOKMARKS:
        raise invalid(f"Invalid job bookmark option {option}.")
