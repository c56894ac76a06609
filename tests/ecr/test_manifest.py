"""What is taken as a manifest, and what is not, whatever it holds."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.services.ecr import image, manifest
from clary.services.ecr.manifest import DOCKER, OCI, OCI_INDEX, Unfit
from ecr.tools import CONFIG, described, index
from ecr.tools import image as made_image
from ecr.world import opened

DIGEST = f"sha256:{'a' * 64}"


def test_what_it_names() -> None:
    made = made_image("a", "b")
    read = manifest.read(made.manifest, f"{OCI}; charset=utf-8")
    assert (read.digest, read.media, read.artifact) == (made.digest, OCI, CONFIG)
    assert len(read.layers) == 3
    assert read.size == sum(map(len, (*made.layers, made.config)))
    listed = manifest.read(index(made))
    assert (listed.media, listed.layers, listed.images) == (OCI_INDEX, (), (made.digest,))


def test_media_types() -> None:
    document = json.loads(made_image().manifest)
    del document["mediaType"]
    bare = json.dumps(document).encode()
    assert manifest.read(bare).media == OCI
    assert manifest.read(bare, "application/json").media == OCI
    assert manifest.read(bare, DOCKER).media == DOCKER
    with pytest.raises(Unfit, match=r"mediaType is .*oci.* and not"):
        manifest.read(made_image().manifest, DOCKER)
    with pytest.raises(Unfit, match="not supported"):
        manifest.read(bare, "application/vnd.docker.distribution.manifest.v1+prettyjws")


def test_layers_that_lie_elsewhere() -> None:
    document = json.loads(made_image("a").manifest)
    document["layers"].append({**described(b"w", "application/x"), "urls": ["https://example.com/w"]})
    assert len(manifest.read(json.dumps(document).encode()).layers) == 2


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from([DIGEST, OCI, OCI_INDEX, 2, -1, 2**60]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["digest", "size", "mediaType", "urls", "platform", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
MEMBERS = ("schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations")
descriptors = st.fixed_dictionaries(
    {"digest": st.just(DIGEST), "mediaType": st.just("m"), "size": st.integers() | values}
)
documents = st.dictionaries(
    st.sampled_from(MEMBERS), values | descriptors | st.lists(descriptors, max_size=2) | st.just(2), max_size=8
)


@given(documents)
@settings(max_examples=200)
def test_anything_is_told_or_taken(document: dict[str, Any]) -> None:
    """What is taken can be kept, if what it names is there."""
    with suppress(Unfit):
        made = manifest.read(json.dumps({"schemaVersion": 2, **document}).encode())
        assert set(made.uses) <= {DIGEST}
        assert 0 <= made.size < 2**63


def test_what_a_row_cannot_hold(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        row = world.repository("r")
        huge = described(b"", CONFIG) | {"size": 2**60}
        with pytest.raises(Unfit):
            manifest.read(json.dumps({"schemaVersion": 2, "config": huge, "layers": []}).encode())
        world.bring(row, b"")
        several = [described(b"", CONFIG) | {"size": 2**53 - 1}] * 2000
        document = {"schemaVersion": 2, "config": described(b"", CONFIG), "layers": several}
        made = manifest.read(json.dumps(document).encode())
        assert image.put(world.state, row, made, "t")
