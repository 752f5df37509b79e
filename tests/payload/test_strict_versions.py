"""The version of a release is one that every reader takes."""

import pytest

from upgraph.payload.strict_version import strict_fault


@pytest.mark.parametrize("text", ["1.2.3", "0.0.0", "4.18.0-rc.1", "4.18.0-0.nightly-2026-01-01-000000"])
def test_a_version_that_all_readers_take_has_no_fault(text: str) -> None:
    assert strict_fault(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4.18", "not a version"),
        ("v4.18.1", "not a version"),
        ("04.18.1", "not a version"),
        (" 4.18.1", "white space"),
        ("4.18.1+amd64", "build part"),
        ("4.18.1-rc.01", "leading zeros"),
        ("", "not a version"),
    ],
)
def test_a_version_that_some_reader_refuses_has_a_reason(text: str, reason: str) -> None:
    assert reason in (strict_fault(text) or "")
