"""In a container without any right: a read-only root, no capability, no home, no place for temporary files."""

import subprocess

import pytest

from tests.whole.conftest import GraphDataPlace, Starter

HOMELESS = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"}
_NO_RIGHTS = ("/usr/bin/setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs")


@pytest.fixture(scope="session")
def confined() -> tuple[str, ...]:
    """What comes before a command so that it cannot write anything; as much of it as this machine allows."""
    found: tuple[str, ...] = ()
    for wrapper in (("/usr/bin/unshare", "-m"), ("/usr/bin/unshare", "-rm")):
        script = 'mount -o remount,ro,bind / && exec "$@"'
        attempt = (*wrapper, "/bin/sh", "-c", script, "sh")
        if subprocess.run([*attempt, "/bin/true"], capture_output=True, check=False).returncode == 0:
            found = attempt
            break
    if subprocess.run([*_NO_RIGHTS, "/bin/true"], capture_output=True, check=False).returncode == 0:
        found = (*found, *_NO_RIGHTS)
    return found


def test_nothing_needs_to_be_written(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace, confined: tuple[str, ...]
) -> None:
    service = start.serve(*sources, wrapper=confined, **HOMELESS)
    assert len(service.answered().nodes) == 3
    graph_data.channel("4.1.0")
    service.answered(lambda graph: set(graph.nodes) == {"4.1.0"})
    assert "Traceback" not in service.text
    assert service.stop() == 0


def test_a_state_directory_that_cannot_be_written_is_refused_at_the_start(
    start: Starter, sources: tuple[object, ...]
) -> None:
    service = start.serve(*sources, "--state-dir", "/proc/state")
    assert service.process.wait(180) == 2
    assert "--state-dir /proc/state: " in service.text
    assert "Traceback" not in service.text
