"""How any command ends when something goes wrong: in words, with an exit code, without a stack trace."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from upgraph.cli.main import run
from upgraph.errors import DataError, Problem, RemoteError, UpgraphError, UserError, VerificationError

PROBLEM = Problem("made-up", "It is made up", "It matters to tests.", "Nothing is to be done.")
UPGRAPH = Path(sys.executable).parent / "upgraph"


def _ends_with(error: BaseException) -> Callable[[], int]:
    @click.command()
    def command() -> None:
        raise error

    return lambda: run(command, [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpgraphError(PROBLEM, "seen"), 1),
        (UserError(PROBLEM, "seen"), 2),
        (DataError(PROBLEM, "seen"), 3),
        (RemoteError(PROBLEM, "seen"), 4),
        (VerificationError(PROBLEM, "seen"), 5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_told_with_reason_remedy_and_reference(
    error: UpgraphError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ends_with(error)() == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: seen",
        "  why it matters: It matters to tests.",
        "  what to do:     Nothing is to be done.",
        "  reference:      made-up (upgraph problem made-up)",
    ]


def test_what_was_seen_neither_moves_the_cursor_nor_begins_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    _ends_with(DataError(PROBLEM, "a tag \x1b[2K\x1b[1A\nerror: all is well \udcff"))()
    first = capsys.readouterr().err.splitlines()[0]
    assert first == r"error: a tag \x1b[2K\x1b[1A\nerror: all is well \udcff"


def test_the_better_remedy_of_a_case_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    _ends_with(UserError(PROBLEM, "seen", remedy="Give --x."))()
    assert "what to do:     Give --x." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.exceptions.Exit(7), 7),
        (click.UsageError("x"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_ends_have_their_usual_codes(error: BaseException, code: int) -> None:
    assert _ends_with(error)() == code


def test_an_unexpected_error_is_logged_with_what_a_report_needs(caplog: pytest.LogCaptureFixture) -> None:
    assert _ends_with(RuntimeError("odd"))() == 1
    (record,) = caplog.records
    assert "please report it" in record.getMessage()
    assert record.exc_info is not None


def test_who_reads_only_the_beginning_of_the_output_is_not_told_about_it() -> None:
    script = f"{UPGRAPH} config show -o yaml | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False, timeout=180)
    assert (done.stdout, done.stderr) == (b"-", b"")
