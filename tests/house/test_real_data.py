"""What a machine may lack, real data or the rights of root, is reported with the tests that need it, never lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
RUN_TIMEOUT_SECONDS = 60
ON_REAL_DATA = "def test_graph(real_data):\n    assert (real_data / 'graph-data').is_dir()\n"
LEFT_OUT = "import pytest\n\ndef test_tool():\n    pytest.skip('no such program')\n"

NEEDS_ROOT = (
    "import conftest\nimport pytest\n\ndef test_container():\n    pytest.skip(conftest.ROOT_REASON)\n"
)

Run = Callable[[str, Path | None], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs pytest on one test module under our conftest.py."""

    def start(test: str, data: Path | None) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
        (tmp_path / "test_sample.py").write_text(test)
        environment = {name: value for name, value in os.environ.items() if name != "UPGRAPH_TEST_DATA"}
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        if data is not None:
            environment["UPGRAPH_TEST_DATA"] = str(data)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, str(tmp_path)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_TIMEOUT_SECONDS,
        )

    return start


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of the right shape."""
    for folder in ("graph-data", "conformance", "signatures"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    return tmp_path / "data"


def test_data_is_used_where_the_variable_names_it(run: Run, data: Path) -> None:
    ended = run(ON_REAL_DATA, data)
    assert (ended.returncode, "1 passed" in ended.stdout) == (0, True)


def test_without_data_the_tests_are_reported_with_how_to_get_it(run: Run) -> None:
    ended = run(ON_REAL_DATA, None)
    assert ended.returncode == 0
    assert "1 tests not run: needs real data" in ended.stdout
    assert "openshift/cincinnati-graph-data" in ended.stdout


def test_a_variable_that_points_nowhere_is_an_error(run: Run, tmp_path: Path) -> None:
    ended = run(ON_REAL_DATA, tmp_path / "nowhere")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no folder conformance and no folder graph-data" in ended.stderr


def test_a_test_left_out_for_any_other_reason_fails_the_run(run: Run) -> None:
    ended = run(LEFT_OUT, None)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_sample.py::test_tool" in ended.stdout.partition("left out without leave")[2]


def test_a_test_that_needs_root_is_reported_with_how_to_run_it(run: Run) -> None:
    ended = run(NEEDS_ROOT, None)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 tests not run: needs root" in ended.stdout
    assert "as root" in ended.stdout
