"""What the check finds in a set without releases: each fault by itself in a set that is else without any."""

from collections.abc import Callable, Mapping

import pytest

from upgraph.errors import Finding, Severity
from upgraph.graphdata import Files
from upgraph.graphdata.checking import check
from upgraph.graphdata.checking.promql import MAX_QUERY_CHARACTERS

Make = Callable[[Mapping[str, bytes | None]], Files]

_CHANNELS = ("candidate-4.18", "fast-4.18", "stable-4.18")
_RISK = {
    "to": "4.18.2",
    "from": "^4[.]18[.]1[+].*$",
    "url": "https://issues.example/Slow",
    "name": "Slow",
    "message": "It is slow.",
    "matchingRules": "[{type: Always}]",
}


def risk(**changes: str) -> bytes:
    return "".join(f"{key}: {value}\n" for key, value in {**_RISK, **changes}.items()).encode()


def query(text: str) -> bytes:
    return risk(matchingRules="[{type: PromQL, promql: {promql: '" + text + "'}}]")


def channels(*versions: str) -> dict[str, bytes]:
    listed = "".join(f"- {version}\n" for version in versions)
    return {f"channels/{name}.yaml": f"name: {name}\nversions:\n{listed}".encode() for name in _CHANNELS}


@pytest.fixture
def found(a_set: Make) -> Callable[[Mapping[str, bytes | None]], list[Finding]]:
    """What is found in a set with changes."""

    def look(changes: Mapping[str, bytes | None]) -> list[Finding]:
        base: dict[str, bytes | None] = {
            **channels("4.18.1", "4.18.2"),
            "blocked-edges/4.18.2.yaml": None,
            "blocked-edges/4.18.2-Slow.yaml": risk(),
        }
        return list(check(a_set({**base, **changes})).findings)

    return look


Found = Callable[[Mapping[str, bytes | None]], list[Finding]]


def test_a_good_set_gives_no_findings(found: Found) -> None:
    assert found({}) == []


@pytest.mark.parametrize(
    ("changes", "reference", "severity", "line"),
    [
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yml": risk(), "blocked-edges/4.18.2-Slow.yaml": None},
            "rule-ending", Severity.ERROR, None, id="ending",
        ),
        pytest.param(
            {"blocked-edges/Slow.yaml": risk()}, "rule-file-name", Severity.ERROR, 1, id="file name"
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(url="mailto:a@b")}, "risk-url", Severity.ERROR, 3, id="url"
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(url="http://wiki.example/Slow")},
            "risk-url", Severity.WARNING, 3, id="url without TLS",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(name="so-slow")}, "risk-name", Severity.ERROR, 4, id="name"
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(message='" "')},
            "risk-message", Severity.ERROR, 5, id="message",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(matchingRules="[]")},
            "graph-data-matching-rule", Severity.ERROR, 6, id="no matching rule",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(matchingRules="[{type: Sometimes}]")},
            "risk-rules", Severity.ERROR, 6, id="unknown type",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(matchingRules="[{type: Always}, {type: Always}]")},
            "risk-rules", Severity.ERROR, 6, id="type twice",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(matchingRules="[{type: Always, when: now}]")},
            "risk-rules", Severity.ERROR, 6, id="other key",
        ),
        pytest.param(
            {"blocked-edges/4.18.1-Slow.yaml": risk(to="4.18.1", **{"from": ".*"}, message="Another.")},
            "risk-differs", Severity.ERROR, 5, id="one name, two risks",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": query("sum(up")},
            "promql-invalid", Severity.ERROR, 6, id="PromQL",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": query("up offset 9999999999999999999999")},
            "promql-invalid", Severity.ERROR, 6, id="PromQL with a number beyond all bounds",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": query("brand_new(up)")},
            "promql-unchecked", Severity.WARNING, 6, id="unknown function",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": query("up" + " or up" * MAX_QUERY_CHARACTERS)},
            "promql-unchecked", Severity.WARNING, 6, id="long query",
        ),
        pytest.param(
            {
                "blocked-edges/4.18.2-Slow.yaml": None,
                "blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1[+].*\n",
                "blocked-edges/4.18.2-b.yaml": b"from: 4[.]18[.]1[+].*\nto: 4.18.2\n",
            },
            "rule-repeated", Severity.WARNING, 1, id="two blocks",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(to="4.18.2+amd64"),
             "channels/a.yaml": b"name: a\nversions:\n- 4.18.2+amd64\n"},
            "rule-file-name", Severity.ERROR, 1, id="risk of an architecture, badly named",
        ),
        pytest.param(
            {"blocked-edges/4.18.9.yaml": b"to: 4.18.9\nfrom: ^4[.]18[.]1[+]\n"},
            "rule-target-unknown", Severity.WARNING, 1, id="target in no channel",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(**{"from": "^4[.]17[.]1[+].*$"})},
            "pattern-no-match", Severity.WARNING, 2, id="matches nothing",
        ),
        pytest.param(
            {**channels("4.4.18", "4.14.18", "4.18.1", "4.18.2"),
             "blocked-edges/4.18.2-Slow.yaml": risk(**{"from": "4.18.*"})},
            "pattern-minor", Severity.WARNING, 2, id="other minors",
        ),
        pytest.param(
            {**channels("4.18.1", "4.18.2", "4.18.10"),
             "blocked-edges/4.18.2-Slow.yaml": risk(**{"from": "4[.]18[.]1"})},
            "pattern-patch", Severity.WARNING, 2, id="part of a number",
        ),
        pytest.param(
            {"blocked-edges/4.18.2-Slow.yaml": risk(**{"from": "4[.]18[.]{1}"})},
            None, None, None, id="a count is no literal brace",
        ),
        pytest.param(
            {"blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: .*\n"},
            "block-and-risk", Severity.WARNING, 2, id="block and risk",
        ),
        pytest.param(
            {"channels/fast-4.18.yaml": b"name: fast-4.18\nversions:\n- 4.18.1\n"},
            "channel-subset", Severity.WARNING, 1, id="stable has more than fast",
        ),
        pytest.param(
            {"channels/candidate-4.18.yaml": None}, "channel-sibling", Severity.WARNING, 1, id="no candidate"
        ),
    ],
)  # fmt: skip
def test_a_fault_is_found_at_its_place(
    found: Found,
    changes: Mapping[str, bytes | None],
    reference: str | None,
    severity: Severity | None,
    line: int | None,
) -> None:
    seen = {(one.reference, one.severity, one.line) for one in found(changes)}
    assert (reference, severity, line) in seen or (reference is None and not seen)


