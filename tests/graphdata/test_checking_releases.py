"""What the check finds when it knows the releases."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from upgraph.graph import Release, Version
from upgraph.graphdata import Files
from upgraph.graphdata.checking import check

Make = Callable[[Mapping[str, bytes | None]], Files]

ERRATA = "https://access.redhat.com/errata/RHBA-2026:0001"


def release(version: str, previous: Sequence[str] = (), url: str = "") -> Release:
    digest = f"sha256:{version.encode().hex():0>64}"
    return Release(
        version=Version.parse(f"{version}+amd64"),
        payload=f"registry.example/release@{digest}",
        digest=digest,
        metadata={"url": url} if url else {},
        previous=tuple(map(Version.parse, previous)),
    )


def channel(*versions: str) -> dict[str, bytes | None]:
    listed = "".join(f"- {version}\n" for version in versions)
    return {"channels/stable-4.18.yaml": f"name: main\nversions:\n{listed}".encode()}


@pytest.fixture
def found(a_set: Make) -> Callable[..., list[tuple[str, str]]]:
    """References and texts of what is found."""

    def look(changes: Mapping[str, bytes | None], *releases: Release) -> list[tuple[str, str]]:
        files = a_set({"blocked-edges/4.18.2.yaml": None, "blocked-edges/README.md": b"", **changes})
        ours = ("channel-release-missing", "release-errata", "release-dead-end", "label-invalid")
        return [(one.reference, one.seen) for one in check(files, releases).findings if one.reference in ours]

    return look


Found = Callable[..., list[tuple[str, str]]]


def test_every_version_that_is_named_has_a_release(found: Found) -> None:
    seen = found(channel("4.18.1", "4.18.2"), release("4.18.1"))
    assert seen == [("channel-release-missing", "1 of 2 versions have no release: 4.18.2")]


def test_a_block_of_a_release_that_is_not_there_is_found(found: Found) -> None:
    block = {"blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: .*\n"}
    seen = found(channel("4.18.1") | block, release("4.18.1"))
    assert seen == [("channel-release-missing", "there is no release 4.18.2")]


def test_a_release_without_errata_among_others_that_have_them_is_found(found: Found) -> None:
    releases = release("4.18.1", url=ERRATA), release("4.18.2", url="https://wiki.example")
    seen = found(channel("4.18.1", "4.18.2"), *releases)
    assert seen == [("release-errata", "url of 4.18.2+amd64 is 'https://wiki.example'")]


def test_a_platform_with_errata_elsewhere_is_not_asked_for_those_of_red_hat(found: Found) -> None:
    releases = release("4.18.1", url="https://errata.example/1"), release("4.18.2")
    assert found(channel("4.18.1", "4.18.2"), *releases) == []


def test_a_release_that_rules_leave_without_a_way_out_is_found(found: Found) -> None:
    block = {"blocked-edges/4.18.2.yaml": b"to: 4.18.3\nfrom: 4[.]18[.]2[+]\n"}
    releases = release("4.18.1"), release("4.18.2", ["4.18.1"]), release("4.18.3", ["4.18.1", "4.18.2"])
    seen = found(channel("4.18.1", "4.18.2", "4.18.3") | block, *releases)
    assert seen == [
        ("release-dead-end", "clusters of main (amd64) that update to 4.18.2 find no way out of it")
    ]


def test_the_last_release_of_a_channel_needs_no_way_out(found: Found) -> None:
    releases = release("4.18.1"), release("4.18.2", ["4.18.1"])
    assert found(channel("4.18.1", "4.18.2"), *releases) == []


def test_a_risk_is_a_way_out(found: Found) -> None:
    risk = b"to: 4.18.3\nfrom: .*\nurl: https://a.example\nname: A\nmessage: b\nmatchingRules: [{type: Always}]\n"
    releases = release("4.18.1"), release("4.18.2", ["4.18.1"]), release("4.18.3", ["4.18.2"])
    changes = channel("4.18.1", "4.18.2", "4.18.3") | {"blocked-edges/4.18.2.yaml": risk}
    assert found(changes, *releases) == []
