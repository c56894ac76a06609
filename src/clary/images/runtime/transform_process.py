"""DataProcessing: what of a record the model is given, its answer beside the record, and what of both is kept.
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

from .transform_path import BadPath, Path
from .transform_split import BadInput

CSV, JSON, LINES = "csv", "json", "jsonlines"
KINDS = {
    "text/csv": CSV,
    "csv": CSV,
    "application/json": JSON,
    "application/jsonlines": LINES,
    "application/jsonl": LINES,
    "application/x-jsonlines": LINES,
}
INPUT, OUTPUT = "SageMakerInput", "SageMakerOutput"


def kind(content_type: str) -> str:
    """csv, json, jsonlines, or "" for what is none of them."""
    return KINDS.get(content_type.partition(";")[0].strip().lower(), "")


class Bad(BadInput):
    """`at` is the record's place within what was processed at once, from 0."""


def place(body: bytes, at: int) -> int:
    """The line, from 0, of the record `at`: empty lines are none."""
    lines = [number for number, line in enumerate(body.split(b"\n")) if line.strip()]
    return lines[at] if at < len(lines) else at


class Processing:
    """`accept` is what the job says, and may be empty. `stamp`: each record that is written gets an id and this time.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html#data-capture-batch-inferenceid
    """

    def __init__(self, told: dict[str, str], content_type: str, accept: str, split: str, stamp: str = "") -> None:
        self._stamp = stamp
        self._give, self._keep = Path(told.get("InputFilter", "$")), Path(told.get("OutputFilter", "$"))
        self._join = told.get("JoinSource", "None") == "Input"
        self._kind = kind(content_type)
        self._accept = kind(accept)
        self._one = split == "None" and self._kind == JSON  # the file is one document

    @property
    def active(self) -> bool:
        return self._join or bool(self._stamp) or not self._give.whole or not self._keep.whole

    def given(self, body: bytes) -> tuple[bytes, list[Any]]:
        """What is sent to the model, and the records: for `kept`. Raises Bad."""
        if self._give.whole and not self._join:
            return body, []
        records = self._parsed(body, self._kind, "input")
        if self._give.whole:
            return body, records
        if self._kind == CSV:
            return _csv(self._selected(records, self._give)), records
        found = [_dumped(value) for value in self._chosen(records, self._give)]
        return "\n".join(found).encode(), records

    def kept(self, records: list[Any], body: bytes, content_type: str) -> bytes:
        """What is written of an answer. Raises Bad."""
        if not self._join and self._keep.whole and not self._stamp:
            return body
        written = self._accept or kind(content_type) or self._kind
        answers = self._parsed(body, written, "output", len(records) if self._join else 0)
        if self._join and len(answers) != len(records):
            raise Bad(
                "Fail to join data: mismatched line count between the input and the output "
                f"({len(records)} and {len(answers)})"
            )
        if written == CSV:
            rows = [[*record, *answer] for record, answer in zip(records, answers)] if self._join else answers
            rows = self._selected(rows, self._keep)
            return _csv([[*row, str(uuid.uuid4()), self._stamp] for row in rows] if self._stamp else rows)
        if self._join:
            answers = [_joined(record, answer) for record, answer in zip(records, answers)]
        values = self._chosen(answers, self._keep)
        return "\n".join(_dumped(self._stamped(value) if self._stamp else value) for value in values).encode()

    def _stamped(self, value: Any) -> dict[str, Any]:
        found = value if isinstance(value, dict) else {"output": value}
        return {**found, "SageMakerInferenceId": str(uuid.uuid4()), "SageMakerInferenceTime": self._stamp}

    def _selected(self, rows: list[list[str]], path: Path) -> list[list[str]]:
        if path.whole:
            return rows
        known: dict[int, list[int]] = {}
        found = []
        for at, row in enumerate(rows):
            numbers = known.get(len(row))
            if numbers is None:
                try:
                    numbers = known[len(row)] = path.numbers(len(row))
                except BadPath as error:
                    raise Bad(str(error), at) from error
            found.append([row[number] for number in numbers])
        return found

    def _chosen(self, values: list[Any], path: Path) -> list[Any]:
        found = []
        for at, value in enumerate(values):
            try:
                found.append(path.of(value))
            except BadPath as error:
                raise Bad(str(error), at) from error
        return found

    def _parsed(self, body: bytes, form: str, what: str, wanted: int = 0) -> list[Any]:
        """`wanted`: how many there should be."""
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise Bad(f"The {what} is no UTF-8: {error}") from error
        if form == CSV:
            return _rows(text, what)
        if not form:
            raise Bad(f"The {what} is neither CSV nor JSON: it can be neither filtered nor joined")
        if self._one or wanted == 1:
            return [_loaded(text, what, 0)]
        return [_loaded(line, what, at) for at, line in enumerate(filter(str.strip, text.split("\n")))]


def _rows(text: str, what: str) -> list[list[str]]:
    if '"' not in text:
        return [line.split(",") for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    found: list[list[str]] = []
    try:
        found.extend(row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    except csv.Error as error:
        line = text.split("\n")[min(len(found), text.count("\n"))]
        raise Bad(f"Failed to parse {what} line: '{line[:200]}' as CSV: {error}", len(found)) from error
    return found


def _csv(rows: list[list[str]]) -> bytes:
    plain = [",".join(row) for row in rows]
    text = "\n".join(plain)
    if '"' not in text and "\r" not in text and text.count(",") == sum(map(len, rows)) - len(rows):
        return text.encode()
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return made.getvalue()[:-1].encode()


def _loaded(text: str, what: str, at: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Bad(f"Failed to parse {what} as JSON: {error}", at) from error


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _joined(record: Any, answer: Any) -> dict[str, Any]:
    if isinstance(record, dict):
        return {**record, OUTPUT: answer}
    return {INPUT: record, OUTPUT: answer}
