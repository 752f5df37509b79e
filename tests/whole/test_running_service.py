"""What is wrong with a service that runs is found out with what it was started with, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from tests.whole.conftest import BIN, GraphDataPlace, Starter


def doctor(process: int, *more: str) -> subprocess.CompletedProcess[str]:
    """Somewhere else than the service, without its variables."""
    line = [str(BIN / "upgraph"), "doctor", "--running", str(process), *more]
    return subprocess.run(line, cwd="/", capture_output=True, text=True, timeout=120, check=False)


def test_arguments_variables_and_directory_are_those_of_the_service(
    start: Starter, layout: Path, graph_data: GraphDataPlace
) -> None:
    sources = ("--releases", f"oci:{os.path.relpath(layout, start.directory)}")
    service = start.serve(
        *sources, UPGRAPH_GRAPH_DATA=str(graph_data.path), UPGRAPH_PAYLOAD_REPOSITORY="registry.example/r"
    )
    service.answered()
    found = doctor(service.process.pid)
    assert (found.returncode, found.stderr) == (0, "")
    assert f"oci:{os.path.relpath(layout, start.directory)}" in found.stdout
    assert f"{graph_data.path}" in found.stdout


def test_what_is_given_as_well_is_stronger(
    start: Starter, layout: Path, sources: tuple[object, ...], tmp_path: Path
) -> None:
    service = start.serve(*sources)
    service.answered()
    found = doctor(service.process.pid, f"--graph-data={tmp_path / 'nowhere'}", "--only", "graph-data")
    assert (found.returncode, str(tmp_path / "nowhere") in found.stdout) == (3, True)


def test_a_process_that_is_no_service_is_told() -> None:
    found = doctor(os.getpid())
    assert (found.returncode, "service-not-found" in found.stderr) == (2, True)
    assert Path(sys.executable).name in found.stderr


def test_a_process_that_is_not_there_is_told() -> None:
    found = doctor(2**22 + 1)
    assert (found.returncode, "service-not-found" in found.stderr) == (2, True)
