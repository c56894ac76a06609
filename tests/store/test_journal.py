"""The journal: exactly once across crashes, and fast where there are many lines."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from clary.store.journal import Journal
from clary.store.lines import BLOCK, Stream

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from clary.store.journal import Journal
journal = Journal(Path(sys.argv[1]), "r")
begin = journal.origin("g", "s")
print("ready", flush=True)
for number in range(begin, 1_000_000):
    size = number % 7 + 1 if number % 50 else 2000  # some appends are several frames
    journal.append("g", "s", [(number, f"{number}/{part} " + "x" * 60) for part in range(size)], origin=number + 1)
"""


def opened(folder: Path) -> Stream:
    group = Journal(folder, "r").group("r", "g")
    assert group is not None
    entry = group.stream("s")
    assert entry is not None
    return entry.lines


def test_kill_9_loses_no_line_and_repeats_none(tmp_path: Path) -> None:
    rng = random.Random(1)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.02, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    lines = opened(tmp_path)
    texts = [line.text.split()[0] for line in lines.read()]
    sizes = (number % 7 + 1 if number % 50 else 2000 for number in range(lines.origin))
    assert texts == [f"{number}/{part}" for number, size in enumerate(sizes) for part in range(size)]
    assert [line.number for line in lines.read()] == list(range(len(texts)))


