"""Whether an object is as it is wanted: additions of others do not count, everything else does."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.operator.applying.agreement import agrees

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_everything_agrees_with_itself(value: Any) -> None:
    assert agrees(value, deepcopy(value))


@given(st.dictionaries(st.text(max_size=3), JSON), st.dictionaries(st.text(max_size=3), JSON))
def test_more_than_is_wanted_may_be_there(wanted: dict[str, Any], more: dict[str, Any]) -> None:
    assert agrees(wanted, more | wanted)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        pytest.param({"a": 1}, {"a": 2}, False, id="another value"),
        pytest.param({"a": 1}, {"a": True}, False, id="another type that is equal in Python"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True, id="an addition deeper down"),
        pytest.param({"a": {}}, {}, True, id="the server does not store what is empty"),
        pytest.param({"a": 0}, {}, False, id="zero is a value"),
        pytest.param([1, 2], [1, 2, 3], False, id="a list of scalars is a whole"),
        pytest.param(
            {"containers": [{"name": "a"}]},
            {"containers": [{"name": "b"}, {"name": "a", "x": 1}]},
            True,
            id="a container more",
        ),
        pytest.param(
            {"containers": [{"name": "a", "x": 1}]},
            {"containers": [{"name": "a", "x": 2}]},
            False,
            id="a container otherwise",
        ),
        pytest.param(
            {"containers": [{"name": "a"}]}, {"containers": [{"name": "b"}]}, False, id="a container less"
        ),
        pytest.param(
            {"selector": {"deployment": "a"}},
            {"selector": {"deployment": "a", "more": ""}},
            False,
            id="a label more in a selector",
        ),
        pytest.param(
            {"matchLabels": {"app": "a"}},
            {"matchLabels": {"app": "a", "more": "b"}},
            False,
            id="a label more to match",
        ),
        pytest.param(
            {"nodeSelector": {"a": ""}}, {"nodeSelector": {"a": "", "b": ""}}, False, id="less nodes"
        ),
        pytest.param(
            {"rules": [{"backendRefs": [{"name": "a", "port": 80}]}]},
            {"rules": [{"backendRefs": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}]},
            False,
            id="a second backend",
        ),
        pytest.param(
            {"rules": [{"backendRefs": [{"name": "a"}]}]},
            {"rules": [{"backendRefs": [{"name": "a"}], "filters": [{"type": "RequestRedirect"}]}]},
            False,
            id="a filter",
        ),
        pytest.param(
            {"parentRefs": [{"name": "a"}]},
            {"parentRefs": [{"name": "a"}, {"name": "b"}]},
            False,
            id="a second gateway",
        ),
        pytest.param(
            {"ingress": [{"ports": [{"port": 1}]}]},
            {"ingress": [{"ports": [{"port": 1}], "from": [{"podSelector": {}}]}]},
            False,
            id="less clients",
        ),
        pytest.param(
            {"egress": [{"ports": [{"port": 1}]}]},
            {"egress": [{"ports": [{"port": 1}, {"port": 2}]}]},
            False,
            id="a port more in a policy",
        ),
        pytest.param(
            {"ports": [{"port": 1}]},
            {"ports": [{"port": 1, "nodePort": 3}, {"port": 2}]},
            True,
            id="a port more",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "a"}, {"key": "b"}]},
            False,
            id="a toleration more",
        ),
        pytest.param([{"x": 1}], [{"x": 1}, {"x": 2}], False, id="a list without names is a whole"),
        pytest.param([{"x": 1}], [{"x": 1, "y": 0}], True, id="a default in a list without names"),
    ],
)
def test_what_agrees(wanted: Any, found: Any, expected: bool) -> None:  # noqa: FBT001
    assert agrees(wanted, found) is expected
