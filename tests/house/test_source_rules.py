"""The repository keeps its own rules, and each rule sees what breaks it."""

from collections.abc import Callable

import pytest

from tools import house_rules
from tools.house_rules import Source

LONG_FUNCTION = "def long():\n" + "    pass\n" * 50
LONG_DOCSTRING = 'def short():\n    """Says\n' + "    much\n" * 60 + '    """\n'
BROKEN = [
    pytest.param(house_rules.without_docstring, "src/upgraph/a.py", "x = 1\n", id="no docstring"),
    pytest.param(house_rules.wrong_exports, "src/upgraph/a/__init__.py", "def f(): ...\n", id="not exported"),
    pytest.param(
        house_rules.wrong_exports,
        "src/upgraph/a/__init__.py",
        "from upgraph.a.b import c, d\n__all__ = ['c', 'c']\n",
        id="exported twice and left out",
    ),
    pytest.param(
        house_rules.wrong_exports, "src/upgraph/a/__init__.py", "__all__ = ['c']\n", id="nothing there"
    ),
    pytest.param(house_rules.long_files, "src/upgraph/a.py", "\n" * 401, id="long file"),
    pytest.param(house_rules.long_files, "tests/a.py", "\n" * 601, id="long test file"),
    pytest.param(house_rules.long_functions, "src/upgraph/a.py", LONG_FUNCTION, id="long function"),
    pytest.param(house_rules.names_without_meaning, "src/upgraph/utils.py", "", id="name without meaning"),
    pytest.param(
        house_rules.names_without_meaning, "src/upgraph/common/a.py", "", id="folder without meaning"
    ),
    pytest.param(house_rules.forbidden_text, "docs/a.md", "see /" + "work/main", id="machine path"),
    pytest.param(house_rules.forbidden_text, "Makefile", "cp ../" + "shared/data", id="path beside the tree"),
    pytest.param(
        house_rules.forbidden_text, "a.lock", "--index-url https://py" + "pi.org", id="package index"
    ),
]
KEPT = [
    pytest.param(
        house_rules.wrong_exports,
        "src/upgraph/a/__init__.py",
        "import re\nfrom upgraph.errors import Problem\nfrom upgraph.a.b import c\n__all__ = ['c']\n",
        id="what a room only uses",
    ),
    pytest.param(house_rules.long_functions, "src/upgraph/a.py", LONG_DOCSTRING, id="long docstring"),
    pytest.param(house_rules.long_files, "tests/a.py", "\n" * 600, id="test file at the limit"),
    pytest.param(house_rules.forbidden_text, ".ci/run", "cd ../" + "shared/data", id="the gate"),
]
Rule = Callable[[list[Source]], list[str]]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_sees_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert len(rule([Source(path, text)])) == 1


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_a_rule_lets_pass_what_is_right(rule: Rule, path: str, text: str) -> None:
    assert rule([Source(path, text)]) == []


def test_every_module_says_what_it_is_for(product: list[Source]) -> None:
    assert house_rules.without_docstring(product) == []


def test_every_room_exports_exactly_what_it_offers(product: list[Source]) -> None:
    assert house_rules.wrong_exports(product) == []


def test_no_file_is_too_long(modules: list[Source]) -> None:
    assert house_rules.long_files(modules) == []


def test_no_function_is_too_long(modules: list[Source]) -> None:
    assert house_rules.long_functions(modules) == []


def test_no_module_has_a_name_without_meaning(modules: list[Source]) -> None:
    assert house_rules.names_without_meaning(modules) == []


def test_no_file_speaks_of_a_machine_or_a_package_index(texts: list[Source]) -> None:
    assert house_rules.forbidden_text(texts) == []
