"""Prints how many lines the code has, folder by folder, and how that changed since origin/main or the last commit."""

import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = (".py", ".sql", ".ts", ".tsx")


def main() -> None:
    base = next((name for name in ("origin/main", "HEAD") if _git("rev-parse", "--verify", "--quiet", name)), "")
    now = Counter[str]()
    for path in _git("ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if path.endswith(KINDS) and (ROOT / path).exists():
            now[_folder(path)] += len((ROOT / path).read_bytes().splitlines())
    change = Counter[str]()
    for row in (_git("diff", "--numstat", base) if base else "").splitlines():
        added, removed, path = row.split("\t")
        if path.endswith(KINDS) and added != "-":
            change[_folder(path)] += int(added) - int(removed)
    for folder, lines in sorted(now.items()):
        print(f"{lines:7} {change[folder]:+6}  {folder}" if change[folder] else f"{lines:7}         {folder}")
    print(f"{now.total():7} {change.total():+6}  all")


def _folder(path: str) -> str:
    return "/".join(Path(path).parts[:-1][:4]) or "."


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
