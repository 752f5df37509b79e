"""Commands run in this process, as their programs run them."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from upgraph.cli import graph_builder, metadata_helper, policy_engine
from upgraph.cli.main import run, upgraph
from upgraph.cli.sample import Sample, make_sample

PROGRAMS: dict[str, click.Command] = {
    "upgraph": upgraph,
    "graph-builder": graph_builder.command,
    "policy-engine": policy_engine.command,
    "metadata-helper": metadata_helper.command,
}


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


Command = Callable[..., Done]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a line such as ``upgraph config show``."""

    def run_line(program: str, *arguments: object) -> Done:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        code = run(PROGRAMS[program], [str(argument) for argument in arguments])
        # What a program logs to is closed after this test, and other tests log as well.
        root.handlers[:] = handlers
        root.setLevel(level)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run_line


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    made = Sample.below(tmp_path_factory.mktemp("sample"))
    make_sample(made)
    return made


@pytest.fixture(scope="session")
def sample_flags(sample: Sample) -> tuple[object, ...]:
    """Flags that lead to the sample platform."""
    releases = ("--releases", f"oci:{sample.releases}", "--payload-repository", "registry.example/sample")
    return (*releases, "--graph-data", sample.graph_data)


@pytest.fixture
def toml(tmp_path: Path) -> Callable[..., Path]:
    """Writes a configuration file."""

    def write(text: str, name: str = "upgraph.toml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write
