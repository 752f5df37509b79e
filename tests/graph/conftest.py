"""A fresh bench for every test, and the Rust engine as an oracle."""

import importlib
import warnings
from collections.abc import Callable

import pytest
from hypothesis import assume

from upgraph.testing.sample_graphs import GraphBench

Matcher = Callable[[str], bool]


@pytest.fixture
def bench() -> GraphBench:
    return GraphBench()


@pytest.fixture(scope="session")
def rust_engine() -> Callable[[str], Matcher | None]:
    """Compiles with the Rust engine; None where it refuses the pattern, be it for its size.

    What the engine of the rure package, which is from 2018, "currently cannot" is no refusal: that of today can.
    """
    with warnings.catch_warnings():
        # Its docstrings have escapes that Python warns of.
        warnings.simplefilter("ignore")
        rure = importlib.import_module("rure")
        refusal = importlib.import_module("rure.exceptions").RegexError

    def compile_pattern(text: str) -> Matcher | None:
        try:
            compiled = rure.compile(text)
        except refusal as error:
            assume("cannot currently contain empty" not in str(error))
            return None
        return lambda version: bool(compiled.is_match(version))

    return compile_pattern
