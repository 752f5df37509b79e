"""``upgraph status``: the report of a running service in a terminal, and as an exit code."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec
import pytest
import yaml

from tests.commands.conftest import Command
from upgraph.cli.status_fetching import address_of
from upgraph.errors.problems.oci import UNTRUSTED
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.health import Scrape, Unready
from upgraph.service.answering.message import App, Request, Response, text_response
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.status import StatusPort
from upgraph.service.answering.tls import Certificate
from upgraph.service.snapshot import Facts, FindingFact, Snapshot
from upgraph.service.source_report import Reading, SourceFault, SourceKind, SourceReport

NOW = 1_790_000_000.0
FACTS = Facts(
    digest="ab" * 32,
    releases_digest="cd" * 32,
    graph_data_digest="sha256:" + "ef" * 32,
    releases=12,
    nodes=13,
    nodes_by_arch={"amd64": 13},
    edges_by_arch={"amd64": 20},
    conditional_edges_by_arch={"amd64": 2},
    channels={"stable-4.9": {"amd64": 12}},
    findings=tuple(FindingFact("error", "oci-manifest", f"bad {at}\x1b[2J", f"tag-{at}") for at in range(5)),
    refreshed_at=NOW - 3700,
)
SOURCE = SourceReport(
    kind=SourceKind.RELEASES,
    name="docker://registry.example/ocp/release",
    last_good=Reading(at=NOW - 3700, digest="sha256:0123", counts={"releases": 12}),
    fault=SourceFault(reference="registry-untrusted", seen="not accepted", since=NOW - 60),
)


@dataclass
class Held:
    """What the service holds."""

    facts: Facts | None = FACTS
    held: Snapshot | None = None
    last_scrape: Scrape | None = None
    failure: Unready | None = None
    sources: tuple[SourceReport, ...] = (SOURCE,)
    certificates: list[Certificate] = field(default_factory=list)
    traffic: dict[str, Traffic] = field(default_factory=lambda: {"clients": Traffic(open=3)})


@dataclass
class Elsewhere:
    """Another server than was meant."""

    text: str = "hello"
    status: HTTPStatus = HTTPStatus.OK

    def respond(self, request: Request) -> Response:
        return text_response(self.status, self.text)


@contextmanager
def listening(app: App) -> Iterator[str]:
    """An app in a loop of its own, since commands run one themselves."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    bound: list[Bound] = []

    def started(places: tuple[Bound, ...]) -> None:
        bound.extend(places)
        is_up.set()

    is_up = threading.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve([Listener("127.0.0.1", 0, app)], stop, started))
    )
    thread.start()
    try:
        assert is_up.wait(180)
        yield str(bound[0])
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture
def service() -> Iterator[Callable[..., str]]:
    """Starts a status port; gives its address."""
    with ExitStack() as stack:

        def start(held: Held | None = None, max_stale: float | None = None) -> str:
            port = StatusPort(held or Held(), lambda: b"", lambda: NOW, max_stale=max_stale)
            return stack.enter_context(listening(port))

        yield start


@pytest.mark.parametrize(
    "form",
    ["{}", "http://{}", "http://{}/", "{}/status", "http://{}/status/", "{}/readyz", "http://{}/metrics"],
)
def test_any_way_to_name_the_port_will_do(command: Command, service: Callable[..., str], form: str) -> None:
    done = command("upgraph", "status", form.format(service()))
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "ready: 12 releases in 1 channels, but there was no good reading of releases for 1m",
    )


def test_where_all_is_well_the_age_is_told(command: Command, service: Callable[..., str]) -> None:
    well = msgspec.structs.replace(SOURCE, fault=None)
    done = command("upgraph", "status", service(Held(sources=(well,))))
    assert done.out.splitlines()[0].endswith(", and all sources were last read 1h1m ago")


def test_the_source_that_fails_for_longest_tells_for_how_long(
    command: Command, service: Callable[..., str]
) -> None:
    refused = SourceFault(reference="graph-data-version", seen="refused", since=NOW - 7200)
    data = SourceReport(kind=SourceKind.GRAPH_DATA, name="/srv/graph-data", fault=refused)
    done = command("upgraph", "status", service(Held(sources=(SOURCE, data))))
    assert "but there was no good reading of graph-data, releases for 2h" in done.out.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("updates.example", "http://updates.example:9081/status"),
        (":9081", "http://127.0.0.1:9081/status"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234/status"),
        ("[::]:1234", "http://127.0.0.1:1234/status"),
        ("[2001:db8::1]", "http://[2001:db8::1]:9081/status"),
        ("https://updates.example/", "https://updates.example/status"),
        ("http://updates.example:80/livez", "http://updates.example:80/status"),
    ],
)
def test_what_names_a_status_port_is_understood(text: str, address: str) -> None:
    assert address_of(text) == address


