"""SQL is SQL: named statements and versioned schemas in `.sql` files beside the code that uses them."""

import re
from functools import cache
from importlib.resources import files


@cache
def queries(package: str, file: str = "queries.sql") -> dict[str, str]:
    """The statements of a file by name: each starts with `-- name: <name>` and ends where the next begins.

    `queries("clary.services.s3")["object_get"]`
    """
    parts = _parts(package, file, "name")
    assert len(dict(parts)) == len(parts), f"{package}/{file}: a name stands twice"
    return dict(parts)


def versions(package: str, file: str = "schema.sql") -> list[str]:
    """The parts of a schema, oldest first: each starts with `-- version: <n>`."""
    parts = _parts(package, file, "version")
    assert [number for number, _ in parts] == [str(n + 1) for n in range(len(parts))], f"{package}/{file}: versions"
    return [text for _, text in parts]


def _parts(package: str, file: str, key: str) -> list[tuple[str, str]]:
    text = files(package).joinpath(file).read_text()
    pieces = re.split(rf"^-- {key}: (\w+)$", text, flags=re.MULTILINE)[1:]
    return [(name, body.strip()) for name, body in zip(pieces[::2], pieces[1::2], strict=True)]
