"""Writes the pages of the documentation that are made from the code: settings, commands, problems, metrics.

A page that is written by hand forgets a setting; one that is made from the definitions cannot. The pages
are committed, so that the documentation can be read from the tree without running anything, and a test
compares them with what this script makes. ``make docs`` runs it.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click
from prometheus_client.metrics_core import Metric

from upgraph.cli.graph_builder import command as graph_builder
from upgraph.cli.main import upgraph
from upgraph.cli.metadata_helper import command as metadata_helper
from upgraph.cli.policy_engine import command as policy_engine
from upgraph.errors import Problem
from upgraph.errors.problems import every_problem
from upgraph.graph import pattern, version
from upgraph.graphdata import address, directory, files, git, image, layer, tarball, tree
from upgraph.oci import (
    anchors,
    archive_index,
    auth_file,
    connections,
    credential_helper,
    downloads,
    image_directory,
    image_source,
    layout_index,
    listing,
    manifest,
    mirror_files,
    retry,
    storage,
    tls_examination,
    transport,
)
from upgraph.payload import metadata, probe, reader
from upgraph.service import configuration, signature_names
from upgraph.service.answering import clients, conditional, negotiation, query, requests, server
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.metrics import (
    GraphBuilderMetrics,
    GraphMetrics,
    MetadataHelperMetrics,
    PolicyEngineMetrics,
    TrafficMetrics,
    new_registry,
)
from upgraph.service.building import library, prepare, saved, scrape, upstream
from upgraph.service.bundle import manifest as bundle_manifest
from upgraph.service.bundle import reading as bundle_reading
from upgraph.service.configuration import SETTINGS
from upgraph.service.setting import Setting
from upgraph.service.snapshot import Facts
from upgraph.syntax import yaml

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
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
"""
_COMMANDS = """
This is what `--help` of each command prints. All settings of the service are explained in [Configuration](configuration.md).
"""
_CAPS = """
Every read from outside has a size and a time, and what would exceed them is refused and reported. The numbers come from the code and
cannot be configured. What does not stand here has no limit of its own.
"""
_LIMITS: tuple[tuple[str, tuple[tuple[str, float, str], ...]], ...] = (
    (
        "Clients",
        (
            (
                "connections at a time for each listener, if the limit of open files allows",
                clients.Limits().connections,
                "",
            ),
            ("connections that wait to be accepted", server.BACKLOG, ""),
            ("request line and headers", clients.Limits().header_bytes, "bytes"),
            (
                "time for the header of a request, also between two requests",
                clients.Limits().header_seconds,
                "s",
            ),
            ("lines of a header", requests.MAX_HEADER_LINES, ""),
            ("body of a request, which is passed over", requests.MAX_BODY_BYTES, "bytes"),
            ("requests sent in one piece before an answer", requests.MAX_AT_ONCE, ""),
            ("time for which an answer may be left unread", clients.UNREAD_SECONDS, "s"),
            ("query", query.MAX_QUERY_LENGTH, "characters"),
            ("signature", signature_names.MAX_SIGNATURE_BYTES, "bytes"),
            (
                "`Accept` and `Accept-Encoding`; longer ones count as none",
                negotiation.MAX_FIELD_LENGTH,
                "characters",
            ),
            ("time for which an answer may be kept by caches", conditional.MAX_AGE, "s"),
            ("time for answers in flight when the service stops", server.STOP_GRACE, "s"),
        ),
    ),
    (
        "Registries and layouts",
        (
            ("tags of a repository", image_source.MAX_TAGS, ""),
            ("page of tags", listing.MAX_PAGE_BYTES, "bytes"),
            ("manifest", manifest.MAX_MANIFEST_BYTES, "bytes"),
            ("layers of an image", manifest.MAX_LAYERS, ""),
            ("images of an index", manifest.MAX_INDEX_ENTRIES, ""),
            ("`index.json` of a layout", layout_index.MAX_INDEX_BYTES, "bytes"),
            ("members of an archive", archive_index.MAX_MEMBERS, ""),
            ("subdirectories of a directory of images", image_directory.MAX_IMAGES, ""),
            ("files of images in a directory of images", image_directory.MAX_FILES, ""),
            ("time for listing an archive or a directory of images", image_directory.LISTING_SECONDS, "s"),
            ("time for one read from a disk", storage.READ_SECONDS, "s"),
            ("file of mirrors", mirror_files.MAX_FILE_BYTES, "bytes"),
            ("rules of a file of mirrors", mirror_files.MAX_RULES, ""),
            ("time to connect", connections.CONNECT_SECONDS, "s"),
            ("time to the first byte of an answer", transport.ANSWER_SECONDS, "s"),
            ("time without a byte", connections.IDLE_SECONDS, "s"),
            ("time for one manifest or page", transport.DOCUMENT_SECONDS, "s"),
            ("redirects", connections.MAX_REDIRECTS, ""),
            ("attempts at one request", retry.Retry().attempts, ""),
            ("wait that a server may ask for", retry.MAX_RETRY_AFTER_SECONDS, "s"),
            ("failed tags in a row after which a scrape is cut short", scrape.MAX_FAILURES_IN_A_ROW, ""),
            ("auth file", auth_file.MAX_FILE_BYTES, "bytes"),
            ("answer of a credential helper", credential_helper.MAX_OUTPUT_BYTES, "bytes"),
            ("time for a credential helper", credential_helper.HELPER_SECONDS, "s"),
            ("file of certificates", anchors.MAX_FILE_BYTES, "bytes"),
            ("files of a directory of certificates", anchors.MAX_FILES, ""),
            ("time to find out why a certificate is refused", tls_examination.EXAMINATION_SECONDS, "s"),
            ("time for a download that is no image", downloads.DOWNLOAD_SECONDS, "s"),
        ),
    ),
    (
        "Release images",
        (
            (
                "first part of a layer that is read; each further one is twice as large",
                probe.FIRST_BYTES,
                "bytes",
            ),
            ("of an image that shows no sign of being a release", 4 * probe.FIRST_BYTES, "bytes"),
            ("of a layer, as transferred, without `--verify-layers`", probe.MAX_PREFIX_BYTES, "bytes"),
            ("of a layer, unpacked", probe.MAX_INFLATED_BYTES, "bytes"),
            ("release metadata", metadata.MAX_METADATA_BYTES, "bytes"),
            ("versions that a release names as its neighbours", metadata.MAX_NEIGHBOURS, ""),
            ("image configuration", reader.MAX_CONFIG_BYTES, "bytes"),
            ("images that are remembered", library.MAX_IMAGES, ""),
        ),
    ),
    (
        "Graph data",
        (
            ("file", files.MAX_FILE_BYTES, "bytes"),
            ("files of a set", files.MAX_FILES, ""),
            ("set", files.MAX_TOTAL_BYTES, "bytes"),
            ("tarball, unpacked", tarball.MAX_INFLATED_BYTES, "bytes"),
            ("entries of a tarball", tarball.MAX_ENTRIES, ""),
            ("time to read a set", directory.READ_SECONDS, "s"),
            ("tarball at an address", address.MAX_DOWNLOAD_BYTES, "bytes"),
            ("time to fetch it", address.DOWNLOAD_SECONDS, "s"),
            ("layers of an image together, as transferred", image.MAX_IMAGE_BYTES, "bytes"),
            ("layer of an image, unpacked", layer.MAX_INFLATED_BYTES, "bytes"),
            ("entries of a layer", layer.MAX_ENTRIES, ""),
            ("files and directories at the place of the graph data", tree.MAX_NODES, ""),
            ("listing of a commit", git.MAX_LISTING_BYTES, "bytes"),
            ("time to find a revision", git.LOOK_SECONDS, "s"),
            ("time for a command of git that reads a set", git.READ_SECONDS, "s"),
            ("nesting of YAML", yaml.MAX_DEPTH, "levels"),
            ("values of a YAML file, aliases followed", yaml.MAX_NODES, ""),
            ("pattern", pattern.MAX_PATTERN_LENGTH, "characters"),
            ("compiled pattern", pattern.MAX_PROGRAM_BYTES, "bytes"),
            ("version", version.MAX_VERSION_LENGTH, "characters"),
        ),
    ),
    (
        "The service",
        (
            ("configuration file", configuration.MAX_FILE_BYTES, "bytes"),
            ("saved scrape", saved.MAX_BYTES, "bytes"),
            ("releases of a saved scrape", saved.MAX_RELEASES, ""),
            ("manifest of a bundle", bundle_manifest.MAX_BYTES, "bytes"),
            ("files of a bundle", bundle_manifest.MAX_FILES, ""),
            ("graph data in a bundle, compressed", bundle_reading.MAX_GRAPH_DATA_BYTES, "bytes"),
            ("signatures in a bundle", bundle_reading.MAX_SIGNATURES_BYTES, "bytes"),
            ("time to read what is served of a bundle", bundle_reading.READ_SECONDS, "s"),
            ("graph of an upstream server", upstream.MAX_DOCUMENT_BYTES, "bytes"),
            ("time to fetch it", upstream.TIMEOUT_SECONDS, "s"),
            ("findings that are kept of a graph, gravest first", prepare.MAX_FINDINGS, ""),
        ),
    ),
)
_ROOMS = {
    "graph": "Versions, patterns and the building of the graph",
    "graphdata": "Graph data",
    "oci": "Registries and OCI layouts",
    "payload": "Release images",
    "service": "The service and its configuration",
    "doctor": "What `upgraph doctor` looks for beside all others",
}


