"""The `clary` command. Each command is a function here, which says what it takes, and a module beside it, which is
imported only when the command runs: `clary --help` answers at once.

Exit codes: 0 done; 1 it could not be done, and standard error says why and what to do; 2 the command line is wrong;
3 `clary status` found none running. `clary run` passes on the code of its command.
"""

import os
import sys
from pathlib import Path

import click

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


class InOrder(click.Group):
    """Its help lists the commands as they stand here."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


home_option = click.option(
    "--home",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder that holds everything. [CLARY_HOME, else ~/.clary]",
)
json_option = click.option("--json", is_flag=True, help="Answer as JSON.")


@click.group(
    cls=InOrder,
    help="Amazon SageMaker, and the services around it, as one program that runs on this machine.",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def app() -> None:
    """Its help is above: this would be wrapped otherwise."""


@app.command(epilog="Example:\n\n\b\n    clary up --home /srv/clary --port 4600 --detach")
@home_option
@click.option("--port", metavar="N", type=int, help="The gateway's port; 0 takes a free one. [CLARY_PORT, else 4510]")
@click.option("--host", metavar="H", help="The address to listen on. [CLARY_HOST, else 127.0.0.1: this machine only]")
@click.option("--detach", is_flag=True, help="Return when it answers, and let it run on.")
def up(home: Path | None, port: int | None, host: str | None, *, detach: bool) -> None:
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
@home_option
def down(home: Path | None) -> None:
    """Stop Clary; returns when it has stopped."""
    from clary.cli.up import stop

    shown = _home(home)
    say.line(f"Clary on {shown} has stopped." if stop(shown) else f"No Clary runs on {shown}.")


@app.command()
@home_option
@json_option
def status(home: Path | None, *, json: bool) -> None:
    """Say whether Clary runs, and where.

    The exit code is 3 if it doesn't.
    """
    from clary.cli.status import show

    sys.exit(show(_home(home), json=json))


@app.command(epilog='Examples:\n\n\b\n    eval "$(clary env)"\n    clary env --json')
@home_option
@json_option
def env(home: Path | None, *, json: bool) -> None:
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
@click.argument("command", metavar="CMD...", nargs=-1, required=True, help="The command and its arguments.")
@home_option
def run(command: tuple[str, ...], home: Path | None) -> None:
    """Run a command whose AWS calls come here.

    Whatever language it is written in: it gets what `clary env` gives, and a proxy that takes every connection to
    *.amazonaws.com. If Clary isn't running, it is started for as long as the command runs.
    """
    from clary.cli.run import carry_out

    sys.exit(carry_out(Config.load(home=home), list(command)))


@app.command(epilog="Examples:\n\n\b\n    clary demo\n    clary demo --quick\n    clary demo --clean")
@home_option
@click.option("--quick", is_flag=True, help="Without Spark: train, deploy and ask, in a few seconds.")
@click.option("--clean", is_flag=True, help="Take away what earlier ones left, and do no more.")
def demo(home: Path | None, *, quick: bool, clean: bool) -> None:
    """From raw data to labels: a Glue job with Spark, a training job, an endpoint of three containers, a batch job.

    The endpoint goes on serving; how to call it is told. Clary is started if it isn't running.
    """
    from clary.cli.demo import carry_out

    sys.exit(carry_out(Config.load(home=home), quick=quick, clean=clean))


@app.command()
@home_option
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--access", is_flag=True, help="The requests, one a line, instead.")
@click.option(
    "--lines",
    "-n",
    metavar="N",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="How many of the last lines.",
)
def logs(home: Path | None, lines: int, *, follow: bool, access: bool) -> None:
    """Print the last lines of Clary's log."""
    from clary.cli.logs import show

    shown = _home(home)
    show(shown.access_log if access else shown.log, lines, follow=follow)


@app.command()
@home_option
@click.option("--port", type=int, hidden=True)
def doctor(home: Path | None, port: int | None) -> None:
    """Say what works on this machine.

    And, for what doesn't, the command that mends it. The exit code is 1 if something needed is broken.
    """
    from clary.cli.doctor import examine

    sys.exit(examine(Config.load(home=home, port=port)))


@app.group(
    cls=InOrder,
    invoke_without_command=True,
    epilog="Examples:\n\n\b\n    clary images\n    clary images pull sagemaker-xgboost:1.7-1",
)
@home_option
@click.pass_context
def images(context: click.Context, home: Path | None) -> None:
    """Say which images there are, and which are pulled.

    A job that needs one that isn't pulled pulls it.
    """
    from clary.cli.images import show

    if context.invoked_subcommand is None:
        show(Config.load(home=home))


references_argument = click.argument(
    "references",
    metavar="IMAGE...",
    nargs=-1,
    required=True,
    help="As `clary images` names them, or a URI.",
)


@images.command("pull")
@references_argument
@home_option
def images_pull(references: tuple[str, ...], home: Path | None) -> None:
    """Make images ready to run."""
    from clary.cli.images import pull

    pull(Config.load(home=home), list(references))


@images.command("rm")
@references_argument
@home_option
def images_rm(references: tuple[str, ...], home: Path | None) -> None:
    """Remove images that are pulled."""
    from clary.cli.images import remove

    remove(Config.load(home=home), list(references))


def _home(given: Path | None) -> Home:
    return Home(Config.load(home=given).home)


def main() -> None:
    try:
        app(prog_name="clary")
    except ClaryError as error:
        say.problem(error.message)
        sys.exit(1)
    except BrokenPipeError:  # `clary logs | head`: the reader has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
