"""Manifests are looked at as a Cluster Version Operator does before it applies any."""

import pytest

from upgraph.payload import ImageReferences, parse_references
from upgraph.payload.manifests import LIMITS, read_manifest, unlisted_images

GOOD = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n"
DIGEST = "sha256:" + "a" * 64


def _findings(content: bytes) -> list[tuple[str, int | None]]:
    return [(finding.reference, finding.line) for finding in read_manifest("a.yaml", content)[1]]


def test_an_object_is_known_by_its_group_kind_and_names() -> None:
    content = GOOD.replace(b"v1", b"apps/v1").replace(b"ConfigMap", b"Deployment")
    (found,), faults = read_manifest("a.yaml", content)
    assert (found.identity, faults) == (("apps", "Deployment", "b", "a"), ())


@pytest.mark.parametrize(
    ("content", "count"),
    [
        pytest.param(b"", 0, id="empty"),
        pytest.param(b"# nothing\n", 0, id="comment"),
        pytest.param(b"---\n---\n" + GOOD + b"---\n", 1, id="empty documents"),
        pytest.param(GOOD + b"---\n" + GOOD.replace(b"name: a", b"name: c"), 2, id="several"),
        pytest.param(b'{"apiVersion":"v1","kind":"A","metadata":{"name":"a"}}', 1, id="JSON"),
        pytest.param(
            b'{\n\t"apiVersion":"v1",\n\t"kind":"A","metadata":{"name":"a\\/b"}}', 1, id="JSON with tabs"
        ),
        pytest.param(GOOD + b"schema: " + b"{a: " * 90 + b"}" * 90, 1, id="deep"),
    ],
)
def test_what_a_cluster_reads_is_read(content: bytes, count: int) -> None:
    found, faults = read_manifest("a.yaml", content)
    assert (len(found), faults) == (count, ())


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"a: b: c\n", 1, id="no YAML"),
        pytest.param(GOOD + b"---\n\n- a\n", None, id="a list"),
        pytest.param(b"just text\n", None, id="a text"),
        pytest.param(b"\n\nkind: A\nmetadata: {name: a}\n", 3, id="no apiVersion"),
        pytest.param(b"apiVersion: v1\nmetadata: {name: a}\n", 1, id="no kind"),
        pytest.param(b"apiVersion: v1\nkind: A\n", 1, id="no metadata"),
        pytest.param(b"apiVersion: v1\nkind: A\nmetadata: {name: [a]}\n", 1, id="a list for a name"),
        pytest.param(b"\xff", 1, id="no UTF-8"),
        pytest.param(b"apiVersion: v1\n" + b"a: [" * (LIMITS.depth + 1), 2, id="too deep"),
        pytest.param(b"a: [" * 100_000, 1, id="a bomb"),
    ],
)
def test_what_a_cluster_refuses_is_found_with_its_line(content: bytes, line: int | None) -> None:
    assert _findings(content) == [("release-manifest-invalid", line)]


def test_all_that_an_object_lacks_is_named_at_once() -> None:
    (fault,) = read_manifest("a.yaml", b"a: b\n")[1]
    assert fault.seen == "document 1 has no apiVersion and no kind and no metadata.name"


def test_an_object_that_a_file_has_twice_is_found_whatever_version_it_names() -> None:
    twice = GOOD.replace(b"v1", b"apps/v1") + b"---\n" + GOOD.replace(b"v1", b"apps/v2")
    assert _findings(twice) == [("release-manifest-twice", 5)]


@pytest.mark.parametrize(
    ("image", "is_unlisted"),
    [
        (f"x.example/a@{DIGEST}", False),
        ("x.example/a:1", True),
        ("localhost/a:1", True),
        ("x:5000/a", True),
        ("busybox", True),
        ("{{.Image}}", False),
        ("${IMAGE}", False),
    ],
)
def test_an_image_that_the_release_does_not_list_is_found(image: str, *, is_unlisted: bool) -> None:
    stream = (
        '{"kind":"ImageStream","apiVersion":"image.openshift.io/v1","spec":{"tags":[{"name":"a",'
        f'"from":{{"kind":"DockerImage","name":"x.example/a@{DIGEST}"}}}}]}}}}'
    )
    pod = GOOD + f"spec:\n  containers:\n  - image: '{image}'\n".encode()
    found = unlisted_images(read_manifest("a.yaml", pod)[0], parse_references(stream.encode()))
    assert [finding.reference for finding in found] == ["release-image-unlisted"] * is_unlisted


@pytest.mark.parametrize(
    "text", ["properties: {containers: {items: {image: a}}}", "data: {image: a.example/a}"]
)
def test_what_is_called_image_elsewhere_is_no_image(text: str) -> None:
    schema = GOOD + f"{text}\n".encode()
    assert list(unlisted_images(read_manifest("a.yaml", schema)[0], ImageReferences("a", ()))) == []
