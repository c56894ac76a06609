"""Small bundles for model servers: what MLeap would write of pipelines fitted to the cars."""

import json
from pathlib import Path
from typing import Any

from clary.demo.cars import CLASSES, DATA
from clary.images.runtime.bundle import Bundle, DataShape, Node, write

ATTRIBUTES = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
CARS = [line.split(",") for line in DATA.read_text().split()]
VALUES = {name: sorted({car[place] for car in CARS}) for place, name in enumerate(ATTRIBUTES)}
STRINGS = [{"name": name, "type": "string"} for name in ATTRIBUTES]
FEATURES = {"input": STRINGS, "output": {"name": "features", "type": "double", "struct": "vector"}}
LABEL = {"input": [{"name": "prediction", "type": "double"}], "output": {"name": "label", "type": "string"}}


def cars(folder: Path) -> Path:
    """Six categories to 21 numbers."""
    stages = [
        Node(f"index_{name}", "string_indexer", {"input": name}, {"output": f"{name}_index"}, {"labels": values})
        for name, values in VALUES.items()
    ]
    stages += [
        Node(
            f"hot_{name}", "one_hot_encoder", {"input": f"{name}_index"}, {"output": f"{name}_hot"},
            {"size": len(values), "drop_last": False},
        )
        for name, values in VALUES.items()
    ]  # fmt: skip
    stages.append(assembler("features", {f"{name}_hot": len(values) for name, values in VALUES.items()}))
    return pipeline(folder, *stages)


def features(car: list[str]) -> list[float]:
    """What `cars` makes of one."""
    return [float(word == value) for word, values in zip(car, VALUES.values(), strict=False) for value in values]


def labels(folder: Path) -> Path:
    """A class's number to its label."""
    told = {"labels": list(CLASSES)}
    return pipeline(
        folder, Node("labels", "reverse_string_indexer", {"input": "prediction"}, {"output": "label"}, told)
    )


def assembler(output: str, sizes: dict[str, int]) -> Node:
    """Of columns with vectors of these sizes; a size of 0 is a number."""
    ports = {f"input{place}": name for place, name in enumerate(sizes)}
    shapes = [DataShape("tensor", True, (size,)) if size else DataShape("scalar", True) for size in sizes.values()]
    return Node(f"assemble_{output}", "vector_assembler", ports, {"output": output}, {"input_shapes": shapes})


def pipeline(folder: Path, *stages: Node) -> Path:
    bundle = Bundle("c0ffee00-0000-0000-0000-000000000000", folder.name, Node("all", "pipeline", children=stages))
    write(bundle, f"file:{folder}")
    return folder


def schema(told: dict[str, Any]) -> dict[str, str]:
    return {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(told)}
