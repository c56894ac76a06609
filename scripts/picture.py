"""Writes docs/first-steps.svg, the README's picture: what a terminal shows of a real run. `make docs` runs it."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "first-steps.svg"
WIDTH = 104
SESSION = ("clary up --detach", 'eval "$(clary env)"', "python examples/first_steps.py", "clary status", "clary down")


def main() -> None:
    home = tempfile.mkdtemp(prefix="clary-picture-")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLARY_"))}
    path = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    shell = subprocess.Popen(
        ["sh"],
        cwd=ROOT, env={**kept, "HOME": home, "PATH": path}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert shell.stdin is not None
    said, _ = shell.communicate("".join(f"echo '$ {line}'\n{line}\n" for line in SESSION), timeout=120)
    shutil.rmtree(home)
    if shell.returncode:
        sys.exit(f"the session failed:\n{said}")
    svg = drawn(said)
    # A picture asks no other host for a font: the viewer's own will do.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(PICTURE.relative_to(ROOT))


def drawn(said: str) -> str:
    """As an SVG document."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in said.splitlines():
        style = "bold" if line.startswith("$ ") else "green" if line.startswith("Clary") else ""
        console.print(Text(line, style=style))
    return console.export_svg(title="clary", unique_id="clary")


if __name__ == "__main__":
    main()
