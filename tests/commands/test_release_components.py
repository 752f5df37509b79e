"""``upgraph release components``: a release is copied with everything that it refers to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command
from upgraph.oci import OCI_LAYER_GZIP, LayoutWriter, Platform, digest_of
from upgraph.payload import ReleaseContent, add_release
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
        (
            ("--to", "registry.example/c", "--mirror-set", "--name", "Site_1"),
            "no name of an ImageDigestMirrorSet",
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(
    command: Command, release: str, options: tuple[str, ...], said: str
) -> None:
    done = command(*LIST, release, *options)
    assert (done.code, said in done.err, done.out) == (2, True, "")


@pytest.fixture
def content() -> ReleaseContent:
    return ReleaseContent("4.18.1", images={"app": f"quay.example/art/dev@{digest_of(b'app')}"})


def index_of(layout: LayoutWriter, content: ReleaseContent, architectures: list[str], tag: str) -> None:
    """Two images of different content even where they are for one architecture."""
    members = []
    for number, architecture in enumerate(architectures):
        changed = replace(content, metadata={"number": str(number)})
        members.append((add_release(layout, changed, architecture), Platform(architecture)))
    layout.index(members, tag=tag)


@pytest.mark.parametrize("arch", [(), ("--arch", "amd64")], ids=["all", "one"])
def test_two_images_for_one_architecture_are_refused(
    command: Command, content: ReleaseContent, tmp_path: Path, arch: tuple[str, ...]
) -> None:
    with LayoutWriter(tmp_path / "layout") as layout:
        index_of(layout, content, ["amd64", "arm64", "amd64"], "v")
    done = command(*LIST, f"oci:{tmp_path}/layout:v", "--to", "registry.example/c", *arch)
    assert (done.code, "2 images for amd64" in done.err, done.out) == (3, True, "")
    other = command(*LIST, f"oci:{tmp_path}/layout:v", "--to", "registry.example/c", "--arch", "arm64")
    assert (other.code, other.out.split()[1]) == (0, "docker://registry.example/c:v-app")


def test_where_a_layout_knows_the_release_by_a_pull_spec_the_version_begins_the_tags(
    command: Command, content: ReleaseContent, tmp_path: Path
) -> None:
    with LayoutWriter(tmp_path / "layout") as layout:
        add_release(layout, content, "amd64", "registry.example:5000/ocp/release:4.18.1")
    done = command(*LIST, f"oci:{tmp_path}/layout", "--to", "registry.example/c")
    assert (done.code, done.out.split()[1]) == (0, "docker://registry.example/c:4.18.1-app")
