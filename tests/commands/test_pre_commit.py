"""The hook for graph data, run by pre-commit as people run it: before a commit, on what is staged."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command

ROOT = Path(__file__).parents[2]
MANIFEST = ".pre-commit-hooks.yaml"
RULE = "blocked-edges/1.1.0-SlowVolumes.yaml"
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.com")


@dataclass(frozen=True)
class Repository:
    """A repository of graph data in which pre-commit is installed."""

    path: Path
    home: Path

    def run(self, *command: object) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "PRE_COMMIT_HOME": str(self.home / "pre-commit"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        return subprocess.run(
            list(map(str, command)),
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def git(self, *command: str) -> None:
        done = self.run("git", *IDENTITY, *command)
        assert done.returncode == 0, done.stderr

    def commit(self) -> tuple[int, str]:
        """Commit what is staged; gives how that went and what was said."""
        done = self.run("git", *IDENTITY, "commit", "-m", "more")
        return done.returncode, done.stdout + done.stderr

    def break_rule(self) -> None:
        file = self.path / RULE
        file.write_text(file.read_text().replace("https://", "see "))


@pytest.fixture
def repository(command: Command, tmp_path: Path) -> Repository:
    """The starter repository, with the hook that it comes with."""
    assert command("upgraph", "graph-data", "new", tmp_path / "data").code == 0
    (tmp_path / "home").mkdir()
    made = Repository(tmp_path / "data", tmp_path / "home")
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "-m", "first")
    assert made.run("pre-commit", "install").returncode == 0
    return made


@pytest.fixture
def published(repository: Repository, tmp_path: Path) -> Repository:
    """The same with the hook that this repository publishes. It is not installed anew: that would need a network."""
    hooks = Repository(tmp_path / "hooks", repository.home)
    hooks.path.mkdir()
    (hooks.path / MANIFEST).write_bytes((ROOT / MANIFEST).read_bytes())
    hooks.git("init", "--quiet", "--initial-branch=main")
    hooks.git("add", "--all")
    hooks.git("commit", "--quiet", "-m", "first")
    hooks.git("tag", "v1")
    hook = {"id": "upgraph-graph-data", "language": "system"}
    config = {"repos": [{"repo": str(hooks.path), "rev": "v1", "hooks": [hook]}]}
    (repository.path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--no-verify", "-m", "the published hook")
    return repository


@pytest.fixture(params=["repository", "published"])
def checked(request: pytest.FixtureRequest) -> Repository:
    made: Repository = request.getfixturevalue(request.param)
    return made


def test_a_fault_that_is_staged_stops_the_commit_and_is_shown(checked: Repository) -> None:
    checked.break_rule()
    checked.git("add", "--all")
    code, said = checked.commit()
    assert (code, "Failed" in said, "[risk-url]" in said) == (1, True, True), said


def test_good_data_is_committed(checked: Repository) -> None:
    rule = checked.path / RULE
    rule.write_text(rule.read_text() + "# looked at again\n")
    checked.git("add", "--all")
    code, said = checked.commit()
    assert (code, "Passed" in said) == (0, True), said


def test_a_fault_that_is_not_staged_stops_nothing(checked: Repository) -> None:
    (checked.path / "version").write_text("1.1.0\n\n")
    checked.git("add", "--all")
    checked.break_rule()
    code, said = checked.commit()
    assert (code, "Passed" in said) == (0, True), said
    assert "see " in (checked.path / RULE).read_text()


def test_the_published_hook_does_not_run_for_what_is_no_graph_data(published: Repository) -> None:
    (published.path / "README.md").write_text("# ours\n")
    published.git("add", "--all")
    code, said = published.commit()
    assert (code, "Skipped" in said) == (0, True), said


def test_the_published_hooks_are_valid() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "pre-commit", "validate-manifest", ROOT / MANIFEST],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_hook_of_the_documentation_is_that_of_the_starter_repository(repository: Repository) -> None:
    page = (ROOT / "docs" / "how-to" / "graph-data-check.md").read_text()
    shown = page.partition("# .pre-commit-config.yaml\n")[2].partition("```")[0]
    config = yaml.safe_load((repository.path / ".pre-commit-config.yaml").read_text())
    assert yaml.safe_load(shown) == config
