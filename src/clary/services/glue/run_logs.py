"""Where the lines of a run go.
https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from clary.errors import AccessDenied
from clary.jobs.recipe import Document, Job
from clary.resource.call import Caller, Permission, Platform
from clary.services.glue import run_stage
from clary.services.glue.capacity import SHELL
from clary.services.glue.run_arguments import of, on
from clary.services.glue.state import Place
from clary.store.journal import Journal


@dataclass(frozen=True, slots=True)
class Logs:
    """`assume` gives the caller that a role's session is; it raises KeyError where the role is gone."""

    platform: Platform
    journal: Journal
    assume: Callable[[str], Caller]

    def streams(self, job: Job, instances: int) -> list[tuple[str, ...]]:
        """As recipes have them: group, stream, and the file where it is not the instance's log."""
        region, base, run = Place.of(job.arn).region, job.document["LogGroupName"], job.document["Id"]
        names = [run, *(f"{run}_g-{number}" for number in range(1, instances))]
        found: list[tuple[str, ...]] = [(f"{region}:{base}/error", name) for name in names]
        found += [(f"{region}:{base}/output", name, run_stage.stdout(n)) for n, name in enumerate(names)]
        if _continuous(job.document) and not self.refused(job):
            group = of(job.document["Given"], "--continuous-log-logGroup") or f"{base}/logs-v2"
            found.append((f"{region}:{group}", _driver(job.document), "algo-1/log"))
        return found

    def refused(self, job: Job) -> str:
        """Why nothing goes to the group that the run names, or "". It may be anybody's: its role must be allowed to
        write there. https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html
        """
        group = of(job.document["Given"], "--continuous-log-logGroup")
        if not group or not _continuous(job.document):
            return ""
        place = Place.of(job.arn)
        own = f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:log-stream:"
        wanted = {"logs:CreateLogStream": own, "logs:PutLogEvents": own + _driver(job.document)}
        if self.journal.group(place.region, group) is None:
            wanted["logs:CreateLogGroup"] = own
        try:
            caller = self.assume(job.document["RoleArn"])
            for action, arn in wanted.items():
                self.platform.authority.allow(caller, Permission(action, arn), caller.context)
        except AccessDenied as error:
            return error.message
        except KeyError:
            return "the role is gone"
        return ""


def _continuous(document: Document) -> bool:
    return on(document["Given"], "--enable-continuous-cloudwatch-log") and document["Command"]["Name"] != SHELL


def _driver(document: Document) -> str:
    """The stream of the driver's lines."""
    return f"{of(document['Given'], '--continuous-log-logStreamPrefix') or document['Id']}-driver"