def test_a_risk_for_one_architecture_is_found(found: Found) -> None:
    seen = found({"blocked-edges/4.18.2+amd64-Slow.yaml": risk(to="4.18.2+amd64", name="Slower")})
    assert [one.reference for one in seen] == ["rule-architecture"]


def test_a_pattern_for_another_architecture_matches_something(found: Found) -> None:
    assert found({"blocked-edges/4.18.2-Slow.yaml": risk(**{"from": "4.*[+]s390x$"})}) == []


def test_a_block_and_a_risk_that_share_no_update_are_no_fault(found: Found) -> None:
    block = {"blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: ^4[.]18[.]0[+].*$\n"}
    assert found({**channels("4.18.0", "4.18.1", "4.18.2"), **block}) == []


def test_what_a_service_reports_is_found_too(found: Found) -> None:
    seen = found({"blocked-edges/4.18.2-Slow.yaml": b"to: 4.18.2\nfrom: (\n"})
    assert [(one.reference, one.line) for one in seen] == [("pattern-invalid", 2)]


def test_of_a_refused_set_each_file_is_still_checked(a_set: Make) -> None:
    report = check(a_set({"version": None, "blocked-edges/4.18.2-Slow.yaml": query("(")}))
    assert {one.reference for one in report.errors} == {"graph-data-layout", "promql-invalid"}
    assert {one.reason for one in report.not_run} == {"the set is refused"}


def test_checks_that_need_releases_are_listed_as_not_run(a_set: Make) -> None:
    idle = [one.problem.reference for one in check(a_set({})).not_run]
    assert idle == ["channel-release-missing", "release-errata", "release-dead-end"]


def test_the_result_does_not_depend_on_the_order_of_files(a_set: Make) -> None:
    files = a_set(
        {"blocked-edges/4.18.2-Slow.yaml": risk(), "blocked-edges/4.18.2-x.yaml": risk(message="x")}
    )
    assert check(dict(reversed(list(files.items())))) == check(files)
