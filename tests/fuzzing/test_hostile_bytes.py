"""Whatever bytes come from outside, a parser gives a value or an error that says what is wrong.

The targets are those of ``make fuzz``, which searches longer and by coverage; here a few hundred inputs each
keep the property from breaking unseen.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.targets import TARGETS, survives

_PIECES = st.binary(max_size=12) | st.sampled_from(
    [b"\0" * 512, b"9" * 400, b"[" * 400, b"\xff\xfe", b"&a *a"]
)


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A good input with pieces cut out, put in and doubled."""
    content = draw(st.sampled_from(TARGETS[name].seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(start + 64, len(content))))
        content = content[:start] + draw(_PIECES | st.just(content[start:end] * 2)) + content[end:]
    return content


@pytest.mark.parametrize("name", TARGETS)
def test_a_good_input_is_accepted(name: str) -> None:
    assert survives(TARGETS[name], TARGETS[name].seeds[0])


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_damaged_input_is_a_value_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    survives(TARGETS[name], data.draw(damaged(name)))


@pytest.mark.parametrize("name", TARGETS)
@given(content=st.binary(max_size=2048))
def test_any_bytes_are_a_value_or_an_error_of_ours(name: str, content: bytes) -> None:
    survives(TARGETS[name], content)
