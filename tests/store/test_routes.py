"""The routing table: what the controller writes is what the data plane reads, in another process."""

from pathlib import Path

from clary.store import routes
from clary.store.db import Reader, Store
from clary.store.routes import Fleet, Framed, Replica, Route, Variant, Web

ROUTE = Route(
    "arn:aws:sagemaker:us-west-2:123456789012:endpoint/e",
    "e",
    "us-west-2",
    (Fleet("f1", 1.0, "c", (Variant("a", 0.7), Variant("b", 0.3, "Multi")), {"EnableCapture": True}),),
)
REPLICA = Replica(
    7, ROUTE.arn, "f1", "a", "ready", (Framed("c-1", ("a", "b"), socket="/s.sock"), Web("c-2", url="http://h:1"))
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    reader = Reader(store.path)
    try:
        store.write(lambda connection: routes.put(connection, ROUTE))
        store.write(lambda connection: routes.put(connection, REPLICA))
        assert routes.read(reader.read()) == routes.Table({ROUTE.arn: ROUTE}, {7: REPLICA})
        store.write(lambda connection: routes.remove_replica(connection, 7))
        store.write(lambda connection: routes.remove_route(connection, ROUTE.arn))
        assert routes.read(reader.read()) == routes.Table()
    finally:
        reader.close()
        store.close()
