"""``upgraph graph-data`` with a registry of a site: an authority of its own, and a login."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.testing.certificates import make_certificates
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    storage, keys = tmp_path / "storage", tmp_path / "keys"
    storage.mkdir()
    keys.mkdir()
    with real_registry(storage, certificates=make_certificates(keys), login=True) as running:
        yield running


@pytest.fixture
def reach(registry: RealRegistry, tmp_path: Path) -> tuple[object, ...]:
    """Flags with which the registry is trusted and logged in to."""
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    auth = tmp_path / "auth.json"
    auth.write_text(json.dumps({"auths": {f"127.0.0.1:{registry.port}": {"auth": login}}}))
    assert registry.certificates is not None
    return ("--ca", registry.certificates.certificate, "--authfile", auth)


def test_what_is_printed_is_what_the_registry_serves(
    command: Command, registry: RealRegistry, reach: tuple[object, ...], tmp_path: Path
) -> None:
    starter, fetched = tmp_path / "starter", tmp_path / "fetched"
    command("upgraph", "graph-data", "new", starter)
    place = f"docker://127.0.0.1:{registry.port}/site/graph-data:1"
    packed = command("upgraph", "graph-data", "pack", starter, "-o", place, *reach)
    assert (packed.code, packed.err) == (0, "")
    got = command("upgraph", "graph-data", "fetch", f"docker://{packed.out.strip()}", "-o", fetched, *reach)
    assert got.code == 0
    for file in ("channels/stable-1.1.yaml", "blocked-edges/1.0.2.yaml"):
        assert (fetched / file).read_bytes() == (starter / file).read_bytes()


def test_a_tag_of_another_image_is_taken_only_on_purpose(
    command: Command, registry: RealRegistry, reach: tuple[object, ...], tmp_path: Path
) -> None:
    starter = tmp_path / "starter"
    command("upgraph", "graph-data", "new", starter)
    place = f"docker://127.0.0.1:{registry.port}/site/graph-data:1"
    pack = ("upgraph", "graph-data", "pack", starter, "-o", place, *reach)
    first = command(*pack)
    (starter / "blocked-edges" / "1.0.2.yaml").unlink()
    assert command(*pack).code == 2
    second = command(*pack, "--overwrite")
    assert second.code == 0
    assert second.out != first.out
