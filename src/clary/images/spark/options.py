"""spark-submit's options, as settings: https://spark.apache.org/docs/3.5.0/configuration.html"""

import re
from dataclasses import dataclass, field

NAMES = {
    "--archives": "spark.archives",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--driver-memory": "spark.driver.memory",
    "--exclude-packages": "spark.jars.excludes",
    "--executor-cores": "spark.executor.cores",
    "--executor-memory": "spark.executor.memory",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--keytab": "spark.kerberos.keytab",
    "--master": "spark.master",
    "--name": "spark.app.name",
    "--num-executors": "spark.executor.instances",
    "--packages": "spark.jars.packages",
    "--principal": "spark.kerberos.principal",
    "--py-files": "spark.submit.pyFiles",
    "--queue": "spark.yarn.queue",
    "--repositories": "spark.jars.repositories",
    "--total-executor-cores": "spark.cores.max",
}
LEFT = {"--deploy-mode", "--proxy-user"}  # the driver runs here, as the job's user, whatever they say
FLAGS = {"--supervise", "--verbose", "-v"}  # taken, and nothing changes by them
_JOINED = re.compile(r"(--[^=]+)=(.*)", re.DOTALL)
_LINE = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_JOIN = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:\r\n|\r|\n)[ \t\f]*")
_BLANK = " \t\f"


class BadOptions(Exception):
    """What was asked for is no command of spark-submit's."""


@dataclass
class Given:
    """`settings` are the options' and --conf's; the file of --properties-file gives way to them."""

    app: str = ""
    arguments: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    properties: str = ""
    main: str = ""  # a class

    @property
    def python(self) -> bool:
        return not self.main and self.app.endswith(".py")


def parse(words: list[str]) -> Given:
    """Raises BadOptions."""
    given = Given()
    rest = list(words)
    while rest and rest[0].startswith("-"):
        name, value = rest.pop(0), None
        if joined := _JOINED.fullmatch(name):
            name, value = joined.groups()
        if name in FLAGS:
            continue
        if name not in {*NAMES, *LEFT, "--conf", "-c", "--class", "--properties-file"}:
            raise BadOptions(f"Unrecognized option: {name}")
        if value is None:
            if not rest:
                raise BadOptions(f"Missing argument for option '{name}'.")
            value = rest.pop(0)
        _take(given, name, value)
    if not rest:
        raise BadOptions("Missing application resource.")
    given.app, given.arguments = rest[0], rest[1:]
    return given


def _take(given: Given, name: str, value: str) -> None:
    if name == "--class":
        given.main = value
    elif name == "--properties-file":
        given.properties = value
    elif name in {"--conf", "-c"}:
        key, equals, text = value.partition("=")
        if not equals:
            raise BadOptions(f"Spark config without '=': {value}")
        given.settings[key.strip()] = text.strip()
    elif name in NAMES:
        given.settings[NAMES[name]] = value


def read(text: str) -> dict[str, str]:
    """A file of Java properties, spark-defaults.conf: `name value`, or with = or : between them."""
    found: dict[str, str] = {}
    for line in re.split(r"\r\n|\r|\n", _JOIN.sub(r"\1", text)):
        bare = line.lstrip(_BLANK)
        if bare and bare[0] not in "#!" and (matched := _LINE.fullmatch(bare)):
            name, value = (re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _escaped, part) for part in matched.groups())
            found[name] = value.strip(_BLANK + "\r\n")
    return found


def write(settings: dict[str, str]) -> str:
    """The same form, as Spark reads it: in UTF-8."""
    return "".join(f"{_escape(name)}={_escape(value)}\n" for name, value in sorted(settings.items()))


def _escaped(found: "re.Match[str]") -> str:
    if len(found[1]) > 1:
        return chr(int(found[1][1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}.get(found[1], found[1])


def _escape(text: str) -> str:
    named = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    plain = re.sub(r"[\\\n\r\t\f]", lambda found: named[found[0]], text)
    return re.sub(r"^[#!]|[=: ]", lambda found: "\\" + found[0], plain)
