"""Which tags the images of a release get where they are copied to, and the mirror set that leads there."""

import pytest

from upgraph.errors import DataError
from upgraph.oci import Repository, digest_of
from upgraph.payload import Component, mirror_set, placed

ONE, TWO = digest_of(b"one"), digest_of(b"two")


def component(name: str, digest: str, repository: str = "quay.example/art/dev") -> Component:
    return Component(name, f"{repository}@{digest}")


def tags(releases: dict[str, list[Component]]) -> dict[str, str | None]:
    return {one.tag: one.source.reference for one in placed(releases, "4.18.1-multi")}


def test_each_component_gets_a_tag_of_its_name() -> None:
    same = [component("b", TWO), component("a", ONE)]
    assert tags({"amd64": same, "arm64": same}) == {"4.18.1-multi-a": ONE, "4.18.1-multi-b": TWO}


def test_what_architectures_refer_to_differently_gets_a_tag_for_each() -> None:
    found = tags({"amd64": [component("a", ONE)], "arm64": [component("a", TWO), component("c", TWO)]})
    assert found == {"4.18.1-multi-a-amd64": ONE, "4.18.1-multi-a-arm64": TWO, "4.18.1-multi-c": TWO}


def test_two_images_never_get_one_tag() -> None:
    named_alike = component("a-arm64", digest_of(b"three"))
    with pytest.raises(DataError, match="would both be") as caught:
        tags({"amd64": [component("a", ONE), named_alike], "arm64": [component("a", TWO), named_alike]})
    assert caught.value.reference == "release-references-invalid"


@pytest.mark.parametrize(
    ("bad", "reference"),
    [
        (Component("a", "quay.example/art/dev:latest"), "release-component-unpinned"),
        (Component("a", f"oci:/etc@{ONE}"), "release-component-unpinned"),
        (Component("a", f"quay.example/art/dev@{ONE} oci:/etc/passwd"), "release-component-unpinned"),
        (component("a b", ONE), "release-references-invalid"),
        (component("a\noci:x oci:y", ONE), "release-references-invalid"),
        (component("a" * 200, ONE), "release-references-invalid"),
    ],
)
def test_what_cannot_be_said_in_a_list_is_refused(bad: Component, reference: str) -> None:
    with pytest.raises(DataError) as caught:
        placed({"amd64": [bad]}, "4.18.1")
    assert caught.value.reference == reference


def test_a_mirror_set_names_each_repository_once_and_never_the_mirror_itself() -> None:
    mirror = Repository("registry.example:5000", "ocp/components")
    components = [
        component("a", ONE),
        component("b", TWO),
        component("c", ONE, "other.example/x"),
        component("d", ONE, mirror.name),
    ]
    made = mirror_set([one.source for one in placed({"amd64": components}, "v")], mirror, "site")
    assert made == {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ImageDigestMirrorSet",
        "metadata": {"name": "site"},
        "spec": {
            "imageDigestMirrors": [
                {"source": "other.example/x", "mirrors": [mirror.name]},
                {"source": "quay.example/art/dev", "mirrors": [mirror.name]},
            ]
        },
    }
