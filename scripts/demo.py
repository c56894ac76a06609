"""`make demo`: starts Clary on a home of its own, does the main job there (`clary demo`), and cleans up. `--quick`: the
one without Spark, `clary demo --quick`.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLARY = Path(sys.prefix) / "bin" / "clary"


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    home = Path(tempfile.mkdtemp(prefix="clary-demo-"))
    # Nothing of the user's own AWS settings, real credentials least of all, takes part.
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLARY_"))}
    plain |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    plain["CLARY_IMAGES_HOME"] = str(ROOT / ".envs" / "images")  # built once, also for the tests
    try:
        tell("Start Clary on a home of its own, on a free port.")
        began = time.monotonic()
        run(plain, CLARY, "up", "--home", home, "--port", "0", "--detach")
        print(f"Ready after {time.monotonic() - began:.2f} s.")

        if quick:
            tell("From data to predictions: upload, train, deploy, ask. The image is built once, as a pull is.")
        else:
            tell("From raw data to labels: Spark, train, deploy, ask, transform. Images are built once, as a pull is.")
        run(plain, CLARY, "demo", *(["--quick"] if quick else []), "--home", home)

        tell("What Clary saw.")
        run(plain, CLARY, "status", "--home", home)
        run(plain, CLARY, "logs", "--home", home, "--access", "-n", "4")

        tell("Take away what the demo made.")
        run(plain, CLARY, "demo", "--clean", "--home", home)
    finally:
        tell("Stop it, and remove its home.")
        run(plain, CLARY, "down", "--home", home)
        shutil.rmtree(home)
    print("\nYour own turn, with an endpoint that goes on serving:  .venv/bin/clary demo")


def tell(text: str) -> None:
    print(f"\n# {text}", flush=True)


def run(environment: dict[str, str], *words: str | Path) -> None:
    """Shows the command as a user would type it, and runs it. Raises CalledProcessError."""
    arguments = [str(word) for word in words]
    shown = [Path(arguments[0]).name.replace("python3", "python"), *(a.removeprefix(f"{ROOT}/") for a in arguments[1:])]
    print(f"$ {shlex.join(shown)}", flush=True)
    subprocess.run(arguments, env=environment, check=True)


if __name__ == "__main__":
    main()
