"""What the commands print: Rich on a terminal, plain lines elsewhere, so that a pipe or a CI log stays readable."""

import sys
from collections.abc import Sequence


def line(text: str = "", style: str = "") -> None:
    """A line of the answer, on standard output."""
    _print(text, style, error=False)


def note(text: str, style: str = "") -> None:
    """A line beside the answer, on standard error: standard output may be read by a program."""
    _print(text, style, error=True)


def problem(text: str) -> None:
    _print(f"clary: {text}", "red", error=True)


def table(rows: Sequence[tuple[str, ...]], styles: Sequence[str] = ()) -> None:
    """Columns as wide as their longest cell but the last; `styles` gives one for each row."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        line("  ".join([*cells, row[-1]]).rstrip(), styles[index] if styles else "")


def _print(text: str, style: str, *, error: bool) -> None:
    stream = sys.stderr if error else sys.stdout
    if not stream.isatty():
        print(text, file=stream, flush=True)
        return
    from rich.console import Console  # noqa: PLC0415 - 40 ms, for terminals only

    Console(stderr=error, highlight=False).print(text, style=style, markup=False, soft_wrap=True)
