"""Whoever searches for the reason of a condition finds it, with what to do."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.pages import Page

PAGE = "docs/how-to/update-service-not-available.md"
_WORD = re.compile(r"[A-Z][A-Za-z]+")


def reasons(folder: Path) -> Iterator[str]:
    """Every reason that the operator gives: what troubles and conditions are made with, also through constants."""
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text())
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for given in (one for node in ast.walk(tree) for one in _given_in(node)):
            value = constants.get(given.id) if isinstance(given, ast.Name) else given
            if isinstance(value, ast.Constant) and _WORD.fullmatch(str(value.value)):
                yield str(value.value)


def _given_in(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["reason"]:
        yield from [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in {"Trouble", "Trouble.of", "of_source", "of_registry"}:
            yield from node.args[:1]
        elif name == "Condition":
            yield from node.args[2:3]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")


@pytest.fixture(scope="module")
def found(root: Path) -> set[str]:
    return set(reasons(root / "src" / "upgraph" / "operator"))


def test_every_reason_is_on_the_page_about_conditions(found: set[str], page: Callable[[str], Page]) -> None:
    text = page(PAGE).text
    assert [reason for reason in sorted(found) if f"`{reason}`" not in text] == []


def test_reasons_are_found_in_the_code(found: set[str]) -> None:
    assert {"CreateRouteFailed", "Success", "NotConfigured", "NoReplicaReady"} & found
    assert len(found) > 20


def test_every_reason_that_begins_a_row_of_the_page_is_one_of_the_operator(
    found: set[str], page: Callable[[str], Page]
) -> None:
    # Those of objects that cannot be written are composed of a verb and a kind.
    composed = re.compile(r"(Ensure|Create|Update)\w+Failed")
    rows = re.findall(r"^\| (?:(?:True|False|Unknown) )?((?:`\w+`(?:, )?)+)", page(PAGE).text, re.MULTILINE)
    told = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert sorted(one for one in told - found if not composed.fullmatch(one)) == []
