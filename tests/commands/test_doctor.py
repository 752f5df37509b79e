"""``upgraph doctor``: the checks in a terminal, as a document, and as an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command

DEAD = "docker+http://127.0.0.1:9/ocp/release"
PORTS = ("--listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0")


def test_sources_that_are_well_give_0(command: Command, sample_flags: tuple[object, ...]) -> None:
    done = command("upgraph", "doctor", *sample_flags, *PORTS)
    assert (done.code, done.err) == (0, "")
    assert "  ok       release     tag 4.17.5-x86_64 is release 4.17.5 for amd64" in done.out
    assert "0 error, 0 skipped" in done.out


def test_a_check_that_fails_gives_3_and_says_what_mends_it(
    command: Command, sample_flags: tuple[object, ...]
) -> None:
    done = command("upgraph", "doctor", *sample_flags, "--releases", DEAD, *PORTS)
    assert done.code == 3
    lines = [line.strip() for line in done.out.splitlines()]
    at = lines.index("error    tcp          no connection to 127.0.0.1:9: 127.0.0.1: Connection refused")
    assert lines[at + 1].startswith("why it matters: Nothing can be read")
    assert lines[at + 2].startswith("what to do: ")
    assert "$ timeout 5 bash -c '</dev/tcp/127.0.0.1/9' && echo open" in lines[at:]
    assert "reference: connect-failed" in lines[at:]


def test_a_word_in_the_environment_counts_as_for_the_service(
    command: Command, sample_flags: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPGRAPH_STATE_DIR", "/dev/null/state")
    done = command("upgraph", "doctor", *sample_flags, *PORTS)
    assert (done.code, "state-unwritable" in done.out) == (3, True)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_get_every_field_of_every_check(
    command: Command, sample_flags: tuple[object, ...], form: str
) -> None:
    done = command("upgraph", "doctor", *sample_flags, "--releases", DEAD, *PORTS, "-o", form)
    document = yaml.safe_load(done.out)
    (failed,) = [check for check in document["checks"] if check["result"] == "error"]
    assert document["result"] == "error"
    assert document["counts"]["error"] == 1
    assert (failed["name"], failed["subject"], failed["reference"]) == (
        "tcp",
        "127.0.0.1:9",
        "connect-failed",
    )
    assert all(failed[field] for field in ("seen", "title", "why", "remedy", "repair", "verify"))
    skipped = [check["blocked_by"] for check in document["checks"] if check["result"] == "skipped"]
    assert set(skipped) == {"tcp 127.0.0.1:9"}


def test_only_what_is_chosen_runs(command: Command, sample_flags: tuple[object, ...]) -> None:
    done = command("upgraph", "doctor", *sample_flags, *PORTS, "--only", "graph-data", "-o", "json")
    assert [check["name"] for check in done.json["checks"]] == ["graph-data"]


def test_a_check_that_does_not_exist_is_refused_with_those_that_do(
    command: Command, sample_flags: tuple[object, ...]
) -> None:
    done = command("upgraph", "doctor", *sample_flags, *PORTS, "--only", "tsl")
    assert done.code == 2
    assert "no check is called 'tsl' here; there are access, " in done.err


def test_a_service_without_sources_is_refused(command: Command) -> None:
    assert command("upgraph", "doctor").code == 2


def test_a_name_that_nobody_knows_is_told_with_the_servers_that_were_asked(
    sample_flags: tuple[object, ...], tmp_path: Path
) -> None:
    # In a process of its own: tests themselves ask for no names.
    flags = [*map(str, sample_flags), "--releases", "docker://registry.invalid/ocp/release", *PORTS]
    line = [str(Path(sys.executable).parent / "upgraph"), "doctor", *flags, "--only", "dns", "-o", "json"]
    done = subprocess.run(line, capture_output=True, timeout=180, check=False, cwd=tmp_path)
    document = json.loads(done.stdout)
    (check,) = [one for one in document["checks"] if one["name"] == "dns"]
    assert (done.returncode, check["reference"]) == (3, "name-unresolved")
    assert check["seen"].startswith("registry.invalid (registry.invalid:443) cannot be resolved: ")
    assert "getent hosts registry.invalid" in check["verify"]
