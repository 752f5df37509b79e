"""What would make a bad release is found before one is made."""

from dataclasses import replace

import pytest

from upgraph.payload import ReleaseContent, examine_draft

MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
GOOD = ReleaseContent("4.8.1", previous=["4.8.0"], manifests={"0000_50_a.yaml": MANIFEST})


def test_a_good_draft_has_no_fault() -> None:
    assert examine_draft(GOOD).findings == ()


@pytest.mark.parametrize(
    ("draft", "seen"),
    [
        (replace(GOOD, version="4.8"), "the name of the release: not a version: '4.8'"),
        (replace(GOOD, previous=["4.8.0+a"]), "previous: '4.8.0+a' has a build part"),
        (replace(GOOD, next=["x"]), "next: not a version: 'x'"),
        (replace(GOOD, previous=["4.8.1"]), "previous names the release itself, 4.8.1"),
        (replace(GOOD, next=["4.8.2", "4.8.2"]), "next names 4.8.2 2 times"),
        (replace(GOOD, previous=[f"4.8.{n}" for n in range(2, 10_003)]), "previous and next name 10001"),
        (replace(GOOD, images={"A b": "x"}), "the component 'A b' is not lower-case"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_of_names_is_told(draft: ReleaseContent, seen: str) -> None:
    (finding,) = examine_draft(draft).findings
    assert (finding.reference, finding.severity.name) == ("release-content-invalid", "ERROR")
    assert finding.seen.startswith(seen)


@pytest.mark.parametrize(
    ("name", "body", "reference"),
    [
        ("0000_50_a.yaml", b"a: b: c", "release-manifest-invalid"),
        ("0000_50_a.yaml", MANIFEST + b"data: {version: 0.0.1-snapshot}", "release-manifest-placeholder"),
        ("a.yaml", MANIFEST, "release-manifest-order"),
    ],
)
def test_each_doubt_about_a_manifest_is_told(name: str, body: bytes, reference: str) -> None:
    found = examine_draft(replace(GOOD, manifests={name: body})).findings
    assert [(finding.reference, finding.file) for finding in found] == [(reference, name)]
