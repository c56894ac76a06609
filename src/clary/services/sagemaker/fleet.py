"""Devices at the edge, which register in fleets. None has ever reported to Clary: no heartbeat, no models."""

import sqlite3

from clary.errors import NotImplementedHere
from clary.resource import crud, pages, tags
from clary.resource.call import Call
from clary.resource.crud import Nouns
from clary.resource.service import Document, operation


def _without_iot(call: Call[Nouns], request: Document) -> None:
    if request.get("EnableIotRoleAlias"):
        raise NotImplementedHere(f"{call.operation.name}: Clary has no AWS IoT to make a role alias in.")


@operation("CreateDeviceFleet")
def create_fleet(call: Call[Nouns], request: Document) -> Document:
    _without_iot(call, request)
    return crud.create(call.state.plans["DeviceFleet"], call, request)


@operation("UpdateDeviceFleet")
def update_fleet(call: Call[Nouns], request: Document) -> Document:
    _without_iot(call, request)
    return crud.update(call.state.plans["DeviceFleet"], call, request)


@operation("RegisterDevices")
def register(call: Call[Nouns], request: Document) -> Document:
    """All or none."""
    plan = call.state.plans["Device"]
    named = tags.checked(request.get("Tags", []))

    def work(connection: sqlite3.Connection) -> None:
        crud.get(call.state.plans["DeviceFleet"], call, connection, request)
        for device in request["Devices"]:
            document = {**device, "DeviceFleetName": request["DeviceFleetName"]}
            crud.add(plan, call, connection, document, named)

    call.platform.store.write(work)
    return {}


@operation("UpdateDevices")
def update(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["Device"]

    def work(connection: sqlite3.Connection) -> None:
        for device in request["Devices"]:
            document = {**device, "DeviceFleetName": request["DeviceFleetName"]}
            row = crud.get(plan, call, connection, document)
            old = crud.loaded(row)
            crud.change(plan, call, connection, row["arn"], {**old, **document})

    call.platform.store.write(work)
    return {}


@operation("DeregisterDevices")
def deregister(call: Call[Nouns], request: Document) -> Document:
    plan = call.state.plans["Device"]

    def work(connection: sqlite3.Connection) -> None:
        for name in request["DeviceNames"]:
            document = {"DeviceName": name, "DeviceFleetName": request["DeviceFleetName"]}
            crud.forget(connection, crud.get(plan, call, connection, document)["arn"])

    call.platform.store.write(work)
    return {}


def given(_call: Call[Nouns], request: Document) -> pages.Keep | None:
    """ListDevices: none has sent a heartbeat, none has a model."""
    if request.get("LatestHeartbeatAfter") is not None or request.get("ModelName"):
        return lambda _found: False
    return None
