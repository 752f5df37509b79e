"""Logins and authorities are files for as long as somebody needs them, and no longer."""

from pathlib import Path

import pytest

from upgraph.operator.observing.private_files import MAX_KEPT, AccessPool, Means


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are."""
    monkeypatch.setattr("upgraph.operator.observing.private_files._MEMORY", str(tmp_path))
    return tmp_path


def means(number: int) -> Means:
    return Means(f'{{"auths": {{"registry-{number}.example": {{"auth": "YTpi"}}}}}}')


def test_the_files_stay_while_they_are_used_whatever_others_ask_for(place: Path) -> None:
    with AccessPool() as pool, pool.access(means(0)):
        (login,) = place.glob("*/config.json")
        for number in range(1, 2 * MAX_KEPT):
            with pool.access(means(number)):
                assert login.exists()


def test_few_files_stay_that_nobody_uses_and_none_at_the_end(place: Path) -> None:
    with AccessPool() as pool:
        for number in range(2 * MAX_KEPT):
            with pool.access(means(number)):
                pass
        assert len(list(place.iterdir())) == MAX_KEPT
    assert not list(place.iterdir())


def test_the_same_means_are_made_once(place: Path) -> None:
    with AccessPool() as pool, pool.access(means(1)) as one, pool.access(means(1)) as other:
        assert one is other
        assert len(list(place.iterdir())) == 1


def test_nobody_else_can_read_them(place: Path) -> None:
    with AccessPool() as pool, pool.access(means(1)):
        (directory,) = place.iterdir()
        assert directory.stat().st_mode & 0o077 == 0