def pages() -> dict[str, str]:
    """Every generated page: its text by its name in ``docs/reference``."""
    return {
        "caps.md": _page("Caps", _CAPS, _caps()),
        "commands.md": _page("Commands", _COMMANDS, _commands()),
        "configuration.md": _page("Configuration", _CONFIGURATION, _settings(SETTINGS.values())),
        "errors.md": _page("Error references", _ERRORS, _problems(every_problem())),
        "metrics.md": _page("Metrics", _METRICS, _metrics()),
    }


def _page(title: str, introduction: str, parts: Iterable[str]) -> str:
    return "\n\n".join([_NOTE, f"# {title}", introduction.strip(), *parts]) + "\n"


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
    for title, limits in _LIMITS:
        yield f"## {title}"
        yield _table(("what", "at most"), [(what, amount(number, unit)) for what, number, unit in limits])


def amount(number: float, unit: str) -> str:
    """A number with its unit; bytes in the largest unit that needs no fraction."""
    if unit == "bytes":
        for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
            if number >= 1024**power and number % 1024**power == 0:
                return f"{number // 1024**power:,.0f} {name}"
    return f"{number:,g} {unit}".strip() if number < 10_000 else f"{number:,.0f} {unit}".strip()


class _NoGraph:
    facts: Facts | None = None


def _metrics() -> Iterator[str]:
    groups: tuple[tuple[str, Callable[[], Iterable[Metric]]], ...] = (
        ("Clusters", lambda: _collected(PolicyEngineMetrics)),
        ("Building", lambda: _collected(GraphBuilderMetrics)),
        ("The graph in force", _graph_metrics),
        ("Connections", _traffic_metrics),
        ("Signatures (the program metadata-helper)", lambda: _collected(MetadataHelperMetrics)),
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
