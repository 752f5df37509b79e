"""The log: one event a line, whatever names come from outside."""

import json
import logging

import pytest

from upgraph.service.log import start_logging


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


def test_a_name_cannot_begin_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("text", "info")
    logging.getLogger("upgraph").error("tag %s", "a\n2026-01-01 INFO all is well", extra={"reference": "x-y"})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(r"tag a\n2026-01-01 INFO all is well [x-y]")


def test_json_lines_have_level_reference_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("json", "info")
    logging.getLogger("upgraph").warning("seen %d", 3, extra={"reference": "x-y"})
    logging.getLogger("upgraph").debug("not shown")
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["reference"], found["message"]) == ("warning", "x-y", "seen 3")
    assert found["time"].endswith("Z")


def test_a_name_that_is_no_text_spoils_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("json", "info")
    logging.getLogger("upgraph").error("tag %s", "a\udcff")
    assert json.loads(capsys.readouterr().err)["message"] == r"tag a\udcff"
