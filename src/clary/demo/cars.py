"""The data: 1,728 cars by six attributes, and what they are worth.

Bohanec, M. (1988), Car Evaluation, UCI Machine Learning Repository, https://doi.org/10.24432/C5JP48, licensed under
CC BY 4.0 (README.md beside it).
"""

import random
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("car.data")
CLASSES = ("unacc", "acc", "good", "vgood")
TRAINED, VALIDATED = 0.7, 0.8  # of the rows are trained on; up to there are validated with; the rest is held out


@dataclass(frozen=True, slots=True)
class Car:
    words: tuple[str, ...]
    features: str  # CSV: for each attribute, a flag for each of its values
    label: int

    def labelled(self) -> str:
        """As the built-in algorithm wants it: the label first, no header.
        https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html#InputOutput-XGBoost
        """
        return f"{self.label},{self.features}\n"


def split() -> tuple[list[Car], list[Car], list[Car]]:
    """To train, to validate, and held out; each time the same."""
    lines = [line.split(",") for line in DATA.read_text().split()]
    values = [sorted({line[column] for line in lines}) for column in range(6)]
    cars = []
    for *words, worth in lines:
        flags = (int(word == value) for word, known in zip(words, values, strict=True) for value in known)
        cars.append(Car(tuple(words), ",".join(map(str, flags)), CLASSES.index(worth)))
    random.Random(0).shuffle(cars)  # noqa: S311 - a split, not a secret
    first, second = int(len(cars) * TRAINED), int(len(cars) * VALIDATED)
    return cars[:first], cars[first:second], cars[second:]
