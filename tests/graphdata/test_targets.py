"""The target of a rule that is broken."""

import pytest

from upgraph.graphdata.target import targets_of

KNOWN = frozenset({"4.11.0", "4.11.0-fc.0", "4.18.2", "4.18.21"})


def found(name: str, content: bytes) -> list[str]:
    """The targets as texts."""
    return [version.text for version in targets_of(f"blocked-edges/{name}", content, KNOWN)]


@pytest.mark.parametrize(
    ("content", "target"),
    [
        pytest.param(b"to: 4.18.2\nfrom: [a]\n", "4.18.2", id="valid-yaml"),
        pytest.param(b"to: 4.18.2+arm64\nfrom: (\n", "4.18.2+arm64", id="with-architecture"),
        pytest.param(b"{to: 4.18.2, from: [}", "4.18.2", id="flow-style"),
        pytest.param(b"from: 'a\nto: 4.18.2 # why\nx\n", "4.18.2", id="open-quote"),
        pytest.param(b'"to": "4.18.2"\nfrom: "\n', "4.18.2", id="quoted"),
        pytest.param(b"to: 4.18.2\nmessage: \xff\n", "4.18.2", id="not-utf-8"),
        pytest.param(b"message: |\n  to: 4.1.1\nto: 4.18.2\n\tx\n", "4.18.2", id="not-inside-a-text"),
    ],
)
def test_the_content_tells_the_target_if_it_still_can(content: bytes, target: str) -> None:
    assert found("4.11.0-Other.yaml", content) == [target]


def test_two_targets_in_the_content_both_count() -> None:
    assert found("x.yaml", b"to: 4.18.2\nto: 4.11.0\n") == ["4.11.0", "4.18.2"]


def test_a_target_that_is_cut_off_is_not_trusted_alone() -> None:
    assert found("4.18.21-Risky.yaml", b"to: 4.18.2") == ["4.18.2", "4.18.21"]


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        pytest.param("4.18.2.yaml", ["4.18.2"], id="version"),
        pytest.param("4.99.0.yml", ["4.99.0"], id="unknown-version"),
        pytest.param("4.18.2-Risky.yaml", ["4.18.2"], id="named-risk"),
        pytest.param("4.99.0-rc.1-Risky.yaml", ["4.99.0-rc.1"], id="pre-release-with-named-risk"),
        pytest.param("4.11.0-okd.9-Risky_Thing2.yaml", ["4.11.0-okd.9"], id="name-with-digits"),
        pytest.param("4.4.12-to-4.5.4.yaml", ["4.5.4"], id="from-to"),
        pytest.param("4.4.12-to-4.5.4-Risky.yaml", ["4.5.4"], id="from-to-with-named-risk"),
        pytest.param("4.18.2+amd64.yaml", ["4.18.2+amd64"], id="with-architecture"),
        pytest.param("4.11.0-fc.0-some-words.yaml", ["4.11.0-fc.0", "4.11.0-fc.0-some", "4.11.0-fc.0-some-words"], id="words"),
        pytest.param("4.11.0-two-words.yaml", ["4.11.0-two", "4.11.0-two-words", "4.11.0"], id="words-after-release"),
        pytest.param("4.11.0-rc.7-words.yaml", ["4.11.0-rc.7", "4.11.0-rc.7-words"], id="unknown-pre-release"),
        pytest.param("4.11.0-rc.7.yaml", ["4.11.0-rc.7"], id="unknown-pre-release-alone"),
        pytest.param("rule.yaml", [], id="no-version"),
        pytest.param("4.18.yaml", [], id="minor-only"),
        pytest.param("Risky.yaml", [], id="risk-only"),
    ],
)  # fmt: skip
def test_the_name_tells_the_target_where_the_content_is_silent(name: str, targets: list[str]) -> None:
    assert found(name, b"") == targets
