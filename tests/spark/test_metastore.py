"""The metastore that Spark asks for Glue's Data Catalog: its messages, and whom it answers."""

import io
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.images.spark import metastore
from clary.images.spark.metastore import server, translate
from clary.images.spark.metastore.calls import Catalog, _expression, _pattern
from clary.images.spark.metastore.files import _place
from clary.images.spark.metastore.shapes import METHODS, STRUCTS, Refused
from clary.images.spark.metastore.thrift import CALL, VERSION, Malformed, Reader, Writer
from waiting import PATIENCE

SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=8),
    "bool": st.booleans(),
    "i32": st.integers(-(1 << 31), (1 << 31) - 1),
}


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind.startswith("list<"):
        return st.lists(values(kind[5:-1]), max_size=2)
    if kind.startswith("map<list"):
        return st.just({})
    if kind.startswith("map<"):
        return st.dictionaries(values("string"), values(kind[4:-1].split(",", 1)[1]), max_size=2)
    fields = {name: values(member) for name, member in STRUCTS[kind].values()}
    return st.fixed_dictionaries({}, optional=fields)


class Told:
    """A catalog that says what it was asked, and what it is told to."""

    def __init__(self, answer: Any = None) -> None:
        self.asked: list[Any] = []
        self.answer = answer

    def call(self, name: str, arguments: list[Any]) -> Any:
        self.asked.append((name, arguments))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def message(name: str, arguments: bytes, kind: int = CALL) -> bytes:
    text = name.encode()
    return struct.pack("!Ii", VERSION | kind, len(text)) + text + struct.pack("!i", 7) + arguments


def asked(data: bytes, catalog: Any) -> bytes:
    source = io.BytesIO(data)

    def read(size: int) -> bytes:
        found = source.read(size)
        if len(found) < size:
            raise EOFError
        return found

    return server.answer(Reader(read, STRUCTS), catalog)


@given(values("Table"))
def test_what_is_written_is_read(table: dict[str, Any]) -> None:
    """A table that comes back is sent again as an argument: field 1 instead of 0."""
    reply = Writer(STRUCTS).reply("create_table", 7, 1, "Table", table)
    data = reply[:3] + bytes([CALL]) + reply[4:]
    catalog = Told()
    answer = asked(data, catalog)
    assert catalog.asked == [("create_table", [table])]
    assert answer.endswith(b"create_table" + struct.pack("!i", 7) + b"\0")


def test_errors_and_what_is_not_there() -> None:
    found = asked(message("get_table", b"\0"), Told(Refused("NoSuchObjectException", "gone")))
    assert b"gone" in found
    assert found[3] == 2  # a reply, with the exception that the method has
    found = asked(message("get_functions", b"\0"), Told(Refused("AlreadyExistsException", "odd")))
    assert b"odd" in found
    found = asked(message("get_config_value", b"\0"), Told(Refused("MetaException", "no such exception here")))
    assert found[3] == 3
    found = asked(message("get_partitions_by_expr", b"\0"), Told())
    assert found[3] == 3
    assert b"does not have get_partitions_by_expr" in found
    with pytest.raises(EOFError):
        asked(message("shutdown", b"\0", kind=4), Told())


@given(st.binary(max_size=60))
def test_what_is_no_message_ends_the_connection(data: bytes) -> None:
    with pytest.raises((Malformed, EOFError)):
        asked(data, Told())
    for name in ("create_table", "add_partitions_req"):
        catalog = Told({})
        try:
            asked(message(name, data), catalog)
        except (Malformed, EOFError):
            assert catalog.asked == []


def test_every_method_is_there() -> None:
    assert not [name for name in METHODS if not hasattr(Catalog, name)]


@pytest.fixture
def listening() -> Iterator[tuple[tuple[str, int], Told]]:
    catalog = Told(["a"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.serve, args=(listener, catalog), daemon=True)
        thread.start()
        yield listener.getsockname(), catalog
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=PATIENCE)


