"""The pages say what the code does."""

import dataclasses
import re
from pathlib import Path

import settings
from clary.cli.commands import app
from clary.config import Config

ROOT = Path(__file__).resolve().parents[2]
MOST_TARGETS = 12


def test_every_setting_is_documented() -> None:
    assert settings.PAGE.read_text() == settings.text(), "run `make docs`"
    for field in dataclasses.fields(Config):
        assert field.metadata["sentence"].endswith("."), f"{field.name}: one sentence"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = app.commands
    assert not [name for name in commands if f"clary {name}" not in readme]


def test_every_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):(.*)$", makefile, re.MULTILINE)
    assert len(targets) <= MOST_TARGETS
    assert not [name for name, rest in targets if " ## " not in rest]
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony.split() == [name for name, _ in targets]


def test_decisions_are_numbered() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
