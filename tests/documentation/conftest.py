"""The pages of the documentation, read once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.pages import ROOT, Page, read_pages


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    return list(read_pages().values())


@pytest.fixture(scope="session")
def page() -> Callable[[str], Page]:
    return read_pages().__getitem__
