"""The `clary` command. Each command is a function here, which says what it takes, and a module beside it, which is
imported only when the command runs: `clary --help` answers at once.

Exit codes: 0 done; 1 it could not be done, and standard error says why and what to do; 2 the command line is wrong;
3 `clary status` found none running. `clary run` passes on the code of its command.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from clary.cli import say
from clary.cli.home import Home
from clary.config import Config
from clary.errors import ClaryError

EPILOG = """Start it and use it from this shell:

\b
    clary up --detach
    eval "$(clary env)"
    aws s3 mb s3://first

Every setting has a variable CLARY_<NAME> and a line in HOME/config.toml."""

app = typer.Typer(
    help="Amazon SageMaker, and the services around it, as one program that runs on this machine.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The folder that holds everything. [CLARY_HOME, else ~/.clary]"),
]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command(epilog="Example:\n\n\b\n    clary up --home /srv/clary --port 4600 --detach")
def up(
    home: HomeOption = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", help="The gateway's port; 0 takes a free one. [CLARY_PORT, else 4510]")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="H", help="The address to listen on. [CLARY_HOST, else 127.0.0.1: this machine only]"),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it answers, and let it run on.")] = False,
) -> None:
    """Start Clary; Ctrl-C stops it."""
    from clary.cli.up import serve, start

    config = Config.load(home=home, port=port, host=host)
    if not detach:
        serve(config)
        return
    running = start(config)
    shown = Home(config.home)
    say.line(f"Clary is ready at {running.url}, home {shown}, process {running.pid}.", "green")
    say.line(f'Next: eval "$({shown.command("env")})". Stop it with: {shown.command("down")}')


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop Clary; returns when it has stopped."""
    from clary.cli.up import stop

    shown = _home(home)
    say.line(f"Clary on {shown} has stopped." if stop(shown) else f"No Clary runs on {shown}.")


@app.command()
def status(home: HomeOption = None, json: Json = False) -> None:
    """Say whether Clary runs, and where.

    The exit code is 3 if it doesn't.
    """
    from clary.cli.status import show

    raise typer.Exit(show(_home(home), json=json))


@app.command(epilog='Examples:\n\n\b\n    eval "$(clary env)"\n    clary env --json')
def env(home: HomeOption = None, json: Json = False) -> None:
    """Print what leads AWS clients to Clary.

    These are variables, as lines for a shell. They hold credentials of the default execution role, as
    `aws configure export-credentials` prints them.
    """
    from clary.cli.env import show

    show(_home(home), json=json)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Examples:\n\n\b\n    clary run -- python train.py\n    clary run -- node app.js",
)
def run(
    command: Annotated[list[str], typer.Argument(metavar="CMD...", help="The command and its arguments.")],
    home: HomeOption = None,
) -> None:
    """Run a command whose AWS calls come here.

    Whatever language it is written in: it gets what `clary env` gives, and a proxy that takes every connection to
    *.amazonaws.com. If Clary isn't running, it is started for as long as the command runs.
    """
    from clary.cli.run import carry_out

    raise typer.Exit(carry_out(Config.load(home=home), command))


@app.command()
def logs(
    home: HomeOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    access: Annotated[bool, typer.Option("--access", help="The requests, one a line, instead.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many of the last lines.")] = 100,
) -> None:
    """Print the last lines of Clary's log."""
    from clary.cli.logs import show

    shown = _home(home)
    show(shown.access_log if access else shown.log, lines, follow=follow)


images = typer.Typer(
    invoke_without_command=True, help="Say which images there are, and which are pulled.", rich_markup_mode=None
)
app.add_typer(
    images, name="images", epilog="Examples:\n\n\b\n    clary images\n    clary images pull sagemaker-xgboost:1.7-1"
)
References = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="As `clary images` names them, or a URI.")]


@images.callback()
def images_show(context: typer.Context, home: HomeOption = None) -> None:
    """Say which images there are, and which are pulled.

    A job that needs one that isn't pulled pulls it.
    """
    from clary.cli.images import show

    if context.invoked_subcommand is None:
        show(Config.load(home=home))


@images.command("pull")
def images_pull(references: References, home: HomeOption = None) -> None:
    """Make images ready to run."""
    from clary.cli.images import pull

    pull(Config.load(home=home), references)


@images.command("rm")
def images_rm(references: References, home: HomeOption = None) -> None:
    """Remove images that are pulled."""
    from clary.cli.images import remove

    remove(Config.load(home=home), references)


@app.command()
def doctor(home: HomeOption = None, port: Annotated[int | None, typer.Option(metavar="N", hidden=True)] = None) -> None:
    """Say what works on this machine.

    And, for what doesn't, the command that mends it. The exit code is 1 if something needed is broken.
    """
    from clary.cli.doctor import examine

    raise typer.Exit(examine(Config.load(home=home, port=port)))


def _home(given: Path | None) -> Home:
    return Home(Config.load(home=given).home)


def main() -> None:
    try:
        app()
    except ClaryError as error:
        say.problem(error.message)
        sys.exit(1)
    except BrokenPipeError:  # `clary logs | head`: the reader has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
