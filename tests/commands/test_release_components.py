"""``upgraph release components``: a release is copied with everything that it refers to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command
from upgraph.oci import OCI_LAYER_GZIP, LayoutWriter
from upgraph.testing.real_registry import RealRegistry, real_registry

LIST = ("upgraph", "release", "components")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """A registry without TLS that has the images ``app`` and ``web``."""
    with LayoutWriter(tmp_path / "made") as layout:
        for name in ("app", "web"):
            layer = layout.blob(name.encode(), OCI_LAYER_GZIP)
            layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag=name)
    (tmp_path / "registry").mkdir()
    with real_registry(tmp_path / "registry") as running:
        for name in ("app", "web"):
            running.push(tmp_path / "made", name, f"upstream/{name}")
        yield running


@pytest.fixture
def release(command: Command, registry: RealRegistry, tmp_path: Path) -> str:
    """The name of a release for two architectures."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}\n"
    )
    images = [
        f"--image={name}=docker+http://{place(registry, f'upstream/{name}')}:{name}"
        for name in ("app", "web")
    ]
    name = f"docker+http://{place(registry, 'upstream/release')}"
    done = command(
        *("upgraph", "release", "new", "--name", "1.1.0", "--manifests", tmp_path / "manifests", *images),
        *("--arch", "amd64", "--arch", "arm64", "-o", name),
    )
    assert done.code == 0, done.err
    return f"{name}:1.1.0"


def place(registry: RealRegistry, path: str) -> str:
    return registry.repository(path).name


@pytest.mark.parametrize("to", ["registry", "disk"])
def test_the_list_is_what_image_copy_takes(
    command: Command, registry: RealRegistry, release: str, tmp_path: Path, to: str
) -> None:
    target = (
        f"docker+http://{place(registry, 'site/components')}" if to == "registry" else f"oci:{tmp_path}/disk"
    )
    listed = command(*LIST, release, "--to", target)
    assert listed.code == 0, listed.err
    (tmp_path / "list").write_text(listed.out)
    copied = command("upgraph", "image", "copy", "--all", "--from-file", tmp_path / "list", "-o", "json")
    assert copied.code == 0, copied.err
    assert [row["destination"] for row in copied.json] == [f"{target}:1.1.0-app", f"{target}:1.1.0-web"]
    info = command("upgraph", "release", "info", release, "-o", "json").json
    wanted = [tag["from"]["name"].partition("@")[2] for tag in info["references"]["spec"]["tags"]]
    assert [row["digest"] for row in copied.json] == wanted


def test_the_mirror_set_leads_from_where_the_release_says_to_the_copies(
    command: Command, registry: RealRegistry, release: str
) -> None:
    done = command(*LIST, release, "--to", "registry.example/c", "--mirror-set", "--name", "site")
    made = yaml.safe_load(done.out)
    assert (done.code, made["kind"], made["metadata"]["name"]) == (0, "ImageDigestMirrorSet", "site")
    assert made["spec"]["imageDigestMirrors"] == [
        {"source": place(registry, f"upstream/{name}"), "mirrors": ["registry.example/c"]}
        for name in ("app", "web")
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--to", "registry.example/c:v1"), "leave out the tag"),
        (("--to", "oci:/media/a b"), "spaces"),
        (("--to", "oci:/media/c", "--mirror-set"), "registries only"),
        (("--to", "registry.example/c", "--arch", "s390x"), "s390x"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    command: Command, release: str, options: tuple[str, ...], said: str
) -> None:
    done = command(*LIST, release, *options)
    assert (done.code, said in done.err, done.out) == (2, True, "")
