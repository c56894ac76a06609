"""StartQuery, GetQueryResults, StopQuery, DescribeQueries, and the fields that a group's lines have."""

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from typing import Any

from clary.errors import NotImplementedHere
from clary.resource import pages
from clary.resource.call import Call
from clary.resource.service import operation
from clary.services.logs import search, state
from clary.services.logs.insights.language import Plan, carry_out, plan
from clary.services.logs.insights.queries import Query, Rows
from clary.services.logs.insights.values import Row, Time, shown
from clary.services.logs.state import Logs
from clary.store.journal import Group

MOST_GROUPS = 50
PAGE = 10_000
LOOKED_AT = 1000  # lines whose fields GetLogGroupFields tells
AROUND = 8 * 60  # seconds on both sides of its time

Document = dict[str, Any]


@operation("StartQuery")
def start(call: Call[Logs], request: Document) -> Document:
    if (language := request.get("queryLanguage", "CWLI")) != "CWLI":
        raise NotImplementedHere(f"Clary has Logs Insights QL (CWLI) only, not {language}.")
    if request["startTime"] > request["endTime"]:
        raise state.invalid("End time should not be before start time.")
    groups = [state.group_of(call, name) for name in _asked_for(request)]
    made = plan(request["queryString"], request.get("limit"))
    low, high = (_milliseconds(request[member]) for member in ("startTime", "endTime"))
    now = call.state.journal.now()

    def work(query: Query) -> Rows:
        found, matched = carry_out(made, query.watched(_rows(groups, low, high + 1000, now, call.account, query)))
        query.counted |= {"recordsMatched": float(matched), "resultCount": float(len(found))}
        return [_fields(made, row) for row in found]

    names = [group.name for group in groups]
    return {"queryId": call.state.queries.start(request["queryString"], names, call.region, work).id}


def _asked_for(request: Document) -> list[str]:
    ways = [way for way in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if request.get(way)]
    if len(ways) != 1:
        raise state.invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.")
    given = request[ways[0]]
    names = list(dict.fromkeys(map(state.name_of, [given] if isinstance(given, str) else given)))
    if len(names) > MOST_GROUPS:
        raise state.invalid(f"A query can have {MOST_GROUPS} log groups at most.")
    return names


def _milliseconds(seconds: int) -> int:
    """In seconds, says AWS; it takes milliseconds too, which its own console sends."""
    return seconds if seconds > 10**11 else seconds * 1000


def _rows(groups: list[Group], low: int, high: int, now: int, account: str, query: Query) -> Iterator[Row]:
    """The lines of all groups in the order of time."""
    counted = query.counted
    counted |= {"recordsScanned": 0.0, "bytesScanned": 0.0, "logGroupsScanned": float(len(groups))}

    def of(group: Group) -> Iterator[tuple[Group, search.Found]]:
        for one in search.lines_of(group.streams(), max(low, state.kept_since(group, now)), high):
            yield group, one

    for group, one in merge(*map(of, groups), key=lambda pair: pair[1].at):
        counted["recordsScanned"] += 1
        counted["bytesScanned"] += len(one.line.text)
        yield Row(
            {
                "@timestamp": Time(one.at),
                "@message": one.line.text,
                "@logStream": one.entry.name,
                "@log": f"{account}:{group.name}",
                "@ingestionTime": Time(one.line.ingested),
                "@found": (group, one),
            }
        )


def _fields(made: Plan, row: Row) -> list[dict[str, str]]:
    found = [{"field": name, "value": shown(row[name])} for name in made.columns if row[name] is not None]
    if made.lines:
        found.append({"field": "@ptr", "value": search.pointer(*row["@found"])})
    return found


@operation("GetQueryResults")
def results(call: Call[Logs], request: Document) -> Document:
    query = call.state.queries.find(request["queryId"])
    begin = (state.place(request.get("nextToken"), [query.id]) or [0])[0]
    end = begin + (request.get("maxItems") or PAGE)
    status = query.status  # before the rows, which are there once it says so
    rows = query.rows[begin:end] if status == "Complete" else []
    answer: Document = {"queryLanguage": "CWLI", "results": rows, "statistics": query.counted, "status": status}
    if status == "Complete" and len(query.rows) > end:
        answer["nextToken"] = pages.sealed([end], [query.id])
    return answer


@operation("StopQuery", inline=True)
def stop(call: Call[Logs], request: Document) -> Document:
    query = call.state.queries.find(request["queryId"])
    if query.status != "Running":
        raise state.invalid(f"Query {query.id} is not running: it is {query.status}")
    query.stop = True
    return {"success": True}


@operation("DescribeQueries")
def describe(call: Call[Logs], request: Document) -> Document:
    name, status = request.get("logGroupName"), request.get("status")
    found = [
        query
        for query in call.state.queries.all(call.region)
        if (not name or name in query.groups) and (not status or query.status == status)
    ]
    begin = (state.place(request.get("nextToken"), [name, status]) or [0])[0]
    end = begin + request.get("maxResults", 1000)
    answer: Document = {"queries": [_shown(query) for query in found[begin:end]]}
    if len(found) > end:
        answer["nextToken"] = pages.sealed([end], [name, status])
    return answer


def _shown(query: Query) -> Document:
    return {
        "queryLanguage": "CWLI",
        "queryId": query.id,
        "queryString": query.text,
        "status": query.status,
        "createTime": int(query.created * 1000),
        "logGroupName": query.groups[0],
    }


@operation("GetLogGroupFields")
def fields(call: Call[Logs], request: Document) -> Document:
    """The fields of the first lines around a time, or of the last quarter of an hour, and the share that has each."""
    group = state.group_of(call, state.named(request))
    now = call.state.journal.now()
    at = request.get("time")
    low, high = (now - 900_000, now + 1) if at is None else ((at - AROUND) * 1000, (at + AROUND) * 1000)
    seen: Counter[str] = Counter()
    count = 0
    query = Query("", "", [group.name], call.region, now / 1000)
    for count, row in enumerate(_rows([group], low, high, now, call.account, query), start=1):
        assert row["?"] is None  # reads the message, if it is JSON
        seen.update(name for name in row if name not in {"@found", "@document"})
        seen.update((row.get("@document") or {}).keys())
        if count == LOOKED_AT:
            break
    shares = [{"name": name, "percent": 100 * number // count} for name, number in seen.most_common()]
    return {"logGroupFields": shares}
