"""The generic operations where no client can look: the job behind a noun that runs, the clock, pages under change."""

import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.config import Config
from clary.errors import AWSError, Invalid
from clary.jobs.states import ENDED
from clary.resource import crud
from clary.resource.bus import Bus
from clary.resource.call import Call, Caller, Permission, Platform
from clary.resource.crud import Nouns
from clary.resource.pages import Listing, opened, sealed
from clary.resource.resource import Plan, Resource
from clary.resource.service import Document, Operation
from clary.store.db import Store
from clary.wire.message import Request
from clary.wire.models import service_model
from waiting import until

MODEL = service_model("sagemaker")
ME = Caller("root", "123456789012", "arn:aws:iam::123456789012:root", "123456789012")
JOB = {"TrainingJobName": "j", "RoleArn": "role", "OutputDataConfig": {"S3OutputPath": "s3://bucket/"}}


class Anybody:
    """An authority that lets everybody do everything."""

    def allow(self, caller: Caller, permission: Permission, context: Any) -> None: ...
    def pass_role(self, caller: Caller, role_arn: str, service: str, context: Any) -> None: ...


class Training:
    """A recipe that nobody carries out."""

    def need(self, document: Document) -> Document:
        return document


def view(_document: Document, job: Any, events: list[Any]) -> Document:
    return {"TrainingJobStatus": job["state"], "FailureReason": ",".join(event["state"] for event in events)}


