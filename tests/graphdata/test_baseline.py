"""Accepted warnings: each with a reason, none for ever."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from upgraph.errors import DataError
from upgraph.graphdata import Files
from upgraph.graphdata.checking import Baseline, Report, as_sarif, check, read_baseline, write_baseline

Make = Callable[[Mapping[str, bytes | None]], Files]

ENTRY = b"accepted:\n- reference: rule-target-unknown\n  file: %s\n  reason: known\n"


def run_of(report: Report, baseline: Baseline) -> Any:
    document = json.loads(json.dumps(as_sarif(report, baseline, "1.0")))
    assert (document["version"], document["$schema"].endswith("sarif-2.1.0.json")) == ("2.1.0", True)
    (run,) = document["runs"]
    return run


@pytest.fixture
def report(a_set: Make) -> Report:
    """A report with a warning in a rule."""
    return check(a_set({"blocked-edges/4.18.9.yaml": b"to: 4.18.9\nfrom: .*\n"}))


@pytest.mark.parametrize("file", [b"blocked-edges/4.18.9.yaml", b"blocked-edges/*", b"'*'"])
def test_an_entry_accepts_a_warning_by_reference_and_file(report: Report, file: bytes) -> None:
    baseline = read_baseline(ENTRY % file)
    accepted = [one for one in report.findings if baseline.acceptance_of(one)]
    assert [one.reference for one in accepted] == ["rule-target-unknown"]
    assert baseline.stale(report) == ()


def test_an_entry_that_accepts_nothing_is_reported_at_its_line(report: Report) -> None:
    stale = read_baseline(ENTRY % b"channels/*").stale(report)
    assert [(one.reference, one.file, one.line) for one in stale] == [
        ("check-baseline-stale", ".upgraph-check.yaml", 2)
    ]


def test_an_entry_of_a_check_that_did_not_run_is_not_stale(report: Report) -> None:
    content = ENTRY.replace(b"rule-target-unknown", b"release-dead-end") % b"channels/*"
    assert read_baseline(content).stale(report) == ()


def test_an_error_is_never_accepted(a_set: Make) -> None:
    broken = check(a_set({"blocked-edges/4.18.2.yaml": b"to: 4.18.2\n"}))
    content = ENTRY.replace(b"rule-target-unknown", b"graph-data-rule") % b"'*'"
    assert not any(read_baseline(content).acceptance_of(one) for one in broken.errors)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"- a\n", ":1: the file is not a mapping", id="no mapping"),
        pytest.param(b"accepted: all\n", ":1: accepted is not a list", id="no list"),
        pytest.param(b"accepted:\n- reference: a-b\n", ":2: an entry has not exactly the keys", id="keys"),
        pytest.param(ENTRY.replace(b": known", b": ' '") % b"x", ":2: .* has no reason", id="no reason"),
        pytest.param(ENTRY.replace(b": known", b": [a]") % b"x", ":2: .* not a text", id="list as reason"),
        pytest.param(b"accepted: [\n", "^.upgraph-check.yaml", id="no YAML"),
        pytest.param(b" " * 2_000_000, "more than 1048576 bytes", id="huge"),
    ],
)
def test_a_file_that_is_not_valid_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_baseline(content)


def test_a_written_file_accepts_what_is_there_and_keeps_reasons(report: Report) -> None:
    first = read_baseline(ENTRY % b"blocked-edges/*")
    stale = read_baseline((ENTRY % b"blocked-edges/*") + b"- {reference: a-b, file: c, reason: d}\n")
    assert [entry.reason for entry in first.entries] == ["known"]
    again = read_baseline(write_baseline(report, stale, "all else"))
    assert [(entry.reference, entry.reason) for entry in again.entries if entry.reason == "known"] == [
        ("rule-target-unknown", "known")
    ]
    warnings = [one for one in report.findings if one.severity.name == "WARNING"]
    assert all(again.acceptance_of(one) for one in warnings)
    assert again.stale(report) == ()


def test_the_same_report_writes_the_same_file(report: Report) -> None:
    assert write_baseline(report, Baseline(), "x") == write_baseline(report, Baseline(), "x")


def test_sarif_refers_to_rules_by_number_and_names_lines(report: Report) -> None:
    run = run_of(report, Baseline())
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
    (place,) = run["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"].startswith("blocked-edges/")
    assert place["physicalLocation"]["region"]["startLine"] >= 1


def test_sarif_shows_what_was_accepted_as_suppressed(report: Report) -> None:
    run = run_of(report, read_baseline(ENTRY % b"'*'"))
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in suppressed] == ["rule-target-unknown"]
    assert suppressed[0]["suppressions"] == [{"kind": "external", "justification": "known"}]


def test_sarif_lists_checks_that_did_not_run(report: Report) -> None:
    run = run_of(report, Baseline())
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["descriptor"]["id"] for note in notes] == [
        "channel-release-missing",
        "release-errata",
        "release-dead-end",
    ]
