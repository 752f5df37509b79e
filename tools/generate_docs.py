"""Writes the pages of the documentation that are made from the code: settings, commands, problems, metrics.

A page that is written by hand forgets a setting; one that is made from the definitions cannot. The pages
are committed, so that the documentation can be read from the tree without running anything, and a test
compares them with what this script makes. ``make docs`` runs it.
"""

import argparse
import importlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click
from prometheus_client.metrics_core import Metric

from tools import resource_reference
from tools.caps import LIMITS
from upgraph.cli.graph_builder import command as graph_builder
from upgraph.cli.main import upgraph
from upgraph.cli.metadata_helper import command as metadata_helper
from upgraph.cli.policy_engine import command as policy_engine
from upgraph.errors import Problem
from upgraph.errors.problems import every_problem
from upgraph.operator.metrics import OperatorMetrics
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.metrics import (
    GraphBuilderMetrics,
    GraphMetrics,
    MetadataHelperMetrics,
    PolicyEngineMetrics,
    TrafficMetrics,
    new_registry,
)
from upgraph.service.configuration import SETTINGS
from upgraph.service.doctor.repairs import documented
from upgraph.service.setting import Setting
from upgraph.service.snapshot import Facts
from upgraph.signing.policy import ROWS, Policy

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
_HELP_COLUMNS = 100
_NOTE = "<!-- Made from the code by tools/generate_docs.py: change the code, then run `make docs`. -->"

# Flags, addresses with their scheme, and patterns of file names.
_LITERAL = re.compile(
    r"(?<![\w-])--[a-z][a-z-]*"
    r"|\b(?:docker(?:\+http)?|oci(?:-archive)?|dir|scrape|https?):\S*?(?:\.\.\.|(?=[.,;]?(?:\s|$)))"
    r"|(?<!\S)\*\.[a-z]+"
)

_CONFIGURATION = """
Every setting can be given as a flag, as an environment variable and in a TOML file. The strongest wins:
**flag**, then **environment variable**, then **file** (of several files a later one), then the default.

- `upgraph config show` takes the same flags as `upgraph serve` and prints what is in force and where each value
  comes from. Passwords in addresses are masked.
- Files are named by `--config FILE`, which can be repeated, or by `UPGRAPH_CONFIG`, separated by colons. Keys are
  the names below. An unknown key is an error and names the closest one.
- Times are written `300`, `300s`, `5m` or `1h30m`; a bare number is seconds.
- Addresses are `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for all addresses of the machine. Port 0 takes a free one.
- Settings that can be given several times take an array in a file, and a list separated by commas or spaces in a
  variable.
- Nothing is contacted by default: a service without `releases` and `graph-data`, or `upstream`, does not start.

```toml
# /etc/upgraph/upgraph.toml
releases = ["docker://registry.example:5000/ocp/release"]
graph-data = "/srv/graph-data"
ca = "/etc/upgraph/registry.pem"
authfile = "/etc/upgraph/auth.json"
listen = ":8081"
status-listen = ":9081"
state-dir = "/var/lib/upgraph"
```
"""
_ERRORS = """
Every fault that Upgraph reports has a reference. It stands in brackets at the end of log lines and of readiness
answers, in the label `reference` of the metric `upgraph_findings`, under `findings` of `/status`, and in the
message of a command. References are stable: alerts may select on them.

The same text comes from `upgraph problem REFERENCE`, on a machine that has no documentation.

| exit code of a command | meaning |
|---|---|
| 0 | done |
| 1 | unexpected: please report it |
| 2 | the request or the configuration is wrong |
| 3 | data is wrong: graph data, a graph, a state file |
| 4 | a peer could not be reached or did not give what it should |
| 5 | something is not what it claims to be: a digest does not match |
| 130 | interrupted |
"""
_METRICS = """
`/metrics` of the status port has all of them, in the text format of Prometheus. The names with `cincinnati_` are
those of the original, so dashboards and alerts go on working; those with `upgraph_` are new. `upgraph serve` has both
groups, because it does the work of both programs; those with `metadata_helper_` are of the program `metadata-helper` alone. Labels are fixed when the service starts: nothing that a client
sends becomes a label, and no cluster id is ever among them. Paths that do not exist are counted under `other`.
[Monitor it](../how-to/monitor.md) has alerts.

Those with `upgraph_operator_` are of `upgraph operator run`, which has them on a status port of its own (`--status-listen`, in the
manifests `:8080`). They count from the start of the process.
"""
_SIGNATURES = """
A signature of a release is one binary OpenPGP message that holds a short JSON text: the digest, and the name under which
the signer knew it. The program gpgv says whether the message is good; a policy says what counts as good.

- `strict` is the default of `upgraph signatures` and of `--require-signatures`.
- `cluster` accepts what the Cluster Version Operator accepts, so it tells whether a cluster will apply a release.

What was signed has to name exactly the digest in question. The name of the image is shown and compared with nothing,
as in clusters: a release that was copied keeps its signature. Of several keyrings every one must have signed, of the
keys in one keyring any; one signature may count for several keyrings.
"""
_COMMANDS = """
This is what `--help` of each command prints. All settings of the service are explained in [Configuration](configuration.md).
"""
_CAPS = """
Every read from outside has a size and a time, and what would exceed them is refused and reported. The numbers come from the code and
cannot be configured. What does not stand here has no limit of its own.
"""
_ROOMS = {
    "graph": "Versions, patterns and the building of the graph",
    "graphdata": "Graph data",
    "checking": "What `upgraph graph-data` looks for beside all others",
    "oci": "Registries and OCI layouts",
    "credentials": "Logging in, pull secrets and giving an authority to a cluster",
    "kube": "Clusters",
    "payload": "Release images",
    "signing": "Signatures",
    "service": "The service and its configuration",
    "doctor": "What `upgraph doctor` looks for beside all others",
    "cosign": "Signatures of cosign",
    "operator": "UpdateServices that are asked for",
    "reconcile": "UpdateServices on their way to a running service",
}