def test_what_is_wrong_is_told_with_its_remedy(command: Command, service: Callable[..., str]) -> None:
    done = command("upgraph", "status", service())
    assert "seen:           docker://registry.example/ocp/release: not accepted" in done.out
    assert "reference:      registry-untrusted" in done.out
    assert "and 2 more, with -o wide" in done.out
    assert "stable-4.9" in done.out


def test_nothing_from_outside_moves_the_cursor(command: Command, service: Callable[..., str]) -> None:
    done = command("upgraph", "status", service(), "-o", "wide")
    assert "\x1b" not in done.out
    assert "tag-4: bad 4\\x1b[2J" in done.out


@pytest.mark.parametrize("others", [(), ("127.0.0.1:9",)], ids=["alone", "beside another"])
def test_no_field_of_a_report_moves_the_cursor(
    command: Command, service: Callable[..., str], others: tuple[str, ...]
) -> None:
    wild = "\x1b]0;x"
    finding = FindingFact("error", wild, "seen", "place")
    facts = msgspec.structs.replace(
        FACTS, digest=wild, channels={wild: {wild: 1}}, nodes_by_arch={wild: 1}, findings=(finding,)
    )
    done = command("upgraph", "status", service(Held(facts=facts)), *others)
    assert "x1b]0;x" in done.out
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_get_the_document(command: Command, service: Callable[..., str], form: str) -> None:
    done = command("upgraph", "status", service(), "-o", form)
    document = yaml.safe_load(done.out)
    assert document["sources"][0]["fault"]["reference"] == "registry-untrusted"
    assert document["connections"]["clients"]["open"] == 3


@pytest.mark.parametrize(
    ("held", "max_stale", "reference"),
    [(Held(facts=None), None, "graph-not-ready"), (Held(), 60.0, "graph-stale")],
    ids=["no graph", "too old"],
)
def test_a_service_that_is_not_ready_gives_3(
    command: Command, service: Callable[..., str], held: Held, max_stale: float | None, reference: str
) -> None:
    done = command("upgraph", "status", service(held, max_stale))
    assert done.code == 3
    assert done.out.startswith("not ready: ")
    assert f"reference:      {reference}" in done.out


def test_what_keeps_the_first_graph_away_is_told_once(command: Command, service: Callable[..., str]) -> None:
    held = Held(facts=None, failure=Unready(UNTRUSTED, "docker://registry.example/ocp/release: not accepted"))
    done = command("upgraph", "status", service(held))
    assert done.out.count("reference:      registry-untrusted") == 1


def test_nobody_there_gives_4(command: Command) -> None:
    done = command("upgraph", "status", "127.0.0.1:9")
    assert done.code == 4
    assert "reference:      status-unavailable" in done.err


@pytest.mark.parametrize("text", ["exa..mple:1", f"{'a' * 70}:1"])
def test_a_name_that_no_host_can_have_gives_4(command: Command, text: str) -> None:
    done = command("upgraph", "status", text)
    assert (done.code, "reference:      status-unavailable" in done.err) == (4, True)


def test_a_server_that_answers_with_nonsense_hides_no_other(
    command: Command, service: Callable[..., str]
) -> None:
    nested = '{"ready": true, "other": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with listening(Elsewhere(nested)) as address:
        done = command("upgraph", "status", service(), address)
    assert done.code == 4
    assert "did not give a report of Upgraph" in done.out
    assert "ab" * 6 in done.out


@pytest.mark.parametrize(
    ("elsewhere", "seen"),
    [
        (Elsewhere("<html>hello"), "did not give a report of Upgraph, but '<html>hello'"),
        (Elsewhere('{"ready": true}'), "did not give a report of Upgraph, but '{\"ready\": true}'"),
        (Elsewhere("x" * 9999), "did not give a report of Upgraph, but 'xxx"),
        (Elsewhere(""), "gave an empty answer"),
        (Elsewhere("", HTTPStatus.NOT_FOUND), "answered with the status 404, so it is no status port"),
    ],
    ids=["page", "other JSON", "long", "empty", "404"],
)
def test_another_server_gives_4_and_says_which_port_is_meant(
    command: Command, elsewhere: Elsewhere, seen: str
) -> None:
    with listening(elsewhere) as address:
        done = command("upgraph", "status", address)
    assert (done.code, "--status-listen" in done.err, seen in done.err) == (4, True, True)
    assert len(done.err) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a",
        "http://a/graph",
        "a b",
        "",
        ":",
        "a:99999",
        "http://",
        "a:b",
        "[::",
        "xn--a.b:1",
        "[:::::]:9",
    ],
)
def test_what_is_no_port_is_refused(command: Command, text: str) -> None:
    done = command("upgraph", "status", text)
    assert (done.code, "reference:      status-address" in done.err) == (2, True)


def test_the_address_that_clusters_ask_is_told_from_a_status_port(command: Command) -> None:
    done = command("upgraph", "status", "http://updates.example/api/upgrades_info/graph")
    assert "clusters ask there, on another port" in done.err
