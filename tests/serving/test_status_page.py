"""The page for people: the status in the order of their questions, with nothing that runs or is loaded."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from upgraph.service.answering.edge import InForce
from upgraph.service.answering.spans import span
from upgraph.service.answering.status_page import page
from upgraph.service.answering.status_report import Report
from upgraph.service.answering.tls import Certificate
from upgraph.service.source_report import FindingCount, Reading, SourceFault, SourceKind, SourceReport
from upgraph.testing.certificates import make_authority, make_certificates
from upgraph.testing.http_client import HttpClient

HOSTILE = "<script>alert('x')</script>\"&"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DOWN = SourceReport(
    kind=SourceKind.RELEASES,
    name="docker://registry.example/ocp/release",
    last_good=Reading(at=1_789_990_000.0, digest="sha256:abcdef0123456789", counts={"releases": 12}),
    fault=SourceFault(reference="registry-untrusted", seen="not accepted", since=1_789_999_000.0),
    left_out=1,
)


async def seen(probe: HttpClient) -> Report:
    return msgspec.json.decode((await probe.get("/status")).body, type=Report)


async def shown(probe: HttpClient, path: str = "/") -> str:
    return (await probe.get(path, ("Accept", BROWSER))).body.decode()


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/", None, "text/html"),
        ("/", "application/json", "text/html"),
        ("/status", BROWSER, "text/html"),
        ("/status", None, "application/json"),
        ("/status", "*/*", "application/json"),
        ("/status", "text/html;q=0.1, application/json", "application/json"),
        ("/status", "image/png", "application/json"),
    ],
)
async def test_browsers_get_the_page_and_programs_the_document(
    probe: HttpClient, path: str, accept: str | None, kind: str
) -> None:
    answer = await probe.get(path, *([("Accept", accept)] if accept else []))
    assert (answer.status, answer.header("content-type"), answer.header("vary")) == (200, kind, "accept")


async def test_the_page_may_load_and_run_nothing(probe: HttpClient) -> None:
    answer = await probe.get("/")
    policy = answer.header("content-security-policy") or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.header("cache-control") == "no-store"
    assert re.findall(rb"<script|<img|<link|<iframe| src=| on[a-z]+=|url\(", answer.body) == []


async def test_names_from_outside_stay_text(probe: HttpClient, reported: Any) -> None:
    fault = SourceFault(reference=HOSTILE, seen=HOSTILE, since=1.0)
    reported.sources = (SourceReport(kind=SourceKind.RELEASES, name=HOSTILE, fault=fault),)
    text = await shown(probe)
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;" in text


async def test_what_is_wrong_comes_with_its_remedy_before_the_sources(
    probe: HttpClient, reported: Any
) -> None:
    reported.sources = (DOWN,)
    text = await shown(probe)
    order = ("Ready", "The certificate of a server is not trusted", "with --ca", "Sources", "Channels")
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "12 releases" in text


async def test_without_a_graph_the_page_says_what_to_do(probe: HttpClient, in_force: InForce) -> None:
    in_force.snapshot = None
    text = await shown(probe)
    assert "Not ready" in text
    assert "Wait for the first scrape to end" in text


async def test_the_document_holds_sources_channels_and_what_each_reference_means(
    probe: HttpClient, reported: Any
) -> None:
    reported.sources = (DOWN,)
    report = await seen(probe)
    assert report.sources == (DOWN,)
    assert report.graph is not None
    assert report.graph.channels == {"stable-4.9": {"amd64": 4, "arm64": 4, "multi": 4}}
    assert (report.graph.releases_digest, report.graph.graph_data_digest) == ("releases", "data")
    assert set(report.problems) == {"label-unknown", "registry-untrusted"}


async def test_what_is_left_out_of_a_source_is_told_by_problem_with_its_meaning(
    probe: HttpClient, reported: Any
) -> None:
    counts = (FindingCount("signature-missing", "error", 2),)
    reported.sources = (SourceReport(kind=SourceKind.RELEASES, name="oci:a", left_out=2, findings=counts),)
    report = await seen(probe)
    assert report.sources[0].findings == counts
    assert "upgraph signatures fetch" in report.problems["signature-missing"].remedy


async def test_what_is_withheld_is_told_with_the_identity_of_the_lists(
    probe: HttpClient, reported: Any
) -> None:
    assert "promoted" not in await shown(probe)
    reported.held.facts = msgspec.structs.replace(
        reported.facts, promoted="5eed", withheld_by_arch={"amd64": 1200, "arm64": 3}
    )
    report = await seen(probe)
    assert report.graph is not None
    assert (report.graph.promoted_digest, report.graph.withheld_by_arch["amd64"]) == ("5eed", 1200)
    text = await shown(probe)
    assert "<code>5eed</code>, which withholds 1,203 updates" in text
    assert "<td>1,200</td>" in text
    metrics = (await probe.get("/metrics")).body
    assert b'upgraph_graph_withheld_edges{arch="amd64"} 1200.0' in metrics


async def test_the_certificate_of_the_service_and_its_end_are_told(
    probe: HttpClient, reported: Any, clock: Any, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path, names="DNS:updates.example")
    reported.certificates = [Certificate(made.certificate, made.key)]
    (certificate,) = (await seen(probe)).certificates
    assert (certificate.subject, certificate.names) == ("CN=upgraph test", ("DNS:updates.example",))
    assert certificate.fault is None
    clock.now += 3650 * 86_400
    (certificate,) = (await seen(probe)).certificates
    assert certificate.fault is not None
    assert certificate.fault.reference == "certificate-ending"


async def test_a_replacement_that_cannot_be_used_is_told(
    probe: HttpClient, reported: Any, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    certificate = Certificate(made.certificate, made.key)
    made.key.write_text(make_authority(tmp_path).key.read_text())
    for _ in range(2):
        certificate.look()
    reported.certificates = [certificate]
    (told,) = (await seen(probe)).certificates
    assert told.fault is not None
    assert told.fault.reference == "certificate-unusable"
    assert "is not the one of the first certificate" in await shown(probe)


async def test_a_thousand_findings_of_a_kind_are_one_trouble(probe: HttpClient) -> None:
    report = await seen(probe)
    many = msgspec.structs.replace(
        report,
        findings=(msgspec.structs.replace(report.findings[0], count=1000),),
        details=report.details * 1000,
    )
    text = page(many).decode()
    assert text.count("<article") == 1
    assert "(1,000 times)" in text
    assert "<summary>997 more</summary>" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m"),
        (11_700, "3h15m"),
        (86_400 + 59, "1d"),
        (187_200, "2d4h"),
    ],
)
def test_spans_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
