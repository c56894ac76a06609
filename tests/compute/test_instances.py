"""Every instance type that SageMaker's model names for jobs and endpoints is known, with EC2's figures."""

import pytest

from clary.compute.instances import GiB, UnknownInstanceType, of
from clary.wire.models import service_model

SHAPES = ("TrainingInstanceType", "ProcessingInstanceType", "TransformInstanceType", "ProductionVariantInstanceType")


@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_the_model_are_known(shape: str) -> None:
    for name in service_model("sagemaker").shape_for(shape).enum:
        found = of(name)
        assert found.name == name
        assert found.cpus >= 1
        assert found.memory >= GiB


# https://docs.aws.amazon.com/ec2/latest/instancetypes/
@pytest.mark.parametrize(
    ("name", "cpus", "memory", "gpus"),
    [
        ("ml.m5.xlarge", 4, 16, 0),
        ("ml.m5.24xlarge", 96, 384, 0),
        ("ml.m4.10xlarge", 40, 160, 0),
        ("ml.c4.large", 2, 3.75, 0),
        ("ml.c4.8xlarge", 36, 60, 0),
        ("ml.c5.9xlarge", 36, 72, 0),
        ("ml.c5n.xlarge", 4, 10.5, 0),
        ("ml.c7i-flex.large", 2, 4, 0),
        ("ml.r5.2xlarge", 8, 64, 0),
        ("ml.m8g.medium", 1, 4, 0),
        ("ml.t3.medium", 2, 4, 0),
        ("ml.g4dn.xlarge", 4, 16, 1),
        ("ml.g5.48xlarge", 192, 768, 8),
        ("ml.g6e.16xlarge", 64, 512, 1),
        ("ml.p3.2xlarge", 8, 61, 1),
        ("ml.trn1.32xlarge", 128, 512, 0),
        ("ml.inf2.xlarge", 4, 16, 0),
    ],
)
def test_figures(name: str, cpus: int, memory: float, gpus: int) -> None:
    found = of(name)
    assert (found.cpus, found.memory / GiB, found.gpus) == (cpus, memory, gpus)


@pytest.mark.parametrize("name", ["", "m5.xlarge", "ml.m5", "ml.m5.0xlarge", "ml.m5.huge", "ml.z9.xlarge", "local"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(UnknownInstanceType):
        of(name)