def test_a_torn_end_is_cut_off(tmp_path: Path) -> None:
    big = [(n, f"{n} " + "x" * 100) for n in range(3 * BLOCK // 100)]
    Stream(tmp_path / "s").append([(0, "first")], 1, 0)
    whole = (tmp_path / "s.log").stat().st_size
    Stream(tmp_path / "s").append(big, 2, 0)
    full = (tmp_path / "s.log").read_bytes()
    for end in (whole, whole + 1, whole + 40, len(full) // 2, len(full) - 1):
        (tmp_path / "s.idx").unlink(missing_ok=True)
        (tmp_path / "s.log").write_bytes(full[:end])
        lines = Stream(tmp_path / "s")
        assert (lines.origin, [line.text for line in lines.read()]) == (1, ["first"])
        assert (tmp_path / "s.log").stat().st_size == whole
        lines.append([(1, "second")], 2, 0)
        assert [line.text for line in Stream(tmp_path / "s").read()] == ["first", "second"]


def test_a_lost_or_torn_index_is_made_up_for(tmp_path: Path) -> None:
    for number in range(40):
        Stream(tmp_path / "s").append([(number, "x" * 9000)], number + 1, 0)
    content = (tmp_path / "s.idx").read_bytes()
    assert content
    for damaged in (b"", content[:-5], b"\0" * len(content)):
        (tmp_path / "s.idx").write_bytes(damaged)
        lines = Stream(tmp_path / "s")
        assert [line.at for line in lines.read()] == list(range(40))
        lines.append([], 40, 0)
        assert lines.origin == 40


APPENDS = st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=12)


@settings(max_examples=60)
@given(APPENDS, st.tuples(st.integers(0, 31), st.integers(0, 40)), st.tuples(st.integers(0, 31), st.integers(0, 40)))
def test_reads_are_in_the_order_of_places(
    tmp_path_factory: object, appends: list[list[int]], low: tuple[int, int], high: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("j")  # type: ignore[attr-defined]  # pytest's, whose type is private
    lines = Stream(folder / "s")
    wanted: list[tuple[int, int]] = []
    for times in appends:
        lines.append([(at, "y" * (BLOCK // 3)) for at in times], 0, 0)
        wanted += [(at, len(wanted) + n) for n, at in enumerate(times)]
    wanted = sorted(place for place in wanted if low <= place < high)
    for stream in (lines, Stream(folder / "s")):
        assert [(line.at, line.number) for line in stream.read(low, high)] == wanted
        backwards = [(line.at, line.number) for line in stream.read(low, high, backwards=True)]
        assert backwards == wanted[::-1]


def test_trimmed_lines_are_gone_and_places_stay(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "r")
    for number in range(100):
        journal.append("g", "s", [(number, "x" * 8000)], origin=number + 1)
    group = journal.group("r", "g")
    assert group is not None
    lines = opened(tmp_path)
    reading = lines.read()
    assert next(reading).at == 0
    lines.trim(90)
    left = [(line.at, line.number) for line in lines.read()]
    assert left == [(n, n) for n in range(left[0][0], 100)]
    assert 80 < left[0][0] <= 90
    assert next(line.at for line in reading if line.at >= 90) == 90  # who reads on meanwhile comes to what is left
    assert [(line.at, line.number) for line in opened(tmp_path).read()] == left
    assert opened(tmp_path).origin == 100


def test_groups_and_streams_come_and_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "r")
    journal.append("other:g", "s", [(1, "elsewhere")])
    journal.append("g", "s", [(1, "old")], origin=5)
    group = journal.group("r", "g")
    assert group is not None
    assert group.drop("s")
    assert not group.drop("s")
    assert journal.origin("g", "s") == 0
    journal.append("g", "s", [(1, "new")])
    assert [line.text for line in opened(tmp_path).read()] == ["new"]
    journal.drop(group)
    again = Journal(tmp_path, "r")
    assert again.group("r", "g") is None
    assert [found.name for found in again.groups("other")] == ["g"]


def test_a_torn_list_of_streams_is_repaired(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "r")
    journal.append("g", "s", [(1, "kept")])
    (path,) = tmp_path.glob("*/streams")
    with path.open("ab") as file:
        file.write(b'{"number": 2, "na')
    (path.parent / "7.log").write_bytes(b"of nobody")
    again = Journal(tmp_path, "r")
    again.append("g", "t", [(1, "too")])
    assert [line.text for line in opened(tmp_path).read()] == ["kept"]
    assert not (path.parent / "7.log").exists()
    group = Journal(tmp_path, "r").group("r", "g")
    assert group is not None
    assert [entry.name for entry in group.streams()] == ["s", "t"]


def test_a_million_lines(tmp_path: Path) -> None:
    """The goals, with room for a busy machine: 1,000,000 lines in a few seconds, a page of 10,000 in 20 ms."""
    journal = Journal(tmp_path, "r")
    begin = time.process_time()
    for number in range(1000):
        journal.append("g", "s", [(number * 1000 + n, f"line {number} {n} " + "x" * 60) for n in range(1000)])
    assert time.process_time() - begin < 10
    lines, took = opened(tmp_path), []
    for place in range(0, 900_000, 100_000):
        begin = time.process_time()
        found = list(islice(lines.read((place, 0)), 10_000))
        took.append(time.process_time() - begin)
        assert (found[0].at, len(found)) == (place, 10_000)
    assert sorted(took)[len(took) // 2] < 0.1


def test_an_append_stands_without_room_for_its_index(tmp_path: Path) -> None:
    lines, index = Stream(tmp_path / "s"), tmp_path / "s.idx"
    lines.append([(0, "x" * BLOCK)], 1, 0)
    index.symlink_to("/dev/full")
    for number in range(1, 5):
        lines.append([(number, "x" * BLOCK)], number + 1, 0)
    index.unlink()
    assert [line.at for line in Stream(tmp_path / "s").read()] == list(range(5))
    lines.append([(5, "x" * BLOCK)], 6, 0)
    blocks = len(lines.blocks()) - 1
    assert index.stat().st_size % blocks == 0, "what it lacked has been added"
    assert [line.at for line in Stream(tmp_path / "s").read()] == list(range(6))


def test_a_stream_that_a_full_disk_refused_is_none(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from clary.store.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({str(tmp_path)!r}), "r")
journal.append("g", "first", [(1, "kept")])
(streams,) = Path({str(tmp_path)!r}).glob("*/streams")
size = streams.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        journal.append("g", "s", [(2, "refused")])
    except OSError:
        assert streams.stat().st_size == size
    else:
        raise AssertionError("it has no place in the list")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
journal.append("g", "s", [(3, "kept")])
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ})
    assert [line.text for line in opened(tmp_path).read()] == ["kept"]


def test_who_hears_of_lines_cannot_undo_them(tmp_path: Path) -> None:
    journal, heard = Journal(tmp_path, "r"), []

    def broken(*_: object) -> None:
        raise ValueError("it cannot read them")

    journal.listeners += [broken, lambda _group, _stream, lines, _now: heard.extend(lines)]
    journal.append("g", "s", [(1, "kept")])
    assert (heard, [line.text for line in opened(tmp_path).read()]) == ([(1, "kept")], ["kept"])


def test_an_append_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A full disk, as a limit on the size of files shows it."""
    script = f"""
import resource, signal
from pathlib import Path
from clary.store.lines import Stream
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lines = Stream(Path({str(tmp_path / "s")!r}))
lines.append([(1, "fits")], 1, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    lines.append([(2, "x" * 50_000)], 2, 0)
except OSError:
    lines.append([(3, "fits too")], 3, 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ})
    lines = Stream(tmp_path / "s")
    assert ([line.text for line in lines.read()], lines.origin) == (["fits", "fits too"], 3)
