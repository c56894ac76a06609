"""What docs/architecture.md says of folders, imports and sizes holds."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import botocore

from conftest import LONGEST

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "clary"

# From the top down: a folder imports from itself and from the lines below its own, never from its own line or above.
LAYERS = (
    {"cli"},
    {"app", "plane"},
    {"gateway", "serving", "warehouse", "console"},
    {"services"},
    {"resource", "jobs"},
    {"images"},
    {"compute"},
    {"wire", "store"},
    {"config"},
    {"errors"},
    {"plugin", "demo"},  # run alone: one in the user's interpreter, one as any user's program
)
RANK = {folder: rank for rank, layer in enumerate(LAYERS) for folder in layer}
OWN_PROCESSES = {"serving", "console"}  # one reads the replica table, the other speaks the public API
ASYNC = {"gateway", "serving", "warehouse"}  # the sockets; the core has one colour
MOST_LINES = 400


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def code() -> list[Path]:
    return [
        path
        for folder in ("src", "tests", "bench", "scripts", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def folder_of(path: Path) -> str:
    """`gateway` for src/clary/gateway/steps.py, `app` for src/clary/app.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The folders of ours that a module imports from, inside functions too."""
    for node in nodes(path):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level and folder_of(path) == "images" and path.parent.name != "images":
                assert node.level == 1 or (node.module or "").startswith("runtime"), f"{path}: {ast.unparse(node)}"
                continue  # runs inside a container, where its own folder and the runtime are all there is of ours
            assert node.level == 0, f"{path}: {ast.unparse(node)}: imports are absolute here"
            names = [node.module or ""]
            if node.module == "clary":
                names = [f"clary.{alias.name}" for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("clary."))


def test_every_folder_has_its_place() -> None:
    unplaced = {folder_of(path) for path in modules()} - RANK.keys() - {"__init__", "__main__"}
    assert not unplaced, f"put into LAYERS and docs/architecture.md: {unplaced}"


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in modules()
        if (own := folder_of(path)) in RANK
        for other in imported(path)
        if (other != own and RANK[other] <= RANK[own]) or (own in OWN_PROCESSES and other == "services")
    ]
    assert not wrong, "\n".join(wrong)


def test_only_sockets_are_async() -> None:
    colours = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if folder_of(path) not in ASYNC and any(isinstance(node, colours) for node in nodes(path))
    ]
    assert not wrong, "\n".join(wrong)


def test_files_stay_small() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in code()}
    assert not {name: lines for name, lines in sizes.items() if lines > MOST_LINES}


def test_what_begins_first_is_there() -> None:
    tests = ROOT / "tests"
    assert [name for name in LONGEST if not (tests / name).exists()] == []


def test_each_noun_is_tested() -> None:
    """A noun is a module that holds operations: it has a test file of its name, or tests call every one of them."""
    services = PACKAGE / "services"
    tests = sorted(path for path in (ROOT / "tests").rglob("*.py") if path.parent.name != "conventions")
    words = {word for test in tests for word in re.findall(r"\w+", test.read_text())}
    missing = []
    for path in sorted(services.rglob("*.py")):
        names = re.findall(r'^@operation\(\s*"(\w+)"', path.read_text(), re.MULTILINE)
        own = ROOT / "tests" / path.relative_to(services).parts[0]
        if not list(own.rglob(f"test_{path.stem}.py")):
            missing += [
                f"{path.relative_to(ROOT)}: {name}" for name in names if not {name, botocore.xform_name(name)} & words
            ]
    assert not missing, "\n".join(missing)
