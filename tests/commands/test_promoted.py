"""Lists of promoted versions from one environment to the next."""

from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release

FILES = {
    "version": "1.1.0\n",
    "raw/metadata.json": "{}\n",
    "blocked-edges/4.1.2-Risky.yaml": (
        "to: 4.1.2\nfrom: .*\nurl: https://example.com\nname: Risky\nmessage: It may fail.\n"
        "matchingRules:\n- type: Always\n"
    ),
    "channels/stable-4.1.yaml": "name: stable-4.1\nversions: [4.1.0, 4.1.1, 4.1.2]\n",
}


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Three releases for two architectures; the updates into the last carry a risk."""
    place = tmp_path_factory.mktemp("promoted")
    versions = ("4.1.0", "4.1.1", "4.1.2")
    with LayoutWriter(place / "layout") as layout:
        for at, version in enumerate(versions):
            for arch in ("amd64", "arm64"):
                add_release(
                    layout, ReleaseContent(version, previous=versions[:at]), arch, f"{version}-{arch}"
                )
    for name, text in FILES.items():
        (place / "graph-data" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "graph-data" / name).write_text(text)
    releases = ("--releases", f"oci:{place}/layout", "--payload-repository", "x.example/a")
    return (*releases, "--graph-data", str(place / "graph-data"))


def test_what_a_graph_recommends_is_a_list_with_architectures(
    command: Command, flags: tuple[str, ...]
) -> None:
    done = command("upgraph", "graph", "recommended", *flags)
    assert done.out == "4.1.1+amd64\n4.1.1+arm64\n4.1.2+amd64\n4.1.2+arm64\n"


def test_what_a_channel_recommends_has_no_architecture(command: Command, flags: tuple[str, ...]) -> None:
    line = ("upgraph", "graph", "recommended", "--channel", "stable-4.1", "--arch", "arm64", *flags)
    assert command(*line).out == "4.1.1\n4.1.2\n"
    assert command(*line, "-o", "json").json == ["4.1.1", "4.1.2"]


def test_the_list_of_one_environment_restricts_the_next(
    command: Command, flags: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "testing").write_text("4.1.1 # passed\n")
    testing = command("upgraph", "graph", "recommended", *flags, "--promoted", tmp_path / "testing")
    (tmp_path / "staging").write_text(testing.out)
    line = ("upgraph", "graph", "show", *flags, "--promoted", tmp_path / "staging")
    shown = command(*line, "--channel", "stable-4.1", "-o", "json").json
    assert [node["version"] for node in shown["nodes"]] == ["4.1.0", "4.1.1", "4.1.2"]
    assert (shown["edges"], shown["conditionalEdges"]) == ([[0, 1]], [])


def test_a_broken_list_ends_the_command_with_file_and_line(
    command: Command, flags: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("4.1.1\n4.1\n")
    done = command("upgraph", "graph", "show", *flags, "--promoted", tmp_path / "list")
    assert (done.code, f"{tmp_path}/list:2: not a version: '4.1'" in done.err) == (3, True)
    assert "promotion-invalid" in done.err


def test_an_empty_list_is_warned_of(command: Command, flags: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# nothing passed yet\n")
    done = command("upgraph", "graph", "recommended", *flags, "--promoted", tmp_path / "list")
    assert (done.code, done.out) == (0, "")
    assert "promotion-empty" in done.err
