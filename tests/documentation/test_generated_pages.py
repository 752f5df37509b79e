"""What is made from the code is what the code says, and leaves nothing out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import generate_docs
from upgraph.errors.problems import every_problem
from upgraph.service.configuration import SETTINGS

PAGES = generate_docs.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (generate_docs.REFERENCE / name).read_text() == PAGES[name], "run `make docs`"


def test_every_problem_has_an_anchor_and_its_own_words() -> None:
    page = PAGES["errors.md"]
    for problem in (problem for problems in every_problem().values() for problem in problems):
        assert f"\n### {problem.reference}\n" in page
        assert problem.title.rstrip(".") in page


def test_every_setting_is_in_the_reference_with_its_three_names() -> None:
    page = PAGES["configuration.md"]
    for one in SETTINGS.values():
        assert f"\n## {one.name}\n" in page
        assert f"`--{one.name}" in page
        assert f"`{one.environment}`" in page


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "scrape",
        "bundle create",
        "bundle check",
        "config show",
        "graph show",
        "problem",
        "release new",
        "release info",
        "release diff",
        "release extract",
        "release verify",
        "demo",
        "completion",
    ],
)
def test_every_command_is_in_the_reference(command: str) -> None:
    assert f"\n## upgraph {command}\n" in PAGES["commands.md"]


def test_flags_and_addresses_in_texts_become_code() -> None:
    text = "Give --ca FILE, or docker+http://... for `make --silent`, and *.pem."
    wanted = "Give `--ca` FILE, or `docker+http://...` for `make --silent`, and `*.pem`."
    assert generate_docs.as_markdown(text) == wanted


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [(4096, "bytes", "4 KiB"), (1500, "bytes", "1,500 bytes"), (50_000, "", "50,000"), (0.5, "s", "0.5 s")],
)
def test_an_amount_is_written_for_people(number: float, unit: str, shown: str) -> None:
    assert generate_docs.amount(number, unit) == shown


def test_a_page_that_is_out_of_date_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_docs, "REFERENCE", tmp_path)
    assert generate_docs.main(["--check"]) == 1
    assert generate_docs.main([]) == 0
    assert generate_docs.main(["--check"]) == 0


def test_the_documentation_builds_without_a_warning(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", tmp_path / "trees", root / "docs", tmp_path / "html"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
