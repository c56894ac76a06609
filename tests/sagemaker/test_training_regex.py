"""Metrics are found as `re` finds them, in a time that has a limit."""

import re
import time

import pytest

from clary.images.image import images
from clary.services.sagemaker.training_regex import compiled, matches

# https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html, and as SDKs' examples have them
DOCUMENTED = [
    "ganloss=(.*?);",
    "GAN_loss=(.*?);",
    "disc_train_loss=(.*?);",
    r".*\[[0-9]+\].*#011validation-rmse:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*",
    r"#quality_metric: host=\S+, epoch=\S+, train loss <loss>=(\S+)",
    r"(?<=acc: )[0-9.]+",
    r"(?i)VAL_LOSS\s*[:=]\s*([-+\d.eE]+)",
    r"epoch (?P<number>\d{1,4})\b",
]
LINES = [
    "GAN_loss=0.138318;  Scaled_reg=2.654134; disc:[-0.017371,0.102429] real 93.3% gen 0.0% disc-combined=0.000000;",
    "disc_train_loss=1.374587;  ganloss=1; ganloss=2.5;",
    "[2018-01-01:00:00:00:INFO] [12]#011train-rmse:0.5#011validation-rmse:2.5e-03",
    "#quality_metric: host=algo-1, epoch=3, train loss <loss>=0.25",
    "epoch 12 val_loss: 0.5 acc: 0.75 acc: é 0.8 Val_Loss = -1e-3",
    "",
]


@pytest.mark.parametrize("text", [*DOCUMENTED, *sorted({metric for image in images() for _, metric in image.metrics})])
def test_what_is_documented_is_found_as_by_re(text: str) -> None:
    found = [match.span(index) for match in matches(compiled(text), LINES) for index in range(match.re.groups + 1)]
    by_re = [
        match.span(index) for line in LINES for match in re.finditer(text, line) for index in range(match.re.groups + 1)
    ]
    assert found == by_re
    assert found or text not in DOCUMENTED


@pytest.mark.parametrize("text", ["(a|aa)+$", ".*a.*b.*c.*d", "(.*a){12}d"])
def test_no_search_takes_for_ever(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(TimeoutError):
        list(matches(compiled(text), ["abc" * 30_000, "a" * 300 + "b"]))
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "text", ["a{1000000}", "(?:a?){1000000}", r"((\w{100}) {100}){100}", "(" * 80 + "a" + "{9})" * 80]
)
def test_nothing_is_compiled_that_takes_for_ever(text: str) -> None:
    with pytest.raises(ValueError, match="repetitions"):
        compiled(text)
