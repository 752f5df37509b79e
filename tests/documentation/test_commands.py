"""Every command that a page, a remedy, a condition or a help tells people to type is taken as it stands there."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from tools.pages import Page
from upgraph.cli.main import upgraph
from upgraph.operator.installation.manifests import warning
from upgraph.operator.installation.parameters import Flavour, Installation

MADE = ("docs/reference/commands.md", "docs/reference/errors.md")
"""Pages that are made of helps and remedies, which are looked at themselves."""
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_BEGINNING = re.compile(r"(?:^|[\s(/`'\"])upgraph (?=[a-z])")
_WORD = re.compile(r"\s*((?:'[^']*'|\"[^\"]*\"|[^\s'\"|>])+)")
_VALUE = re.compile(r"\$\w+|[A-Z][A-Z0-9_./:=@-]*|\.{3}|.*[./:=@{}\d].*|-")
"""What can be an argument in the middle of a sentence: a placeholder, a file, an image, a number."""
_OPTION = re.compile(r"--?[a-z]")
_STOPS = ".,;:)`"
"""What ends a word of a sentence, and belongs to none of a command."""
_CHANGED = re.compile(r"upgraph operator manifests --image PULLSPEC.{,200}", re.DOTALL)
"""What is told to somebody who has installed the operator already, and only knows with what."""
_SUBSTITUTED = re.compile(r'"\$\([^)]*\)"')
_TYPED = re.compile(r"(?:^|[\s(/])upgraph ([^|<>&)]*)")


@dataclass(frozen=True, slots=True)
class Told:
    """A command that somebody is told to type."""

    where: str
    arguments: tuple[str, ...]
    is_whole: bool = True
    """Whether it can be typed as it stands; else it is the name of a command, maybe with that of an option."""


def in_line(where: str, line: str) -> Iterator[Told]:
    """The commands of a line that is typed."""
    # What the shell puts in there is an argument, whatever it is.
    typed = _SUBSTITUTED.sub("GIVEN", line.partition(" #")[0])
    for rest in _TYPED.findall(typed):
        yield Told(where, tuple(shlex.split(rest)))


def in_code(where: str, code: str) -> Iterator[Told]:
    """The command of a piece of code within a sentence."""
    for found in _TYPED.finditer(code):
        arguments = shlex.split(found[1])
        yield Told(where, tuple(arguments), _has_value(arguments) or "|" in code[found.end() :])


def in_sentence(where: str, text: str) -> Iterator[Told]:
    """The commands of a text without marks. Where one ends is told by its words."""
    for found in _BEGINNING.finditer(text):
        taken, rest = _taken(text[found.end() :])
        yield Told(where, tuple(taken), _has_value(taken) or rest.startswith(("|", ">")))


def _taken(text: str) -> tuple[list[str], str]:
    """The words of a command, and what follows."""
    command: click.Command = upgraph
    taken: list[str] = []
    wants_value = False
    while word := _WORD.match(text):
        bare = word[1] if word[1].endswith("...") else word[1].rstrip(_STOPS)
        is_option = _OPTION.match(bare) is not None
        found = _command_of(command, bare)
        if found is None and not (is_option or wants_value or _VALUE.fullmatch(bare)):
            break
        command = found or command
        taken.append(bare)
        wants_value = is_option and "=" not in bare and _takes_value(command, bare)
        text = text[word.end() :]
        if bare != word[1]:
            return taken, ""
    return taken, text.lstrip()


def _has_value(arguments: list[str]) -> bool:
    """Whether there is more than the name of a command and those of options."""
    command: click.Command = upgraph
    for place, one in enumerate(arguments):
        found = _command_of(command, one)
        if found is None:
            return any("=" in each or not _OPTION.match(each) for each in arguments[place:])
        command = found
    return False


def _command_of(command: click.Command, name: str) -> click.Command | None:
    return command.get_command(click.Context(command), name) if isinstance(command, click.Group) else None


def _takes_value(command: click.Command, option: str) -> bool:
    return any(
        option in one.opts and not (one.is_flag or one.count)
        for one in command.params
        if isinstance(one, click.Option)
    )


def refusal(told: Told) -> str:
    """Why the command line does not take a command; empty where it does. Nothing is done."""
    command: click.Command = upgraph
    given = [shlex.split(one)[0] if one else one for one in told.arguments]
    while isinstance(command, click.Group) and given and not given[0].startswith("-"):
        found = _command_of(command, given[0])
        if found is None:
            return f"there is no command {given[0]}"
        command, given = found, given[1:]
    if not told.is_whole:
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        return " ".join({one for one in given if one.startswith("-")} - known)
    try:
        command.make_context(command.name, given, parent=click.Context(upgraph, info_name="upgraph"))
    except click.exceptions.Exit:
        return ""
    except click.UsageError as error:
        # Of a placeholder, as of a file that is not here, nobody can say whether it is a right one.
        is_value = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
        return "" if is_value else error.format_message()
    return ""


def in_source(root: Path) -> Iterator[Told]:
    """The commands that remedies, conditions and messages tell."""
    for file in sorted((root / "src" / "upgraph").rglob("*.py")):
        where = file.relative_to(root).as_posix()
        # A help has lines that are typed; see :func:`in_help`.
        for text in _texts(ast.parse(file.read_text())):
            if "Examples:" not in text:
                yield from in_sentence(where, text)


def _texts(tree: ast.AST) -> Iterator[str]:
    """All texts of a module as they are shown; of what is put in, only that it is there."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "GIVEN" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def in_help(command: click.Command = upgraph, name: str = "upgraph") -> Iterator[Told]:
    """The examples of the commands."""
    for line in (command.epilog or "").replace("\\\n", " ").splitlines():
        yield from in_line(f"{name} --help", line)
    if isinstance(command, click.Group):
        for each in command.list_commands(click.Context(command)):
            found = _command_of(command, each)
            assert found is not None
            yield from in_help(found, f"{name} {each}")


