"""The checks of answers notice what hurts a cluster: without that, finding nothing would prove nothing."""

import json
from copy import deepcopy
from typing import Any

import pytest

from upgraph.testing.answers import CHANNELS_KEY, RELEASE_ARCHITECTURE_KEY, client_violations

GOOD: dict[str, Any] = {
    "version": 1,
    "nodes": [
        {
            "version": name,
            "payload": f"a/b@{name}",
            "metadata": {CHANNELS_KEY: "stable-4.1", "url": "https://a.example/1"},
        }
        for name in ("4.1.0", "4.1.1-rc.1", "4.1.1")
    ],
    "edges": [[0, 1]],
    "conditionalEdges": [
        {
            "edges": [{"from": "4.1.0", "to": "4.1.1"}],
            "risks": [{"url": "u", "name": "N", "message": "m", "matchingRules": [{"type": "Always"}]}],
        }
    ],
}


def _violations(**changed: object) -> list[str]:
    return client_violations(json.dumps({**GOOD, **changed}).encode(), "stable-4.1", "amd64")


def _node(**changed: object) -> list[dict[str, Any]]:
    first, *others = deepcopy(GOOD["nodes"])
    return [{**first, **changed}, *others]


def _metadata(**changed: str) -> list[dict[str, Any]]:
    return _node(metadata={**GOOD["nodes"][0]["metadata"], **changed})


def _group(**changed: object) -> list[dict[str, Any]]:
    return [{**GOOD["conditionalEdges"][0], **changed}]


def test_nothing_is_found_in_a_good_answer() -> None:
    assert _violations() == []
    assert _violations(nodes=_metadata(**{RELEASE_ARCHITECTURE_KEY: "multi"})) == []


BAD: dict[str, tuple[dict[str, object], str]] = {
    "no protocol version": ({"version": None}, "the protocol version is missing"),
    "version with a build part": (
        {"nodes": _node(version="4.1.0+s390x"), "conditionalEdges": []},
        "no version without a build part: 4.1.0+s390x",
    ),
    "version that is none": (
        {"nodes": _node(version="4.1"), "conditionalEdges": []},
        "no version without a build part: 4.1",
    ),
    "edge from a version that is none": (
        {"conditionalEdges": _group(edges=[{"from": "v4", "to": "4.1.1"}])},
        "no version without a build part: v4",
    ),
    "address with an open bracket": (
        {"nodes": _metadata(url="https://[::1/")},
        "no address: 'https://[::1/' of 4.1.0",
    ),
    "address with half an escape": ({"nodes": _metadata(url="a%2")}, "no address: 'a%2' of 4.1.0"),
    "address with a line break": ({"nodes": _metadata(url="a\nb")}, "no address: 'a\\nb' of 4.1.0"),
    "address with a port that is none": ({"nodes": _metadata(url="//a:b")}, "no address: '//a:b' of 4.1.0"),
    "another architecture than multi": (
        {"nodes": _metadata(**{RELEASE_ARCHITECTURE_KEY: "amd64"})},
        "no architecture of a release: 'amd64' of 4.1.0",
    ),
    "risk without rules": (
        {"conditionalEdges": _group(risks=[{"url": "u", "name": "N", "message": "m", "matchingRules": []}])},
        "risk without rules: N",
    ),
    "abstract version": ({"nodes": _node(payload=None)}, "abstract: 4.1.0"),
    "another channel": ({"nodes": _metadata(**{CHANNELS_KEY: "fast-4.1"})}, "of another channel: 4.1.0"),
    "version twice": ({"nodes": _node(version="4.1.1")}, "version twice: 4.1.1"),
    "edge to nowhere": ({"edges": [[0, 3]]}, "edge without end: [0, 3]"),
    "conditional edge to nowhere": (
        {"conditionalEdges": _group(edges=[{"from": "4.1.0", "to": "4.1.9"}])},
        "conditional edge leads to no node: 4.1.9",
    ),
    "two groups": (
        {"conditionalEdges": _group() * 2},
        "conditional edge in two groups: ('4.1.0', '4.1.1')",
    ),
    "circle": ({"edges": [[0, 1], [1, 0]]}, "the edges have a cycle"),
}


@pytest.mark.parametrize(("changed", "found"), BAD.values(), ids=BAD.keys())
def test_what_hurts_a_cluster_is_found(changed: dict[str, object], found: str) -> None:
    assert found in _violations(**changed)
