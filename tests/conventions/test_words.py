"""What the text of the project may hold."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("LICENSE",)

# A registry is the user's choice (a mirror, an index of their own), and a path of one machine means nothing on another.
FORBIDDEN = {
    "a registry's host": r"pypi\.org|pythonhosted|npmjs\.|crates\.io|(deb|security)\.debian\.org|golang\.org",
    "a path of one machine": r"(?<![\w.}*-])/(work|root|home/[a-z]\w*|Users/\w+)/",
    "a mock": r"unittest\.mock|MagicMock|mocker\.",
}
BARE = {
    "a noqa needs its rule and a reason": r"# noqa(?!: [A-Z]+\d+(, ?[A-Z]+\d+)* - \w)",
    "a type: ignore needs its code and a reason": r"# type: ignore(?!\[[a-z-]+(, ?[a-z-]+)*\]\s+# ?\w)",
    "a skip needs a reason": r"pytest\.mark\.(skip|xfail)(?!(if)?\(.*reason=)",
}


def texts() -> dict[str, str]:
    """Every text file that is committed, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if name not in GENERATED and path.is_file() and b"\0" not in (content := path.read_bytes())[:8192]:
            found[name] = content.decode()
    return found


def hits(patterns: dict[str, str], *, suffix: str = "") -> list[str]:
    return [
        f"{name}:{number}: {what}: {line.strip()[:120]}"
        for name, text in texts().items()
        if name.endswith(suffix) and name != Path(__file__).relative_to(ROOT).as_posix()
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in patterns.items()
        if re.search(pattern, line)
    ]


def test_nothing_ties_the_project_to_a_place() -> None:
    found = hits(FORBIDDEN)
    assert not found, "\n".join(found)


def test_an_exception_to_a_rule_says_why() -> None:
    found = hits(BARE, suffix=".py")
    assert not found, "\n".join(found)
