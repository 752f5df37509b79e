"""Whatever lies in a rule, the check ends with a report."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from upgraph.graphdata.checking import check

_TEXTS = st.sampled_from(
    ["", "4.18.2", ".*", "4.18.*", "(", "Always", "PromQL", "up", "sum(", "https://a", "x+y"]
)
_VALUES = st.recursive(
    _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "promql", "other"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(["to", "from", "url", "name", "message", "matchingRules", "fixedIn", "other"])


@settings(max_examples=300)
@given(
    st.lists(st.dictionaries(_KEYS, _VALUES, max_size=8) | _VALUES, max_size=3),
    st.lists(st.sampled_from(["4.18.1", "4.18.2", "4.4.18", "4.18.2+arm64", "no"]), max_size=3),
)
def test_a_report_is_made_and_is_the_same_again(rules: list[object], versions: list[str]) -> None:
    files = {
        "version": b"1.1.0",
        "raw/metadata.json": b"{}",
        "channels/a.yaml": json.dumps({"name": "stable-4.18", "versions": versions}).encode(),
    }
    for number, rule in enumerate(rules):
        files[f"blocked-edges/4.18.2-{number}.yaml"] = json.dumps(rule).encode()
    report = check(files, ())
    assert report == check(files, ())
    gravities = [one.severity for one in report.findings]
    assert gravities == sorted(gravities, reverse=True)
