"""Whatever a page tells people to type or to write is accepted by the program of today."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import yaml

from tools.pages import Page
from upgraph.cli import demo
from upgraph.cli.graph_builder import command as graph_builder
from upgraph.cli.main import upgraph
from upgraph.cli.metadata_helper import command as metadata_helper
from upgraph.cli.policy_engine import command as policy_engine
from upgraph.graph import Pattern
from upgraph.graphdata.rules import read_rule
from upgraph.service import cincinnati
from upgraph.service.answering.server import Bound
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check
from upgraph.service.origins import resolve
from upgraph.service.running import Addresses

READMES = ("README.md", "README.zh-CN.md")
PROGRAMS = {
    "upgraph": upgraph,
    "graph-builder": graph_builder,
    "policy-engine": policy_engine,
    "metadata-helper": metadata_helper,
}
_CALL = re.compile(r"(?:^|[\s(/])(upgraph|graph-builder|policy-engine|metadata-helper) ([^|>)]*)")
_SUBSTITUTED = re.compile(r'"\$\([^)]*\)"')
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


GetPage = Callable[[str], Page]


def _calls(pages: list[Page]) -> Iterator[tuple[str, str, list[str]]]:
    """Every call of one of our programs: page, program, arguments."""
    for page in pages:
        for line in page.commands():
            # What the shell puts in there is an argument, whatever it is.
            typed = _SUBSTITUTED.sub("GIVEN", line.partition(" #")[0])
            for program, rest in _CALL.findall(typed):
                yield page.name, program, shlex.split(rest)


def _unknown(command: click.Command, arguments: list[str]) -> list[str]:
    """Commands and flags among ``arguments`` that do not exist."""
    context = click.Context(command)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(context, arguments[0])
        if found is None:
            return [arguments[0]]
        command, arguments = found, arguments[1:]
    known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"-h", "--help"}
    flags = [argument.partition("=")[0] for argument in arguments if re.match(r"--?[a-z]", argument)]
    return [flag for flag in flags if flag not in known and not re.fullmatch(r"-v+", flag)]


def test_every_command_and_flag_that_a_page_shows_exists(pages: list[Page]) -> None:
    calls = list(_calls(pages))
    assert len(calls) > 15
    wrong = [
        (name, program, bad) for name, program, given in calls if (bad := _unknown(PROGRAMS[program], given))
    ]
    assert wrong == []


@pytest.mark.parametrize("call", ["serv --ca x", "serve --cas x", "graph shows"])
def test_a_command_that_does_not_exist_is_seen(call: str) -> None:
    assert len(_unknown(upgraph, call.split())) == 1


def test_every_make_target_that_a_page_shows_exists(pages: list[Page], root: Path) -> None:
    targets = set(_TARGET.findall((root / "Makefile").read_text()))
    shown = {
        word
        for page in pages
        for word in re.findall(r"(?:`|\$ |^    )make ([a-z]+)", page.text, re.MULTILINE)
    }
    assert {"demo", "test", "docs"} <= shown <= targets


def test_both_readmes_show_the_same_and_lead_to_each_other(page: GetPage) -> None:
    english, chinese = map(page, READMES)
    assert english.blocks("text") == chinese.blocks("text")
    assert "(README.zh-CN.md)" in english.text
    assert "(README.md)" in chinese.text


def test_the_example_of_a_configuration_file_is_accepted(page: GetPage, tmp_path: Path) -> None:
    (example,) = page("docs/reference/configuration.md").blocks("toml")
    file = tmp_path / "upgraph.toml"
    file.write_text(example)
    check(resolve({}, {}, [file]).configuration)


def test_the_example_of_a_graph_builder_is_accepted_without_a_warning(page: GetPage) -> None:
    shown = page("docs/how-to/replace-cincinnati.md").text
    toml = shown[shown.index("verbosity =") : shown.index("$ graph-builder")]
    assert cincinnati.graph_builder({}, tomllib.loads(toml)).warnings == []


def test_the_rules_that_are_shown_are_rules_without_a_doubt(page: GetPage) -> None:
    examples = page("docs/how-to/graph-data.md").blocks("yaml")
    assert [read_rule("blocked-edges/example.yaml", text.encode()).findings for text in examples] == [(), ()]


def test_every_yaml_that_is_shown_can_be_read(pages: list[Page]) -> None:
    blocks = [text for page in pages for text in page.blocks("yaml")]
    assert [text for text in blocks if not yaml.safe_load(text)] == []


def test_the_readmes_show_what_the_demo_says(page: GetPage, capsys: pytest.CaptureFixture[str]) -> None:
    place = Path("/tmp/upgraph-demo-k8yn2f1s/graph-data")
    announcement = demo._Announcement(Configuration(), place)
    clients, status = Bound("127.0.0.1", 40219), Bound("127.0.0.1", 36301)
    announcement.started(Addresses(clients=clients, builder_clients=None, graph_data=None, status=status))
    announcement.ready()
    said = capsys.readouterr().out.strip()
    assert [said in page(name).blocks("text")[1] for name in READMES] == [True, True]


def _patterns(text: str) -> list[str]:
    """The code in the rows of tables, with the bars that a table has to escape."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [code.replace("\\|", "|") for row in rows for code in re.findall(r"`([^`]+)`", row)]


def test_the_patterns_that_are_called_safe_mean_the_same_everywhere(page: GetPage) -> None:
    safe = _patterns(page("docs/reference/patterns.md").text.partition("## Refused")[0])
    patterns = [Pattern.compile(text if text[0] not in "*+?{" else f"4{text}") for text in safe]
    assert len(patterns) > 15
    assert [pattern.text for pattern in patterns if pattern.differences] == []


@pytest.mark.parametrize("construct", ["&&", "--", "~~", "["])
def test_what_a_page_calls_different_inside_a_class_is_reported(page: GetPage, construct: str) -> None:
    assert f"`{construct}`" in page("docs/reference/patterns.md").text
    assert Pattern.compile(f"[a-z{construct}m]").differences
