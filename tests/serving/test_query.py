"""How the query of a graph request is read."""

from contextlib import suppress
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.service.answering.message import RefusalError
from upgraph.service.answering.query import MAX_QUERY_LENGTH, read_query

NOTHING: frozenset[str] = frozenset()


def refusal(query: str, *mandatory: str) -> tuple[int, str, str]:
    with pytest.raises(RefusalError) as caught:
        read_query(query, frozenset(mandatory)).checked()
    return caught.value.status, caught.value.kind, caught.value.value


@pytest.mark.parametrize(
    ("query", "channel", "arch"),
    [
        pytest.param("channel=stable-4.9", "stable-4.9", "amd64", id="default architecture"),
        pytest.param("arch=arm64&channel=a", "a", "arm64", id="any order"),
        pytest.param("channel=a&channel=b&arch=x&arch=y", "b", "y", id="the last value counts"),
        pytest.param("channel=%73table-4%2E9", "stable-4.9", "amd64", id="escapes in a value"),
        pytest.param("%63hannel=a", "a", "amd64", id="escapes in a name"),
        pytest.param("&&channel=a&&=&x", "a", "amd64", id="empty pairs"),
        pytest.param("channel=a&foo=%zz&%ff=%ff", "a", "amd64", id="nonsense elsewhere"),
        pytest.param("channel=%zz&channel=a", "a", "amd64", id="nonsense that is replaced"),
    ],
)
def test_channel_and_architecture_are_found(query: str, channel: str, arch: str) -> None:
    assert read_query(query, NOTHING).checked() == (channel, arch)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        pytest.param("channel=a%", "channel has the invalid escape '%'", id="lone percent"),
        pytest.param("channel=%4g", "channel has the invalid escape '%4g'", id="no hexadecimal digit"),
        pytest.param("channel=a&arch=%zz", "arch has the invalid escape '%zz'", id="architecture"),
        pytest.param("channel=%ff", "channel is not UTF-8", id="not UTF-8"),
        pytest.param(
            "channel=%d9%a1",
            "channel '\N{ARABIC-INDIC DIGIT ONE}' does not match regex '^[0-9a-z\\-\\.]+$'",
            id="a digit of another script",
        ),
        pytest.param(
            "channel=a&arch=amd64%0A",
            "arch 'amd64\n' does not match regex '^[0-9a-z]+$'",
            id="newline at the end",
        ),
    ],
)
def test_what_cannot_be_a_channel_or_architecture_is_refused(query: str, detail: str) -> None:
    assert refusal(query) == (400, "invalid_params", f"invalid client parameters: {detail}")


def test_all_missing_names_are_told_in_order() -> None:
    missing = "mandatory client parameters missing: channel, id, version"
    assert refusal("arch=x", "version", "id", "channel", "arch") == (400, "missing_params", missing)


def test_an_empty_value_is_not_a_missing_one() -> None:
    assert read_query("channel=a&id=&version", frozenset({"channel", "id", "version"})).channel == "a"


def test_the_channel_is_missed_even_where_it_is_not_mandatory() -> None:
    assert refusal("id=1") == (400, "missing_params", "mandatory client parameters missing: channel")


def test_a_missing_name_is_told_before_an_invalid_value() -> None:
    assert refusal("channel=%zz", "id")[1] == "missing_params"


def test_a_query_may_have_the_greatest_length_and_no_more() -> None:
    longest = "channel=a&x=".ljust(MAX_QUERY_LENGTH, "y")
    assert read_query(longest, NOTHING).channel == "a"
    assert refusal(longest + "y")[:2] == (414, "invalid_params")


PAIRS = st.lists(
    st.tuples(st.sampled_from(["channel", "arch", "id", "é +&="]), st.text(max_size=8)), max_size=8
)


@given(PAIRS)
def test_a_form_encoded_query_is_read_as_the_standard_library_reads_it(pairs: list[tuple[str, str]]) -> None:
    encoded = urlencode(pairs, errors="replace")
    expected = dict(parse_qsl(encoded, keep_blank_values=True))
    query = read_query(encoded, NOTHING)
    assert (query.channel, query.arch) == (expected.get("channel"), expected.get("arch"))


@given(st.from_regex(r"[0-9a-z.-]{1,40}", fullmatch=True))
def test_a_channel_means_the_same_however_it_is_escaped(channel: str) -> None:
    escaped = "".join(f"%{ord(character):02x}" for character in channel)
    assert read_query(f"channel={escaped}", NOTHING) == read_query(f"channel={quote_plus(channel)}", NOTHING)


@given(st.text(max_size=200))
def test_every_query_is_read_or_refused(query: str) -> None:
    with suppress(RefusalError):
        channel, arch = read_query(query, NOTHING).checked()
        assert channel.isascii()
        assert arch.isalnum()
