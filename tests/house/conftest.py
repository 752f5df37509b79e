"""The repository, read once."""

import pytest

from tools.house_rules import Source, python, repository


@pytest.fixture(scope="session")
def texts() -> list[Source]:
    """Every text file."""
    return repository()


@pytest.fixture(scope="session")
def modules(texts: list[Source]) -> list[Source]:
    """Every Python file."""
    return python(texts)


@pytest.fixture(scope="session")
def product(texts: list[Source]) -> list[Source]:
    """The Python files that are shipped."""
    return python(texts, "src/upgraph/")
