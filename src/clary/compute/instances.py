"""SageMaker's instance types: what a job asks for when it names one.

https://aws.amazon.com/sagemaker/ai/pricing/ and https://docs.aws.amazon.com/ec2/latest/instancetypes/ have the numbers.
They follow from family and size but for the exceptions below: a size `large` has 2 vCPUs, `xlarge` 4, `<n>xlarge` 4 n,
and a family so many GiB for each of them.
"""

import re
from dataclasses import dataclass
from typing import Final

from clary.errors import ClaryError

GiB: Final = 1 << 30


class UnknownInstanceType(ClaryError):
    """There is no such instance type."""


@dataclass(frozen=True, slots=True)
class InstanceType:
    name: str  # ml.m5.xlarge
    cpus: int
    memory: int  # bytes
    gpus: int = 0


SMALL: Final = {"micro": 2, "small": 2, "medium": 1, "large": 2, "xlarge": 4}  # vCPUs
PER_CPU: Final = {  # GiB, by a pattern of the family
    r"c4": 1.875,
    r"c5n": 2.625,
    r"c[5-8]\w*(-flex)?": 2.0,
    r"m\d\w*(-flex)?": 4.0,
    r"r\d\w*(-flex)?": 8.0,
    r"t[23]": 4.0,
    r"g4dn|g5|g6": 4.0,
    r"g6e": 8.0,
    r"inf1": 2.0,
    r"inf2|trn1|trn1n": 4.0,
}
GPUS: Final = {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}  # of the g families; all other sizes have 1
# vCPUs, GiB, GPUs. Accelerators that are no GPUs (dl1, inf, trn) are not counted: nothing here can use them.
ODD: Final = {
    "c4.8xlarge": (36, 60, 0),
    "c5n.9xlarge": (36, 96, 0),
    "c5n.18xlarge": (72, 192, 0),
    "t2.medium": (2, 4, 0),
    "t3.micro": (2, 1, 0),
    "t3.small": (2, 2, 0),
    "t3.medium": (2, 4, 0),
    "p2.xlarge": (4, 61, 1),
    "p2.8xlarge": (32, 488, 8),
    "p2.16xlarge": (64, 732, 16),
    "p3.2xlarge": (8, 61, 1),
    "p3.8xlarge": (32, 244, 4),
    "p3.16xlarge": (64, 488, 8),
    "p3dn.24xlarge": (96, 768, 8),
    "p4d.24xlarge": (96, 1152, 8),
    "p4de.24xlarge": (96, 1152, 8),
    "p5.4xlarge": (16, 256, 1),
    "p5.48xlarge": (192, 2048, 8),
    "p5e.48xlarge": (192, 2048, 8),
    "p5en.48xlarge": (192, 2048, 8),
    "p6-b200.48xlarge": (192, 2048, 8),
    "p6-b300.48xlarge": (192, 4096, 8),
    "p6e-gb200.36xlarge": (144, 960, 4),
    "dl1.24xlarge": (96, 768, 0),
    "trn2.48xlarge": (192, 2048, 0),
    # g7's own are not on the pages above; they are taken as g7e's
    **{
        f"{family}.{size}": figures
        for family in ("g7", "g7e")
        for size, figures in {
            "2xlarge": (8, 64, 1),
            "4xlarge": (16, 128, 1),
            "8xlarge": (32, 256, 1),
            "12xlarge": (48, 512, 2),
            "24xlarge": (96, 1024, 4),
            "48xlarge": (192, 2048, 8),
        }.items()
    },
}


def of(name: str) -> InstanceType:
    """`ml.m5.xlarge` has 4 vCPUs and 16 GiB. Raises UnknownInstanceType. Whether an operation takes the type at all is
    for its model to say.
    """
    parts = name.removeprefix("ml.").split(".")
    if not name.startswith("ml.") or len(parts) != 2:
        raise UnknownInstanceType(f"{name} is no instance type")
    family, size = parts
    if (odd := ODD.get(f"{family}.{size}")) is not None:
        cpus, memory, gpus = odd
        return InstanceType(name, cpus, memory * GiB, gpus)
    many = re.fullmatch(r"([1-9]\d*)xlarge", size)
    count = 4 * int(many.group(1)) if many else SMALL.get(size)
    share = next((share for pattern, share in PER_CPU.items() if re.fullmatch(pattern, family)), None)
    if count is None or share is None:
        raise UnknownInstanceType(f"{name} is no instance type that is known here")
    return InstanceType(name, count, int(count * share * GiB), GPUS.get(size, 1) if family.startswith("g") else 0)
