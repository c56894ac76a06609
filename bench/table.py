"""Tables of numbers, and docs/benchmarks.md, which is made of them."""

import datetime as dt
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Section:
    """One bench's part of the page; a new run replaces the part of its `name`. `command`: the module that makes it and
    its options, where that isn't the name.
    """

    name: str
    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    command: str = ""

    def __str__(self) -> str:
        widths = [max(len(row[column]) for row in (self.head, *self.rows)) for column in range(len(self.head))]
        lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (self.head, *self.rows)]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return f"## {self.title}\n\n{self.text}\n\n" + "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Three digits that count."""
    for limit, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def ratio(ours: float, theirs: float) -> str:
    return f"{number(ours / theirs)} x"


def goal(met: bool, wanted: str) -> str:
    return f"{wanted}: {'met' if met else 'missed'}"


def publish(sections: Sequence[Section]) -> None:
    """Prints the sections and puts each in its place in docs/benchmarks.md."""
    head, parts = _page()
    for section in sections:
        print(f"\n{section}")
        measured = f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} on {machine()}."
        parts[section.name] = f"{section}\n{measured} `python -m bench.{section.command or section.name}`\n"
    body = "\n".join(f"<!-- {name} -->\n{parts[name]}" for name in sorted(parts))
    PAGE.write_text(f"{head.rstrip()}\n\n{body}")


def machine() -> str:
    """What the numbers depend on, in one line."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.findall(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[0]) / 2**20
    system = f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {models[0] if models else platform.machine()}, {memory:.0f} GiB, {_disk()}, {system}"


def _disk() -> str:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if ROOT.is_relative_to(mount[1])]
    device, _, kind, *_ = max(holding, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"


def _page() -> tuple[str, dict[str, str]]:
    """What stands above the first section is written by hand, and stays."""
    head, *parts = re.split(r"^<!-- (\w+) -->\n", PAGE.read_text(), flags=re.MULTILINE)
    return head, {name: text.rstrip() + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)}
