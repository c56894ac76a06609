"""The command line. `commands.py` lists the commands; each has a module here."""

from clary.cli.commands import main

__all__ = ["main"]
