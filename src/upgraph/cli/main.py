"""The ``upgraph`` command and what all commands share: how errors are shown and what exit codes mean."""

import gc
import importlib
import sys
from collections.abc import Sequence

import click

from upgraph import __version__
from upgraph.cli.failure import report

_COMMANDS = {
    "bundle": "upgraph.cli.bundle:bundle",
    "config": "upgraph.cli.config:config",
    "demo": "upgraph.cli.demo:demo",
    "doctor": "upgraph.cli.doctor:doctor",
    "completion": "upgraph.cli.completion:completion",
    "graph": "upgraph.cli.graph:graph",
    "image": "upgraph.cli.image:image",
    "graph-data": "upgraph.cli.graph_data:graph_data",
    "problem": "upgraph.cli.problem:problem",
    "operator": "upgraph.cli.operator:operator",
    "pull-secret": "upgraph.cli.pull_secret:pull_secret",
    "registry": "upgraph.cli.registry:registry",
    "release": "upgraph.cli.release:release",
    "scrape": "upgraph.cli.scrape:scrape",
    "serve": "upgraph.cli.serve:serve",
    "signatures": "upgraph.cli.signatures:signatures",
    "status": "upgraph.cli.status:status",
    "trust": "upgraph.cli.trust:trust",
    "updateservice": "upgraph.cli.updateservice:updateservice",
}


class _Commands(click.Group):
    """Commands that are imported when they are called: help and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click asks for it
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 unexpected, 2 wrong request or configuration, 3 wrong data, 4 a peer failed,"
    " 5 something is not what it claims to be, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", prog_name="upgraph")
def upgraph() -> None:
    """Updates for fleets of OpenShift, OKD and Kubernetes clusters where there is no internet."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with the exit code that fits."""
    # Graph data is hundreds of thousands of small objects that stay: looking through them again and again for what may go
    # took a tenth of the time of a command.
    gc.set_threshold(20_000, 20, 20)
    sys.exit(run(upgraph, arguments))


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command; every error is shown the same way, and users never see a stack trace for their own."""
    try:
        outcome = command.main(args=arguments, standalone_mode=False)
    except Exception as error:  # noqa: BLE001  # the one place where all errors end
        return report(error)
    except KeyboardInterrupt:
        return 130
    return outcome if isinstance(outcome, int) else 0