ASK = """
import socket, sys
made = socket.socket(socket.{family})
made.connect(({host!r}, {port}))
made.sendall(bytes.fromhex({data!r}))
print(len(made.recv(100)))
"""


@pytest.mark.parametrize(("family", "host"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::ffff:127.0.0.1")])
def test_it_answers_processes_that_it_sees(listening: Any, family: str, host: str) -> None:
    """A JVM's sockets are of IPv6."""
    (_, port), catalog = listening
    text = ASK.format(family=family, host=host, port=port, data=message("get_all_databases", b"\0").hex())
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 0
    assert catalog.asked == [("get_all_databases", [])]


def test_it_answers_nobody_else(listening: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as other containers' processes, which are not in this one's /proc."""
    place, catalog = listening
    monkeypatch.setattr(server, "PROC", tmp_path)
    (tmp_path / "1" / "fd").mkdir(parents=True)
    (tmp_path / "1" / "fd" / "3").symlink_to("socket:[1]")
    with socket.create_connection(place) as made:
        assert made.recv(1) == b""
    assert catalog.asked == []


def test_it_is_asked_for_by_the_name_of_awss_client() -> None:
    client = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
    assert metastore.wanted({"spark.hadoop.hive.metastore.client.factory.class": client})
    assert not metastore.wanted({"spark.hadoop.hive.metastore.client.factory.class": "other"})
    idle = metastore.Metastore()
    port = int(idle.settings["spark.hadoop.hive.metastore.uris"].rpartition(":")[2])
    idle.close()  # nobody has connected, so nothing was started
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_location_has_all_of_its_key() -> None:
    """What is before # or ? may be another table's, whose objects are not to go."""
    assert _place("s3://b/t/x#1?a/") == ("b", "t/x#1?a/")
    assert (_place("s3a://b"), _place("file:/t")) == (("b", ""), ("", ""))


def test_words() -> None:
    assert _expression('d = 2024-01-01 and s = "2024-01-01"') == "d = '2024-01-01' and s = \"2024-01-01\""
    assert [name for name in ("plain", "parts", "x") if _pattern("p*|x")(name)] == ["plain", "parts", "x"]
    assert translate.partition_name(["Year", "m"], ["2024", "a/b=c"]) == "year=2024/m=a%2Fb%3Dc"
    assert translate.partition_values("year=2024/m=a%2Fb%3Dc") == ["2024", "a/b=c"]


def test_tables_of_json() -> None:
    """Names as the files have them, and types in Spark's own words."""
    columns = {
        "userid": "bigint",
        "tags": "array<struct<Name:string,at:map<string,decimal(10,2)>>>",
        "flag": "boolean",
        "code": "varchar(3)",
    }
    serde = {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"paths": "userId,tags,flag,code"},
    }
    storage = {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "Location": "s3://b/t/",
        "SerdeInfo": serde,
    }
    given = {
        "Name": "t",
        "DatabaseName": "d",
        "StorageDescriptor": storage,
        "PartitionKeys": [{"Name": "day", "Type": "date"}],
        "Parameters": {"classification": "json"},
    }
    shown = translate.table_out(given)
    fields = json.loads(shown["parameters"]["spark.sql.sources.schema"])["fields"]
    kinds = {field["name"]: field["type"] for field in fields}
    assert list(kinds) == ["userId", "tags", "flag", "code", "day"]
    assert (kinds["userId"], kinds["flag"], kinds["code"], kinds["day"]) == ("long", "boolean", "string", "date")
    (name, at) = kinds["tags"]["elementType"]["fields"]
    assert (name["name"], name["type"]) == ("Name", "string")
    assert (at["type"]["keyType"], at["type"]["valueType"]) == ("string", "decimal(10,2)")
    assert shown["parameters"]["spark.sql.sources.schema.partCol.0"] == "day"
    assert shown["sd"]["serdeInfo"]["parameters"]["path"] == "s3://b/t/"
    for changed in ({"paths": "userId"}, {}):  # it does not say how all are called
        serde["Parameters"] = changed
        assert "spark.sql.sources.provider" not in translate.table_out(given)["parameters"]
