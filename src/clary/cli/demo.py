"""`clary demo`: the main job, from data to predictions, on the Clary of this home."""

import os
import subprocess
import sys

from clary.cli import say
from clary.cli.env import variables
from clary.cli.home import Home
from clary.cli.up import start, stop
from clary.config import Config


def carry_out(config: Config, *, quick: bool, clean: bool) -> int:
    """Returns the exit code of the demo, or of what takes away all that demos left. A Clary that had to be started runs
    on, for the endpoint's sake, unless it was only to clean up. Raises ClaryError.
    """
    home = Home(config.home)
    running = home.running()
    begun = running is None
    if running is None:
        running = start(config)
    say.line(f"Clary:       {'started' if begun else 'runs'} at {running.url}, home {home}")
    # Nothing of the user's own AWS settings, another profile's region or credentials least of all, takes part.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    plain |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    words = [*(["--quick"] if quick else []), *(["--clean"] if clean else [])]
    command = [sys.executable, "-m", "clary.demo", *words]
    code = subprocess.run(command, env={**plain, **variables(home, running)}, check=False).returncode
    if clean and begun:
        stop(home)
    elif not clean and not code:
        say.line(f'\nBefore either, in that shell:  eval "$({home.command("env")})"')
        say.line(f"To take it all away:           {home.command('demo --clean')}")
    return code