def in_pages(pages: list[Page]) -> Iterator[Told]:
    """The commands that are shown, in sentences and cells of tables as well."""
    for page in pages:
        if page.name in MADE:
            continue
        for line in page.commands():
            yield from in_line(page.name, line)
        for code in _CODE.findall(page.text):
            yield from in_code(page.name, code.replace("\\|", "|"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever a command would read or write by its arguments is not here.
    monkeypatch.chdir(tmp_path)


def faults(told: list[Told]) -> list[str]:
    return [
        f"{one.where}: upgraph {' '.join(one.arguments)}: {seen}" for one in told if (seen := refusal(one))
    ]


def test_every_command_that_a_page_tells_is_taken(pages: list[Page]) -> None:
    told = list(in_pages(pages))
    assert len([one for one in told if one.is_whole]) > 100
    assert faults(told) == []


def test_every_command_that_a_remedy_or_a_condition_tells_is_taken(root: Path) -> None:
    told = list(in_source(root))
    assert any(one.where.endswith("problems/reconcile.py") and one.is_whole for one in told)
    assert faults(told) == []


def test_whoever_changes_an_installation_is_told_to_give_its_other_options_too(
    pages: list[Page], root: Path
) -> None:
    # Without them it would be another one, in another namespace, or its node could not pull the image any more.
    texts = [(one.name, one.text) for one in pages if one.name not in MADE]
    for file in (root / "src" / "upgraph").rglob("*.py"):
        texts += [(file.name, text) for text in _texts(ast.parse(file.read_text()))]
    told = [(where, found) for where, text in texts for found in _CHANGED.findall(text)]
    assert len(told) > 1
    assert [where for where, text in told if "with the other options of the installation" not in text] == []


@pytest.mark.parametrize("flavour", Flavour)
def test_pages_tell_the_removal_that_stands_in_what_is_installed(pages: list[Page], flavour: Flavour) -> None:
    (told,) = re.findall(r"(?m)^# +(upgraph .*)$", warning(Installation(image="any", flavour=flavour)))
    (page,) = (one for one in pages if one.name == f"docs/how-to/operator-{flavour}.md")
    assert told in page.commands()


def test_every_command_that_a_help_shows_is_taken() -> None:
    told = list(in_help())
    assert len(told) > 50
    assert faults(told) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Apply it: upgraph operator manifests | kubectl apply -f -.", id="required, in a pipe"),
        pytest.param(
            "allow it: upgraph operator manifests --ca-configmap NAME. Else", id="required, with a value"
        ),
        pytest.param("say upgraph trust explain HOST:PORT --loud.", id="option"),
        pytest.param("call upgraph updateservice status --newer", id="option that is named"),
        pytest.param("upgraph graph-data fetch -o DIR", id="argument"),
    ],
)
def test_a_command_that_would_be_refused_is_seen_in_a_sentence(text: str) -> None:
    assert len(faults(list(in_sentence("here", text)))) == 1


@pytest.mark.parametrize("code", ["upgraph graph shows", "upgraph serve --newer", "upgraph status -o json"])
def test_a_command_that_would_be_refused_is_seen_in_code(code: str) -> None:
    assert len(faults(list(in_code("here", code)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("upgraph pull-secret show tells what a pull secret holds.", id="name"),
        pytest.param("with upgraph updateservice create --point-cluster, or by hand", id="name of an option"),
        pytest.param("(upgraph operator manifests --crd-only).", id="in brackets"),
        pytest.param("upgraph operator manifests installs it.", id="sentence"),
        pytest.param("upgraph updateservice status NAME shows all conditions", id="sentence after a value"),
    ],
)
def test_what_people_can_type_or_only_read_is_taken(text: str) -> None:
    assert faults(list(in_sentence("here", text))) == []