def set_state(state: str, connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE job SET state = ?", [state])


NOUNS = (
    Resource("TrainingJob", "training-job/{TrainingJobName}", recipe=Training(), view=view),
    Resource("CodeRepository", "code-repository/{CodeRepositoryName}"),
)


class Desk:
    """Operations on nouns, without a gateway."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.store = Store(path)
        config = dataclasses.replace(Config(), account_id="123456789012")
        self.platform = Platform(config, self.store, Bus(), clock, Anybody())
        self.nouns = Nouns({resource.noun: Plan(resource, MODEL) for resource in NOUNS})
        self.operations: dict[str, Operation] = {}
        extra = {"TrainingJob": ("WarmPoolStatusEquals", "TrainingPlanArnEquals")}
        for plan in self.nouns.plans.values():
            listing = Listing(plan, lambda _call, _request: None, *extra.get(plan.noun, ()))
            self.operations |= crud.operations(plan, listing)

    def __call__(self, name: str, **members: Any) -> Any:
        operation = MODEL.operation_model(name)
        request = Request("POST", "/")
        call = Call(self.platform, self.nouns, "sagemaker", operation, request, ME, "us-west-2", "id")
        return self.operations[name].handle(call, members)


@pytest.fixture
def times() -> list[float]:
    """What the clock says; the last of it stays."""
    return [1_700_000_000.0]


@pytest.fixture
def desk(tmp_path: Path, times: list[float]) -> Iterator[Desk]:
    made = Desk(tmp_path / "state.db", lambda: times[-1])
    yield made
    made.store.close()


def test_what_runs_has_a_job_and_an_event_from_the_first(desk: Desk) -> None:
    arn = desk("CreateTrainingJob", **JOB)["TrainingJobArn"]
    job = desk.store.read().execute("SELECT * FROM job").fetchone()
    assert (job["arn"], job["recipe"], job["stop"]) == (arn, "sagemaker.TrainingJob", 0)
    shown = desk("DescribeTrainingJob", TrainingJobName="j")
    assert shown["TrainingJobStatus"] == "pending"
    assert shown["FailureReason"] == "pending"
    desk("StopTrainingJob", TrainingJobName="j")
    desk("StopTrainingJob", TrainingJobName="j")
    assert desk.store.read().execute("SELECT stop FROM job").fetchone()["stop"] == 1
    details = [row["detail"] for row in desk.store.read().execute("SELECT detail FROM event ORDER BY id")]
    assert details == [None, b'{"status":"Stopping"}'], "one event, however often it is asked"
    for state in ENDED:
        desk.store.write(partial(set_state, state))
        with pytest.raises(Invalid):
            desk("StopTrainingJob", TrainingJobName="j")


def test_the_states_in_which_a_job_stays_are_the_engines() -> None:
    assert set(crud.ENDED) == ENDED


def test_what_comes_and_goes_is_there_whole_or_not_at_all(desk: Desk) -> None:
    seen = {"described": 0, "listed": 0, "missing": 0}
    wrong: list[object] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                summaries = desk("ListTrainingJobs")["TrainingJobSummaries"]
                seen["listed"] += len(summaries)
                wrong.extend(one for one in summaries if one["TrainingJobStatus"] != "pending")
                shown = desk("DescribeTrainingJob", TrainingJobName="j")
                seen["described"] += 1
                if (shown["TrainingJobStatus"], shown["FailureReason"]) != ("pending", "pending"):
                    wrong.append(shown)
            except AWSError:
                seen["missing"] += 1
            except Exception as error:  # noqa: BLE001 - it would end in this thread
                wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()

    def come_and_go() -> bool:
        for _ in range(60):
            desk("CreateTrainingJob", **JOB)
            desk("DeleteTrainingJob", TrainingJobName="j")
        return min(seen.values()) > 0 or bool(wrong)

    try:
        until(come_and_go, lambda: seen)
    finally:
        over.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def test_a_refused_create_leaves_nothing(desk: Desk) -> None:
    desk("CreateTrainingJob", **JOB)
    with pytest.raises(AWSError) as error:
        desk("CreateTrainingJob", **JOB, Tags=[{"Key": "a", "Value": "b"}])
    assert error.value.code("json") == "ResourceInUse"
    with pytest.raises(Invalid):
        desk("CreateTrainingJob", **{**JOB, "TrainingJobName": "k"}, Tags=[{"Key": "AWS:a", "Value": "b"}])
    for table, rows in (("resource", 1), ("job", 1), ("event", 1), ("tag", 0)):
        found = desk.store.read().execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"]  # noqa: S608 - our own
        assert found == rows, table


def test_times_go_on_while_the_clock_goes_back(desk: Desk, times: list[float], tmp_path: Path) -> None:
    git = {"GitConfig": {"RepositoryUrl": "https://example.com/x"}}
    desk("CreateCodeRepository", CodeRepositoryName="a", **git)
    times.append(times[-1] - 3600)
    desk("CreateCodeRepository", CodeRepositoryName="b", **git)
    desk("UpdateCodeRepository", CodeRepositoryName="a", GitConfig={"SecretArn": "s"})
    desk.store.close()
    again = Desk(tmp_path / "state.db", lambda: times[-1])  # started anew, with the clock still behind
    again("CreateCodeRepository", CodeRepositoryName="c", **git)
    a, b, c = (again("DescribeCodeRepository", CodeRepositoryName=name) for name in "abc")
    assert a["CreationTime"] < b["CreationTime"] < a["LastModifiedTime"] < c["CreationTime"]
    again.store.close()
    desk.store = Store(tmp_path / "state.db")  # for the fixture to close


NAMES = st.text("abAB-1", min_size=1, max_size=4)
WAYS = st.sampled_from(["Ascending", "Descending"])


@settings(max_examples=40)
@given(
    names=st.lists(NAMES, unique=True, max_size=12),
    order=st.tuples(st.sampled_from(["Name", "CreationTime", "LastModifiedTime"]), WAYS),
    size=st.integers(1, 5),
    part=st.none() | NAMES,
)
def test_pages_are_the_list_cut_in_pieces(
    names: list[str], order: tuple[str, str], size: int, part: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    by, way = order
    desk = Desk(tmp_path_factory.mktemp("pages") / "state.db", lambda: 1_700_000_000.0)
    for name in names:
        desk("CreateCodeRepository", CodeRepositoryName=name, GitConfig={"RepositoryUrl": "https://example.com"})
    for name in names[::2]:
        desk("UpdateCodeRepository", CodeRepositoryName=name, GitConfig={"SecretArn": "s"})
    touched = [*names[1::2], *names[::2]]
    wanted = {"Name": sorted(names), "CreationTime": names, "LastModifiedTime": touched}[by]
    wanted = [name for name in wanted if part is None or part in name]
    filters: Document = {"SortBy": by, "SortOrder": way, **({"NameContains": part} if part else {})}
    found: list[str] = []
    token: Document = {}
    while True:
        answer = desk("ListCodeRepositories", MaxResults=size, **filters, **token)
        page = [one["CodeRepositoryName"] for one in answer["CodeRepositorySummaryList"]]
        found += page
        if "NextToken" not in answer:
            break
        assert len(page) == size, "only the last page is short"
        token = {"NextToken": answer["NextToken"]}
    desk.store.close()
    assert found == (wanted if way == "Ascending" else wanted[::-1])


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_tokens_that_are_not_ours(text: str) -> None:
    if text:
        with pytest.raises(Invalid):
            opened(text, ["query"])
    token = sealed(["place", 1.5], ["query"])
    assert opened(token, ["query"]) == ["place", 1.5]
    with pytest.raises(Invalid):
        opened(token, ["other"])
    with pytest.raises(Invalid):
        opened(token[:-6], ["query"])


def test_a_filter_that_nobody_would_honour_is_found_at_start() -> None:
    with pytest.raises(AssertionError, match="TrainingPlanArnEquals"):
        Listing(Plan(NOUNS[0], MODEL))
