"""The catalogue of problems is complete, unambiguous and used."""

from collections import Counter

import pytest

from tools import house_rules
from tools.house_rules import Source
from upgraph.errors import Problem
from upgraph.errors.problems import every_problem


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return [problem for room in every_problem().values() for problem in room]


def test_every_reference_names_one_problem(problems: list[Problem]) -> None:
    counts = Counter(problem.reference for problem in problems)
    assert [reference for reference, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("field", ["why", "remedy"])
def test_every_problem_explains_itself_in_sentences(problems: list[Problem], field: str) -> None:
    texts = {problem.reference: str(getattr(problem, field)) for problem in problems}
    assert [reference for reference, text in texts.items() if not text.strip().endswith(".")] == []


def test_every_title_is_a_few_words_on_one_line(problems: list[Problem]) -> None:
    titles = {problem.reference: problem.title for problem in problems}
    assert [ref for ref, title in titles.items() if not 0 < len(title.strip()) <= 100 or "\n" in title] == []


def test_every_problem_is_reported_somewhere(product: list[Source]) -> None:
    assert house_rules.unused_problems(product) == []


def test_every_reference_that_code_compares_with_exists(
    modules: list[Source], problems: list[Problem]
) -> None:
    known = frozenset(problem.reference for problem in problems)
    assert house_rules.unknown_references(modules, known) == []


def test_a_problem_that_nothing_reports_is_seen() -> None:
    catalogue = Source("src/upgraph/errors/problems/a.py", "LOST = Problem('a-b', '', '', '')\n")
    user = Source("src/upgraph/a.py", "from upgraph.errors.problems.a import LOST\n")
    assert house_rules.unused_problems([catalogue, user]) == ["src/upgraph/errors/problems/a.py: LOST"]


def test_a_reference_that_nobody_defined_is_seen() -> None:
    test = Source("tests/test_a.py", "assert caught.value.reference == 'no-such'\n")
    assert house_rules.unknown_references([test], frozenset({"a-b"})) == ["tests/test_a.py:1: no-such"]
