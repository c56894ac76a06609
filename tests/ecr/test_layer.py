"""Layers by the JSON API."""

import os
import urllib.request
import uuid
from typing import Any
from urllib.error import HTTPError

import pytest

from ecr.tools import Door, digest_of
from s3.tools import refused


def test_upload_in_parts(door: Door, ecr: Any) -> None:
    where = {"repositoryName": door.repository()}
    data = os.urandom(300_000)
    digest = digest_of(data)
    begun = ecr.initiate_layer_upload(**where)
    assert begun["partSize"] == 20 << 20
    upload = where | {"uploadId": begun["uploadId"]}
    with refused("EmptyUploadException"):
        ecr.complete_layer_upload(**upload, layerDigests=[digest])
    first = {"partFirstByte": 0, "partLastByte": 199_999, "layerPartBlob": data[:200_000]}
    assert ecr.upload_layer_part(**upload, **first)["lastByteReceived"] == 199_999
    with refused("InvalidLayerPartException") as members:
        ecr.upload_layer_part(**upload, **first)
    assert members == members | {"Code": "InvalidLayerPartException"}
    ecr.upload_layer_part(**upload, partFirstByte=200_000, partLastByte=299_999, layerPartBlob=data[200_000:])
    assert ecr.complete_layer_upload(**upload, layerDigests=[digest])["layerDigest"] == digest
    with refused("UploadNotFoundException"):
        ecr.complete_layer_upload(**upload, layerDigests=[digest])
    assert door("GET", f"/v2/{where['repositoryName']}/blobs/{digest}").body == data

    again = where | {"uploadId": ecr.initiate_layer_upload(**where)["uploadId"]}
    ecr.upload_layer_part(**again, partFirstByte=0, partLastByte=299_999, layerPartBlob=data)
    with refused("LayerAlreadyExistsException"):
        ecr.complete_layer_upload(**again, layerDigests=[digest])


def test_a_digest_must_match(door: Door, ecr: Any) -> None:
    where = {"repositoryName": door.repository()}
    upload = where | {"uploadId": ecr.initiate_layer_upload(**where)["uploadId"]}
    ecr.upload_layer_part(**upload, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    with refused("InvalidLayerException", digest_of(b"abc")):
        ecr.complete_layer_upload(**upload, layerDigests=[digest_of(b"abd")])
    with refused("UploadNotFoundException"):
        ecr.upload_layer_part(**upload, partFirstByte=3, partLastByte=3, layerPartBlob=b"d")
    with refused("UploadNotFoundException"):
        ecr.upload_layer_part(**where, uploadId=str(uuid.uuid4()), partFirstByte=0, partLastByte=0, layerPartBlob=b"a")


def test_availability(door: Door, ecr: Any) -> None:
    name = door.repository()
    digest = door.bring(name, b"layer")
    absent = digest_of(b"none")
    answer = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[digest, absent, "md5:1"])
    assert [(each["layerDigest"], each["layerAvailability"]) for each in answer["layers"]] == [
        (digest, "AVAILABLE"),
        (absent, "UNAVAILABLE"),
    ]
    assert answer["layers"][0]["layerSize"] == 5
    assert [each["failureCode"] for each in answer["failures"]] == ["InvalidLayerDigest"]


def test_download_url(door: Door, ecr: Any) -> None:
    name = door.repository()
    digest = door.bring(name, b"bytes of a layer")
    url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"bytes of a layer"
    other = door.bring(name, b"another")
    for wrong in (url.replace(digest, other), url[:-8] + "AAAAAAA="):
        with pytest.raises(HTTPError, match="403"):
            urllib.request.urlopen(wrong)
    with refused("LayersNotFoundException", name):
        ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest_of(b"none"))
