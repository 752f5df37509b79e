"""When to ask again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci import Retry
from upgraph.oci.http.retry import parse_retry_after

NOW = datetime(2026, 8, 21, 12, 0, 0, tzinfo=UTC)


def passing(retry_after: float | None = None) -> RemoteError:
    return RemoteError(problems.SERVER_FAULT, "busy", retryable=True, retry_after=retry_after)


def test_waits_double_up_to_the_ceiling() -> None:
    retry = Retry(attempts=9)
    assert [retry.delay(n, passing(), chance=1.0) for n in range(1, 8)] == [
        0.25,
        0.5,
        1.0,
        2.0,
        4.0,
        8.0,
        8.0,
    ]


@given(st.integers(1, 8), st.floats(0, 1))
def test_chance_takes_away_half_at_most(failed: int, chance: float) -> None:
    retry = Retry(attempts=9)
    longest, wait = retry.delay(failed, passing(), chance=1.0), retry.delay(failed, passing(), chance=chance)
    assert longest is not None
    assert wait is not None
    assert longest / 2 <= wait <= longest


@pytest.mark.parametrize(
    "error",
    [RemoteError(problems.FORBIDDEN, "no", status=403), DataError(problems.INVALID_MANIFEST, "no")],
    ids=["refusal", "wrong-data"],
)
def test_what_will_not_change_is_not_asked_again(error: RemoteError | DataError) -> None:
    assert Retry().delay(1, error, chance=0.5) is None


def test_the_last_attempt_is_the_last() -> None:
    assert Retry(attempts=4).delay(3, passing(), chance=0.5) is not None
    assert Retry(attempts=4).delay(4, passing(), chance=0.5) is None


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (0.0, 0.0), (3600.0, 30.0)])
def test_a_server_may_choose_the_wait_up_to_a_limit(asked: float, waited: float) -> None:
    assert Retry().delay(1, passing(asked), chance=0.0) == waited


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Fri, 21 Aug 2026 12:00:09 GMT", 9.0),
        ("Fri, 21 Aug 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("Mon, 99999999999999 Jan 2020 00:00:00 GMT", None),
        ("-1", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_survived(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