def pages() -> dict[str, str]:
    """Every generated page: its text by its name in ``docs/reference``."""
    return {
        "caps.md": _page("Caps", _CAPS, _caps()),
        "commands.md": _page("Commands", _COMMANDS, _commands()),
        "configuration.md": _page("Configuration", _CONFIGURATION, _settings(SETTINGS.values())),
        "errors.md": _page("Error references", _ERRORS, _problems(every_problem())),
        "faults.md": _faults(),
        "metrics.md": _page("Metrics", _METRICS, _metrics()),
        "updateservice.md": _page(
            "The UpdateService resource", resource_reference.INTRODUCTION, resource_reference.parts()
        ),
        "signatures.md": _page("Which signatures are accepted", _SIGNATURES, _policies()),
    }


def _page(title: str, introduction: str, parts: Iterable[str]) -> str:
    return "\n\n".join([_NOTE, f"# {title}", introduction.strip(), *parts]) + "\n"


def _faults() -> str:
    # Run as a script, this file does not see the tests beside it.
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    page = importlib.import_module("tools.fault_page")
    return _page("Faults", page.INTRODUCTION, page.sections())


def as_markdown(text: str) -> str:
    """Text of the code as Markdown: what is typed on a terminal becomes code."""
    pieces = text.split("`")
    pieces[::2] = [_LITERAL.sub(r"`\g<0>`", piece) for piece in pieces[::2]]
    return "`".join(pieces)


def _settings(settings: Iterable[Setting]) -> Iterator[str]:
    for one in settings:
        yield f"## {one.name}"
        yield as_markdown(one.help)
        yield _table(
            ("flag", "variable", "default"),
            [(f"`{_flag(one)}`", f"`{one.environment}`", _default(one))],
        )


def _flag(one: Setting) -> str:
    if one.is_switch:
        return f"--{one.name} / --no-{one.name}"
    value = "|".join(one.choices) or one.metavar
    # A bar would end the cell of the table.
    return f"--{one.name} {value}".replace("|", " or ")


def _default(one: Setting) -> str:
    shown = one.show(one.default)
    return f"`{shown}`" if shown else "none"


