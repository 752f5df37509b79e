"""The image as platforms run it: by a container runtime, as a user without a name, with nothing to write to."""

import pytest

from tests.image.conftest import Command, Pod, until

GRAPH = "http://localhost:8080/api/upgrades_info/graph?channel=stable-4.1"


@pytest.mark.parametrize("user", [0, 1001, 1000650000])
@pytest.mark.parametrize("name", ["upgraph", "graph-builder", "policy-engine"])
def test_a_program_starts_as_any_user(pod: Pod, name: str, user: int) -> None:
    container = pod.run("version", Command([f"/usr/bin/{name}", "--help"], user=user))
    assert container.wait() == 0
    assert container.text.startswith(f"Usage: {name} ")


def test_doctor_beside_a_service_knows_what_that_was_started_with(pod: Pod) -> None:
    sources = ("--releases=docker+http://127.0.0.1:9/r", "--graph-data=docker+http://127.0.0.1:9/data:latest")
    service = pod.run("service", Command(["/usr/bin/upgraph", "serve", *sources]))
    until(lambda: "status is on" in service.text, what=lambda: service.text)
    found = service.execute("upgraph", "doctor", "--running", "1", "--only", "tcp")
    assert (found.returncode, found.stderr) == (3, ""), found.stderr
    assert "no connection to 127.0.0.1:9" in found.stdout
