"""The process that answers carries nothing that only building needs, and a check no more than it needs."""

import subprocess
import sys

import pytest

ONLY_FOR_BUILDING = {"aiohttp", "cryptography", "httpx2", "lightkube", "re2", "sqlite3", "yaml", "zstandard"}


@pytest.mark.parametrize("module", ["upgraph.service.running", "upgraph.cli.serve"])
def test_the_serving_process_loads_nothing_of_the_building_one(module: str) -> None:
    # It starts faster and holds less memory, and a fault of those libraries cannot reach the answers.
    assert not ONLY_FOR_BUILDING & (loaded(f"import {module}") - loaded("pass"))


def loaded(statement: str) -> set[str]:
    """The modules of a process after a statement; some come with whatever watches the tests."""
    probe = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    return set(done.stdout.split())
