"""The image as platforms run it: by a container runtime, as a user without a name, with nothing to write to."""

import pytest

from tests.image.conftest import Command, Pod

GRAPH = "http://localhost:8080/api/upgrades_info/graph?channel=stable-4.1"


@pytest.mark.parametrize("user", [0, 1001, 1000650000])
@pytest.mark.parametrize("name", ["upgraph", "graph-builder", "policy-engine"])
def test_a_program_starts_as_any_user(pod: Pod, name: str, user: int) -> None:
    container = pod.run("version", Command([f"/usr/bin/{name}", "--help"], user=user))
    assert container.wait() == 0
    assert container.text.startswith(f"Usage: {name} ")
