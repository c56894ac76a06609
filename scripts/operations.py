"""Writes docs/operations.md from the services that app.py builds: `make docs`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, get_type_hints

from clary.app import App
from clary.config import Config
from clary.resource.crud import Nouns
from clary.resource.resource import leads
from clary.resource.service import Service
from clary.wire.models import service_model

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
WIDTH = 118  # of a line of names

HEAD = """\
# Operations

Written by `make docs` from the services that `src/clary/app.py` builds, against botocore's models of them.

- **real**: Clary carries it out.
- **real, in part**: it does, but the members named there are only checked, kept and given back: nothing acts upon them.
- **absent**: AWS has it and Clary has not. It answers HTTP 501, `NotImplementedException` (`NotImplemented` where the
  protocol is XML), and names itself. So does every operation of a service that is not listed here.

| service | AWS has | real | of these in part | absent |
| --- | ---: | ---: | ---: | ---: |
"""


def built() -> list[Service]:
    """The services of a Clary on a home that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(Config.load(home=folder, port=0, access_log=False))
        try:
            return list(app.gateway.services.values())
        finally:
            app.dataplane.close()
            app.gateway.close()
            app.store.close()
            app.listener.close()


def text(services: list[Service]) -> str:
    """The page."""
    ordered = sorted(services, key=lambda service: service.name)
    return HEAD + "".join(map(_row, ordered)) + "".join(map(_section, ordered))


def _sorted(service: Service) -> tuple[list[str], list[str], list[str]]:
    """The names of the whole, the partial and the absent operations; absent are those, too, that only say why."""
    known = set(service_model(service.name).operation_names)
    ours = {name for name in known & service.operations.keys() if not _refuses(service, name)}
    part = {name for name in ours if service.unused.get(name)}
    return sorted(ours - part), sorted(part), sorted(known - ours)


def _refuses(service: Service, name: str) -> bool:
    return get_type_hints(service.operations[name].handle).get("return") is NoReturn


def _row(service: Service) -> str:
    whole, part, absent = _sorted(service)
    ours = len(whole) + len(part)
    return f"| [{service.name}](#{service.name}) | {ours + len(absent)} | {ours} | {len(part)} | {len(absent)} |\n"


def _section(service: Service) -> str:
    whole, part, absent = _sorted(service)
    lines = [f"\n## {service.name}\n"]
    if whole:
        lines += ["Real:\n", *_wrapped(whole), ""]
    if part:
        lines += ["Real, in part:\n", "| operation | kept, but not acted upon |", "| --- | --- |"]
        lines += [f"| {name} | {', '.join(sorted(service.unused[name]))} |" for name in part]
        lines.append("")
    if absent:
        lines += ["Absent:\n", *_wrapped(absent), ""]
    return "\n".join(lines)


def _wrapped(names: list[str]) -> Iterator[str]:
    line = ""
    for name in names:
        if line and len(line) + len(name) + 2 > WIDTH:
            yield line + ","
            line = ""
        line += f", {name}" if line else name
    yield line


def unknown(service: Service) -> list[str]:
    """What a service says that its model does not know: operations, and members that it calls unused."""
    model = service_model(service.name)
    wrong = sorted(service.operations.keys() - {*model.operation_names})
    for name, members in sorted(service.unused.items()):
        shape = model.operation_model(name).input_shape
        wrong += [f"{name}: {member}" for member in sorted(members) if not leads(shape, member)]
    for plan in service.state.plans.values() if isinstance(service.state, Nouns) else ():
        taken = {path for verb in ("Create", "Update") if verb in plan.operations for path in plan.idle(verb)}
        wrong += [f"{plan.noun}: {path}" for path in plan.resource.unused if path not in taken]
    return wrong


if __name__ == "__main__":
    PAGE.write_text(text(built()))
    print(PAGE.relative_to(PAGE.parent.parent))
