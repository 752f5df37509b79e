"""The ``upgraph`` command: help, exit codes, errors in words, and what each command prints."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import yaml

from tests.commands.conftest import PROGRAMS, Command
from upgraph.cli.main import upgraph
from upgraph.cli.sample import Sample
from upgraph.errors.problems import every_problem
from upgraph.service.configuration import SETTINGS
from upgraph.testing.answers import client_violations


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, (*path, name))


EVERY = [pytest.param(path, id=" ".join(("upgraph", *path))) for path in _commands(upgraph)]
NAMED = [case for case in EVERY if case.values[0]]


@pytest.mark.parametrize("path", EVERY)
def test_help_fits_into_a_hundred_columns(command: Command, path: tuple[str, ...]) -> None:
    done = command("upgraph", *path, "--help")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize("path", NAMED)
def test_help_has_examples_of_the_command_itself(command: Command, path: tuple[str, ...]) -> None:
    examples = command("upgraph", *path, "--help").out.partition("Examples:\n")[2]
    assert " ".join(("upgraph", *path)) in examples


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_every_program_has_help_and_a_version(command: Command, program: str) -> None:
    assert "Usage: " in command(program, "--help").out
    assert re.fullmatch(rf"{program}, version \S+\n", command(program, "--version").out)


def test_without_sources_nothing_is_contacted_and_the_text_says_what_to_do(command: Command) -> None:
    done = command("upgraph", "serve")
    assert (done.code, done.out) == (2, "")
    assert "no source of releases is configured (--releases)" in done.err
    assert "Nothing is ever contacted by default" in done.err
    assert "source-missing (upgraph problem source-missing)" in done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-command"], 2),
        (["serve", "--no-such-flag"], 2),
        (["serve", "--concurrency", "many"], 2),
        (["serve", "--config", "/no/such/file.toml"], 2),
        (["config", "show", "-o", "dot"], 2),
        (["problem", "no-such-problem"], 2),
        (["graph", "show", "ftp://x.example/graph"], 2),
        (["graph", "show", "http://127.0.0.1:1/graph"], 4),
        (["completion", "tcsh"], 2),
        (["--version"], 0),
    ],
    ids=str,
)
def test_exit_codes_say_whose_fault_it_is(command: Command, arguments: list[str], code: int) -> None:
    done = command("upgraph", *arguments)
    assert done.code == code
    assert "Traceback" not in done.err
    assert bool(done.err) == bool(code)


def test_graph_data_that_are_refused_are_wrong_data(command: Command, sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2.0.0\n")
    flags = ("--releases", f"oci:{sample.releases}", "--payload-repository", "x.example/a")
    done = command("upgraph", "graph", "show", *flags, "--graph-data", tmp_path)
    assert done.code == 3
    assert "reference:      graph-data-" in done.err


def test_a_misspelt_key_in_a_file_is_an_error_with_a_suggestion(
    command: Command, toml: Callable[..., Path]
) -> None:
    done = command("upgraph", "serve", "--config", toml("graph-dat = '/x'\n"))
    assert done.code == 2
    assert "did you mean graph-data?" in done.err


def test_passwords_in_addresses_are_not_shown(command: Command) -> None:
    done = command("upgraph", "config", "show", "--upstream", "https://user:s3cret@builder.example/graph")
    assert "https://***@builder.example/graph" in done.out
    assert "s3cret" not in done.out + done.err


def test_passwords_do_not_show_when_an_upstream_fails(command: Command) -> None:
    done = command("upgraph", "graph", "show", "http://user:s3cret@127.0.0.1:1/graph")
    assert done.code == 4
    assert "s3cret" not in done.out + done.err


def test_what_is_in_force_is_shown_with_its_origin(command: Command, toml: Callable[..., Path]) -> None:
    path = toml('listen = ":9000"\n')
    rows = command("upgraph", "config", "show", "-o", "json", "--config", path, "--concurrency", "7").json
    shown = {row["setting"]: (row["value"], row["origin"]) for row in rows}
    assert len(rows) == len(SETTINGS)
    assert shown["listen"] == (":9000", f"file {path}")
    assert shown["concurrency"] == ("7", "flag --concurrency")
    assert shown["log-level"] == ("info", "default")


def test_files_can_be_named_in_the_environment(
    command: Command, toml: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [toml("concurrency = 2\n", "a.toml"), toml("concurrency = 3\n", "b.toml")]
    monkeypatch.setenv("UPGRAPH_CONFIG", os.pathsep.join(map(str, files)))
    rows = command("upgraph", "config", "show", "-o", "json").json
    assert [row["value"] for row in rows if row["setting"] == "concurrency"] == ["3"]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_forms_for_programs_say_the_same(command: Command, form: str) -> None:
    done = command("upgraph", "config", "show", "-o", form)
    assert yaml.safe_load(done.out) == command("upgraph", "config", "show", "-o", "json").json


def test_every_problem_is_explained(command: Command) -> None:
    problems = [one for room in every_problem().values() for one in room]
    listed = command("upgraph", "problem").out.splitlines()
    assert sorted(line.split()[0] for line in listed) == sorted(one.reference for one in problems)
    for one in problems[:5]:
        out = command("upgraph", "problem", one.reference).out
        assert all(text in out for text in (one.title, one.why, one.remedy))


def test_a_misspelt_reference_is_suggested(command: Command) -> None:
    assert "did you mean listing-shrunk?" in command("upgraph", "problem", "listing-shrunken").err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(command: Command, shell: str) -> None:
    done = command("upgraph", "completion", shell)
    assert done.code == 0
    assert "_UPGRAPH_COMPLETE" in done.out


def test_the_completion_script_of_bash_is_valid(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(command("upgraph", "completion", "bash").out)
    subprocess.run(["/bin/bash", "-n", script], check=True, timeout=180)


class TestGraphShow:
    def test_a_table_has_a_row_for_each_version(
        self, command: Command, sample_flags: tuple[object, ...]
    ) -> None:
        done = command("upgraph", "graph", "show", *sample_flags, "--channel", "stable-4.17")
        assert done.code == 0
        assert re.search(r"^ 4\.17\.2 +\d+ +\d+ +SlowVolumes", done.out, re.MULTILINE)

    def test_a_wide_table_has_the_payload(self, command: Command, sample_flags: tuple[object, ...]) -> None:
        done = command("upgraph", "graph", "show", *sample_flags, "--channel", "stable-4.17", "-o", "wide")
        assert "registry.example/sample@sha256:" in done.out

    def test_json_is_what_clusters_get(self, command: Command, sample_flags: tuple[object, ...]) -> None:
        flags = (*sample_flags, "--channel", "fast-4.16", "--arch", "s390x")
        done = command("upgraph", "graph", "show", *flags, "-o", "json")
        assert client_violations(done.out.encode(), "fast-4.16", "s390x") == []
        assert yaml.safe_load(command("upgraph", "graph", "show", *flags, "-o", "yaml").out) == done.json

    def test_without_a_channel_the_whole_graph_is_shown(
        self, command: Command, sample_flags: tuple[object, ...]
    ) -> None:
        nodes = command("upgraph", "graph", "show", *sample_flags, "-o", "json").json["nodes"]
        assert {"4.14.0+s390x", "4.17.5+multi"} <= {node["version"] for node in nodes}

    def test_dot_has_a_line_for_each_node_and_edge(
        self, command: Command, sample_flags: tuple[object, ...]
    ) -> None:
        flags = (*sample_flags, "--channel", "stable-4.17")
        graph = command("upgraph", "graph", "show", *flags, "-o", "json").json
        lines = command("upgraph", "graph", "show", *flags, "-o", "dot").out.splitlines()
        edges = [line for line in lines if "->" in line]
        conditional = sum(len(group["edges"]) for group in graph["conditionalEdges"])
        assert lines[0].startswith("digraph")
        assert lines[-1] == "}"
        assert len(edges) == len(graph["edges"]) + conditional

    def test_an_unknown_channel_is_an_empty_graph(
        self, command: Command, sample_flags: tuple[object, ...]
    ) -> None:
        done = command("upgraph", "graph", "show", *sample_flags, "--channel", "none", "-o", "json")
        assert (done.code, done.json["nodes"]) == (0, [])
        assert command("upgraph", "graph", "show", *sample_flags, "--channel", "none").code == 0

    def test_findings_go_to_standard_error(self, command: Command, sample: Sample, tmp_path: Path) -> None:
        sources = ("--releases", f"oci:{sample.releases}", "--releases", f"oci:{tmp_path}/no")
        flags = (*sources, "--payload-repository", "x.example/a", "--graph-data", sample.graph_data)
        done = command("upgraph", "graph", "show", *flags, "-o", "json")
        assert "error: " in done.err
        assert "[oci-layout]" in done.err
        assert done.json["nodes"]


def test_tables_show_values_as_they_are(command: Command) -> None:
    done = command("upgraph", "config", "show", "--listen", "[fe80:0:0:0:a:b:c:d]:80")
    assert "[fe80:0:0:0:a:b:c:d]:80" in done.out
