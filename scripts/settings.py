"""Writes docs/settings.md from clary.config: `make docs`."""

import dataclasses
from pathlib import Path

from clary.config import Config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"


def text() -> str:
    """The page."""
    lines = [
        "# Settings",
        "",
        "Written by `make docs` from `src/clary/config.py`. A setting comes from, in this order: the command line, the",
        "environment (`CLARY_<NAME>`), `config.toml` in the home (`name = value`), the default.",
        "",
        "| setting | variable | default | what it is |",
        "| --- | --- | --- | --- |",
    ]
    for field in dataclasses.fields(Config):
        shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        sentence = field.metadata["sentence"].replace("|", "\\|")
        lines.append(
            f"| `{field.name}` | `CLARY_{field.name.upper()}` | {f'`{shown}`' if shown else ''} | {sentence} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())
    print(PAGE.relative_to(PAGE.parent.parent))
