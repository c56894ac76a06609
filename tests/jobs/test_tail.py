"""Log files into the journal: every byte of a line once, however they arrive."""

import errno
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.jobs.tail import CHUNK, LONGEST, Tail, cut
from clary.store.journal import Journal

STREAM = ("/jobs", "j/algo-1")


def test_cut() -> None:
    assert cut(b"a\r\n\nb\xff\nc", last=False) == (["a", "", "b\N{REPLACEMENT CHARACTER}"], 7)
    assert cut(b"a\nc", last=True) == (["a", "c"], 3)
    long = b"x" * (LONGEST + 10)
    assert cut(long, last=False) == (["x" * LONGEST], LONGEST)
    assert cut(long, last=True) == (["x" * LONGEST, "x" * 10], LONGEST + 10)
    assert cut(b"x" * LONGEST + b"\ny", last=True) == (["x" * LONGEST, "y"], LONGEST + 2)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.binary(max_size=200), st.sampled_from(["ship", "die", "nothing"]))))
def test_in_pieces_as_in_one(pieces: list[tuple[bytes, str]]) -> None:
    """Whoever reads may die at any time: the next begins where the journal says."""
    with tempfile.TemporaryDirectory() as folder:
        file, heard = Path(folder) / "log", list[str]()
        file.touch()
        journal = Journal(Path(folder) / "journal")
        tail = Tail(journal, STREAM, file, 1, heard.extend)
        for piece, then in pieces:
            with file.open("ab") as out:
                out.write(piece)
            if then == "ship":
                tail.ship()
            if then == "die":
                tail = Tail(Journal(Path(folder) / "journal"), STREAM, file, 1, heard.extend)
        tail.ship(last=True)
        expected, _ = cut(b"".join(piece for piece, _ in pieces), last=True)
        assert heard == expected
        group = Journal(Path(folder) / "journal").group("", "/jobs")
        entry = group.stream(STREAM[1]) if group else None
        kept = [line.text for line in entry.lines.read()] if entry else []
        assert kept == expected


def test_what_a_full_disk_refused_comes_when_it_has_room(tmp_path: Path) -> None:
    class Full(Journal):
        full = True

        def append(self, group: str, stream: str, lines: list[tuple[int, str]], origin: int = 0) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().append(group, stream, lines, origin)

    file, heard = tmp_path / "log", list[str]()
    file.write_text("one\ntwo\n")
    journal = Full(tmp_path / "journal")
    tail = Tail(journal, STREAM, file, 1, heard.extend)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            tail.ship()
    assert heard == []
    journal.full = False
    tail.ship()
    tail.ship()
    assert heard == ["one", "two"]
    group = journal.group("", STREAM[0])
    assert group is not None
    entry = group.stream(STREAM[1])
    assert entry is not None
    assert [line.text for line in entry.lines.read()] == ["one", "two"]


class Died(BaseException):
    """Clary, between the journal and whoever listens."""


def test_what_nobody_heard_is_told_again(tmp_path: Path) -> None:
    """And is in the journal once."""

    def dies(_lines: list[str]) -> None:
        raise Died

    file, heard = tmp_path / "log", list[str]()
    file.write_text("one\ntwo\n")
    Tail(Journal(tmp_path / "journal"), STREAM, file, 1, heard.extend).ship()
    long = "x" * (LONGEST + 10)
    with file.open("a") as out:
        out.write(f"three\n{long}\n" + "many\n" * CHUNK)
    with pytest.raises(Died):
        Tail(Journal(tmp_path / "journal"), STREAM, file, 1, dies).ship()
    journal = Journal(tmp_path / "journal")
    tail = Tail(journal, STREAM, file, 1, heard.extend)
    tail.ship(last=True)
    expected, _ = cut(file.read_bytes(), last=True)
    assert heard == expected
    group = journal.group("", "/jobs")
    entry = group.stream(STREAM[1]) if group else None
    assert entry
    assert [line.text for line in entry.lines.read()] == expected
    tail.ship(last=True)
    assert heard == expected


def test_each_attempt_begins_its_file_anew(tmp_path: Path) -> None:
    journal, heard = Journal(tmp_path / "journal"), list[str]()
    for attempt in (1, 2):
        file = tmp_path / f"log-{attempt}"
        file.write_text(f"attempt {attempt}, which says more the first time\n" if attempt == 1 else "short\n")
        Tail(journal, STREAM, file, attempt, heard.extend).ship(last=True)
        Tail(journal, STREAM, file, attempt, heard.extend).ship(last=True)
    assert heard == ["attempt 1, which says more the first time", "short"]
