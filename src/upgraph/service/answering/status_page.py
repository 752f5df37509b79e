"""The status as a page for people: one document, without scripts and without anything that it loads.

It follows the questions of whoever opens it: is it ready, how old is the graph, what is wrong and how is it
mended, what did the sources give, what do clusters get. Whatever comes from outside is escaped, and the policy
that is sent with the page forbids everything but its own style, so a hostile tag name stays text.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from upgraph.service.answering.spans import listed, short, span
from upgraph.service.answering.status_report import GraphReport, Report, freshness
from upgraph.service.answering.troubles import Trouble, troubles
from upgraph.service.source_report import SourceReport

HTML = "text/html"
SHOWN_AT_ONCE = 3
"""What was seen of one problem and is shown without a click."""
CHANNELS_AT_ONCE = 20
"""Channels that are shown without a click."""

_STYLE = """
:root { color-scheme: light dark; --line: #d7dce2; --soft: #5b6673; --card: #f6f8fa;
  --ok: #1a7f37; --warning: #9a6700; --error: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --line: #333b45; --soft: #9aa5b1; --card: #161b22;
  --ok: #3fb950; --warning: #d29922; --error: #f85149; } body { background: #0d1117; color: #e6edf3; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 72rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
header { border-left: .5rem solid var(--state); padding: .25rem 0 .25rem 1rem; }
header p { margin: .25rem 0 0; color: var(--soft); }
.ok { --state: var(--ok); } .warning { --state: var(--warning); } .error { --state: var(--error); }
.info { --state: var(--soft); } .word { color: var(--state); font-weight: 600; }
article { border: 1px solid var(--line); border-left: .3rem solid var(--state); border-radius: .3rem;
  background: var(--card); padding: .75rem 1rem; margin: .75rem 0; }
article h3 { font-size: 1rem; margin: 0; } article p { margin: .4rem 0; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
ul { margin: .4rem 0; padding-left: 1.25rem; } details { margin: .4rem 0; } summary { cursor: pointer; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; } .number { text-align: right; }
td.name { overflow-wrap: anywhere; min-width: 12rem; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .875rem; }
"""
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
PAGE_HEADERS = (
    (
        "content-security-policy",
        _POLICY,
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)
"""What browsers are told about the page."""


def page(report: Report) -> bytes:
    """The page of a report, as UTF-8."""
    parts = (
        _head(report),
        _troubles(troubles(report)),
        *_sources(report),
        *(_graph(report.graph) if report.graph else ()),
        *_certificates(report),
        *_connections(report),
        _foot(report),
    )
    return "".join(parts).encode()


def _head(report: Report) -> str:
    state, title = ("ok", "Ready") if report.ready else ("error", "Not ready")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - Upgraph</title><style>{_STYLE}</style></head><body>\n"
        f'<header class="{state}"><h1><span class="word">{title}</span></h1>'
        f"<p>{escape(_summary(report))}</p></header>\n"
    )


def _summary(report: Report) -> str:
    graph = report.graph
    if graph is None:
        return "There is no update graph yet. Clusters that ask get 503 and keep what they know."
    return (
        f"Clusters are served a graph of {graph.releases:,} releases in {len(graph.channels):,} channels, "
        f"{freshness(report)}."
    )


def _troubles(found: Sequence[Trouble]) -> str:
    if not found:
        return "<h2>What is wrong</h2>\n<p>Nothing. All inputs are used as they are.</p>\n"
    return "<h2>What is wrong, and how to mend it</h2>\n" + "".join(map(_trouble, found))


def _trouble(one: Trouble) -> str:
    more = f" ({one.count:,} times)" if one.count > 1 else ""
    title = escape(one.title.rstrip("."))
    return (
        f'<article class="{escape(one.severity)}"><h3><span class="word">{escape(one.severity)}</span> {title}{more}</h3>'
        f"{_seen(one)}"
        f"<p><b>Why it matters:</b> {escape(one.why)}</p><p><b>What to do:</b> {escape(one.remedy)}</p>"
        f"<p><b>Reference:</b> <code>{escape(one.reference)}</code></p></article>\n"
    )


def _seen(one: Trouble) -> str:
    first, rest = one.seen[:SHOWN_AT_ONCE], one.seen[SHOWN_AT_ONCE:]
    shown = _items(first)
    if rest:
        shown += f"<details><summary>{len(rest):,} more</summary>{_items(rest)}</details>"
    return shown


def _items(lines: Iterable[str]) -> str:
    items = "".join(f"<li><code>{escape(line)}</code></li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _sources(report: Report) -> Iterator[str]:
    if not report.sources:
        return
    head = ("Source", "State", "Last good reading", "Holds", "Left out", "Digest")
    rows = (_source(one, report.time) for one in report.sources)
    yield f"<h2>Sources</h2>\n{_table(head, rows)}"


def _source(one: SourceReport, now: float) -> Sequence[str]:
    last = one.last_good
    name = f"{escape(one.kind)}<br><code>{escape(one.name)}</code>"
    if one.fault is not None:
        state = (
            f'<span class="error"><span class="word">failing</span></span> for {span(now - one.fault.since)}'
        )
        state += f"<br><code>{escape(one.fault.reference)}</code>"
    else:
        state = '<span class="ok"><span class="word">good</span></span>' if last else "not read yet"
    if last is None:
        return (name, state, "none", "", str(one.left_out), "")
    digest = f"<code>{escape(short(last.digest))}</code>"
    return (name, state, f"{span(now - last.at)} ago", escape(listed(last.counts)), str(one.left_out), digest)


def _graph(graph: GraphReport) -> Iterator[str]:
    yield (
        "<h2>Graph</h2>\n<ul>"
        f"<li>graph <code>{escape(graph.digest)}</code></li>"
        f"<li>made of the releases <code>{escape(graph.releases_digest)}</code></li>"
        f"<li>and the graph data <code>{escape(graph.graph_data_digest)}</code></li>{_promoted(graph)}</ul>\n"
    )
    arches = tuple(graph.nodes_by_arch)
    yield _table(
        ("Architecture", "Nodes", "Updates", "Updates with risks", "Withheld"),
        (
            (
                escape(arch),
                f"{graph.nodes_by_arch[arch]:,}",
                f"{graph.edges_by_arch.get(arch, 0):,}",
                f"{graph.conditional_edges_by_arch.get(arch, 0):,}",
                f"{graph.withheld_by_arch.get(arch, 0):,}",
            )
            for arch in arches
        ),
    )
    if graph.channels:
        # Those of the public graph data are hundreds, which would hide what follows.
        is_open = " open" if len(graph.channels) <= CHANNELS_AT_ONCE else ""
        known = sorted({arch for counts in graph.channels.values() for arch in counts})
        rows = (
            (escape(channel), *(f"{counts.get(arch, 0):,}" for arch in known))
            for channel, counts in sorted(graph.channels.items())
        )
        table = _table(("Channel", *map(escape, known)), rows)
        yield "<h2>Channels: releases that clusters get</h2>\n"
        yield f"<details{is_open}><summary>{len(graph.channels):,} channels</summary>\n{table}</details>\n"


def _promoted(graph: GraphReport) -> str:
    if not graph.promoted_digest:
        return ""
    withheld = sum(graph.withheld_by_arch.values())
    return (
        f"<li>restricted to the promoted versions <code>{escape(graph.promoted_digest)}</code>, which withholds"
        f" {withheld:,} updates</li>"
    )


def _certificates(report: Report) -> Iterator[str]:
    if report.certificates:
        rows = (
            (
                f"<code>{escape(one.file)}</code>",
                escape(one.subject),
                escape(", ".join(one.names)),
                f"{escape(one.not_before)}<br>{escape(one.not_after)}",
            )
            for one in report.certificates
        )
        yield f"<h2>Certificates</h2>\n{_table(('File', 'Subject', 'Names', 'Valid'), rows)}"


def _connections(report: Report) -> Iterator[str]:
    if report.connections:
        head = ("Listener", "Open", "Accepted", "Turned away", "Made room", "Failed handshakes", "Timed out")
        rows = (
            (
                escape(name.replace("_", " ")),
                *(
                    f"{number:,}"
                    for number in (
                        one.open,
                        one.accepted,
                        one.turned_away,
                        one.made_room,
                        one.failed_handshakes,
                        one.timed_out,
                    )
                ),
            )
            for name, one in report.connections.items()
        )
        yield f"<h2>Connections since the start</h2>\n{_table(head, rows)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="name">{cell}</td>' if not at else f"<td>{cell}</td>" for at, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>\n{body}</tbody></table></div>\n'


def _foot(report: Report) -> str:
    return (
        f"<footer>Upgraph {escape(report.version)}. The same for programs: <code>curl .../status</code>; in a terminal: "
        "<code>upgraph status HOST:PORT</code>; to try every step towards the sources, where the service runs: "
        "<code>upgraph doctor</code>; about a reference: <code>upgraph problem REFERENCE</code>. "
        'Also here: <a href="/metrics">metrics</a>, <a href="/readyz">readiness</a>.</footer></body></html>\n'
    )
