"""examples/batch_transform.py, as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import Platform
from waiting import LIMIT

EXAMPLE = Path(__file__).parents[2] / "examples" / "batch_transform.py"


def test_it_predicts_for_rows_with_names(platform: Platform) -> None:
    key, secret = platform.root
    around = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    told = {
        "AWS_ENDPOINT_URL": platform.url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    done = subprocess.run(
        [sys.executable, EXAMPLE], env={**around, **told}, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "point-0,0." in done.stdout
    right = int(done.stdout.partition("Right:")[2].split()[0])
    assert right > 950
