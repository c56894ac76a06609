"""Fleets and the devices in them."""

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Platform
from sagemaker_inputs import client, refused

FLEET = {"DeviceFleetName": "f"}


@pytest.fixture
def sagemaker(platform: Platform) -> Any:
    made = client(platform)
    made.create_device_fleet(**FLEET, OutputConfig={"S3OutputLocation": "s3://bucket/x"})
    return made


def test_devices_register_all_or_none(sagemaker: Any) -> None:
    sagemaker.register_devices(**FLEET, Devices=[{"DeviceName": "a", "Description": "one"}])
    with pytest.raises(ClientError, match="already registered"):
        sagemaker.register_devices(**FLEET, Devices=[{"DeviceName": "b"}, {"DeviceName": "a"}])
    assert [device["DeviceName"] for device in sagemaker.list_devices()["DeviceSummaries"]] == ["a"]
    sagemaker.update_devices(**FLEET, Devices=[{"DeviceName": "a", "IotThingName": "thing"}])
    shown = sagemaker.describe_device(**FLEET, DeviceName="a")
    assert (shown["Description"], shown["IotThingName"]) == ("one", "thing")
    assert "LatestHeartbeat" not in shown
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert sagemaker.list_devices(LatestHeartbeatAfter=since)["DeviceSummaries"] == []
    assert sagemaker.list_devices(DeviceFleetName="other")["DeviceSummaries"] == []
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_device_fleet(**FLEET)
    sagemaker.deregister_devices(**FLEET, DeviceNames=["a"])
    with pytest.raises(ClientError, match="No device with name"):
        sagemaker.describe_device(**FLEET, DeviceName="a")
    sagemaker.delete_device_fleet(**FLEET)
    with pytest.raises(ClientError, match="No devicefleet with name"):
        sagemaker.register_devices(**FLEET, Devices=[{"DeviceName": "a"}])


def test_there_is_no_iot_here(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.update_device_fleet(
            **FLEET, OutputConfig={"S3OutputLocation": "s3://bucket/x"}, EnableIotRoleAlias=True
        )
    assert refused(error.value)[0] == "NotImplementedException"
