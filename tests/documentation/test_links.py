"""Pages lead to what is there: files, tests, metrics, problems. Nobody who reads them can search the web."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import generate_docs
from tools.pages import Page
from upgraph.errors.problems import every_problem

_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_METRIC = re.compile(r"\b(?:upgraph|cincinnati_(?:pe|gb)|metadata_helper)_[a-z_]+[a-z]\b")
_REFERENCE = re.compile(r"errors\.md#([a-z0-9-]+)")


GetPage = Callable[[str], Page]


def _links(pages: list[Page]) -> Iterator[tuple[Page, str]]:
    for page in pages:
        yield from ((page, target) for target in _LINK.findall(page.prose) if "://" not in target)


def test_every_link_leads_to_a_file(pages: list[Page], root: Path) -> None:
    found = list(_links(pages))
    assert len(found) > 30
    lost = [
        (page.name, target)
        for page, target in found
        if not (root / page.name).parent.joinpath(target).exists()
    ]
    assert lost == []


def test_no_page_sends_readers_to_the_web(pages: list[Page]) -> None:
    prose = {page.name: re.findall(r"https?://[^\s)]+", page.prose) for page in pages}
    assert {name: found for name, found in prose.items() if found} == {}


def test_every_test_that_is_named_exists(pages: list[Page], root: Path) -> None:
    named = {match for page in pages for match in _TEST.findall(page.text)}
    assert len(named) > 30
    lost = [f"{file}::{name}" for file, name in sorted(named) if not _has_test(root / file, name)]
    assert lost == []


def _has_test(file: Path, name: str) -> bool:
    return file.exists() and (not name or f"def {name}(" in file.read_text())


def test_every_problem_that_a_page_leads_to_exists(pages: list[Page]) -> None:
    known = {problem.reference for problems in every_problem().values() for problem in problems}
    assert {reference for page in pages for reference in _REFERENCE.findall(page.text)} <= known


def test_every_metric_that_is_shown_exists(pages: list[Page]) -> None:
    reference = generate_docs.pages()["metrics.md"]
    shown = {(page.name, metric) for page in pages for metric in _METRIC.findall(page.text)}
    assert {"docs/how-to/monitor.md", "docs/how-to/many-clusters.md"} <= {name for name, _ in shown}
    assert sorted((name, metric) for name, metric in shown if f"`{metric}`" not in reference) == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_leads_to_the_main_pages(name: str, page: GetPage) -> None:
    for target in (
        "quick-start",
        "how-to/index",
        "how-it-works",
        "compatibility",
        "limits",
        "reference/configuration",
    ):
        assert f"(docs/{target}.md)" in page(name).text