def _problems(rooms: Mapping[str, tuple[Problem, ...]]) -> Iterator[str]:
    for room, problems in rooms.items():
        yield f"## {_ROOMS[room]}"
        for problem in problems:
            yield f"### {problem.reference}"
            yield f"**{problem.title.rstrip('.')}.** {as_markdown(problem.why)}"
            yield f"*What to do:* {as_markdown(problem.remedy)}"
            commands = documented(problem.reference)
            if commands.repair:
                yield "\n".join(["```shell", *commands.repair, "```"])
            if commands.verify:
                yield "\n".join(["To check it:", "", "```shell", *commands.verify, "```"])


def _commands() -> Iterator[str]:
    for name, command in (
        ("upgraph", upgraph),
        ("graph-builder", graph_builder),
        ("policy-engine", policy_engine),
        ("metadata-helper", metadata_helper),
    ):
        yield from _command(command, name, None)


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        # The width is fixed: pages must not depend on the terminal of whoever makes them.
        terminal_width=_HELP_COLUMNS,
        max_content_width=_HELP_COLUMNS,
        help_option_names=command.context_settings.get("help_option_names"),
    )
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    yield f"## {context.command_path}"
    yield "\n".join(["```text", *lines, "```"])
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _command(found, inner, context)


def _caps() -> Iterator[str]:
    for title, limits in LIMITS:
        yield f"## {title}"
        yield _table(("what", "at most"), [(what, amount(number, unit)) for what, number, unit in limits])


def amount(number: float, unit: str) -> str:
    """A number with its unit; bytes in the largest unit that needs no fraction."""
    if unit == "bytes":
        for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
            if number >= 1024**power and number % 1024**power == 0:
                return f"{number // 1024**power:,.0f} {name}"
    return f"{number:,g} {unit}".strip() if number < 10_000 else f"{number:,.0f} {unit}".strip()


def _policies() -> Iterator[str]:
    marks = {True: "accepted", False: "refused"}
    rows = [(row.case, *(marks[one in row.accepted_by] for one in Policy), row.note) for row in ROWS]
    yield _table(("a signature", *(f"`{one}`" for one in Policy), ""), rows)


class _NoGraph:
    facts: Facts | None = None


def _metrics() -> Iterator[str]:
    groups: tuple[tuple[str, Callable[[], Iterable[Metric]]], ...] = (
        ("Clusters", lambda: _collected(PolicyEngineMetrics)),
        ("Building", lambda: _collected(GraphBuilderMetrics)),
        ("The graph in force", _graph_metrics),
        ("Connections", _traffic_metrics),
        ("Signatures (the program metadata-helper)", lambda: _collected(MetadataHelperMetrics)),
        ("The operator", _operator_metrics),
    )
    for title, families in groups:
        yield f"## {title}"
        rows = [(f"`{_name(one)}`", one.type, _labels(one), one.documentation) for one in families()]
        yield _table(("name", "type", "labels", "meaning"), rows)


def _collected(
    kind: type[PolicyEngineMetrics] | type[GraphBuilderMetrics] | type[MetadataHelperMetrics],
) -> list[Metric]:
    registry = new_registry()
    face = kind(registry, "")
    # A family shows its labels only once it has a value.
    face.route("")
    face.refused(400, "")
    return list(registry.collect())


def _graph_metrics() -> Iterable[Metric]:
    return GraphMetrics(new_registry(), _NoGraph(), lambda: 0.0).describe()


def _traffic_metrics() -> Iterable[Metric]:
    registry = new_registry()
    TrafficMetrics(registry, {"clients": Traffic()})
    return registry.collect()


def _operator_metrics() -> Iterable[Metric]:
    metrics = OperatorMetrics()
    # A family shows its labels only once it has a value.
    metrics.failed("")
    return metrics.registry.collect()


def _name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: Metric) -> str:
    declared = getattr(metric, "_labelnames", ())
    seen = sorted({label for sample in metric.samples for label in sample.labels if label != "le"})
    return ", ".join(f"`{label}`" for label in declared or seen)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which are out of date; gives the exit code."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    is_check = parser.parse_args(arguments).check
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not is_check:
            path.write_text(text)
    if is_check and stale:
        print(f"out of date, run `make docs`: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
