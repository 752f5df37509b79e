"""What was put into a release is what comes out of it, and what comes out makes the same release again."""

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from upgraph.graph import Version
from upgraph.payload import (
    ReleaseContent,
    bare_foundations,
    choose,
    compose_release,
    parse_references,
    read_directory,
    read_members,
    read_payload,
    unpack,
)
from upgraph.payload.whole import Payload

NUMBERS = st.integers(min_value=0, max_value=99)
VERSIONS = st.builds("{}.{}.{}".format, NUMBERS, NUMBERS, NUMBERS)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
WORDS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
FILES = st.dictionaries(
    st.builds("0000_50_{}.{}".format, WORDS, st.sampled_from(["yaml", "yml", "json"])),
    st.tuples(st.binary(max_size=700), st.integers(min_value=0, max_value=2**31)),
    max_size=4,
)
ARCHITECTURES = st.lists(st.sampled_from(["amd64", "arm64", "ppc64le", "s390x"]), max_size=3)


def _content(version: str, texts: dict[str, str], files: dict[str, tuple[bytes, int]]) -> ReleaseContent:
    return ReleaseContent(
        version,
        previous=["0.0.1", "0.0.0"],
        metadata=texts,
        images={name: f"x.example/{name}@sha256:{'1' * 64}" for name in texts},
        annotations={name: {"note": value} for name, value in texts.items()},
        manifests={name: body for name, (body, _) in files.items()},
        times={name: time for name, (_, time) in files.items()},
    )


async def _made(content: ReleaseContent, architectures: list[str]) -> tuple[str, Payload]:
    images, made = compose_release(content, bare_foundations(architectures), None)
    members = await read_members(images, await images.manifest(made.digest))
    return made.digest, await read_payload(images, choose(members, None))


@given(VERSIONS, st.dictionaries(WORDS, TEXTS, max_size=3), FILES, ARCHITECTURES)
@settings(deadline=None)
def test_what_was_put_into_a_release_is_read_from_it(
    version: str, texts: dict[str, str], files: dict[str, tuple[bytes, int]], architectures: list[str]
) -> None:
    content = _content(version, texts, files)
    _, found = asyncio.run(_made(content, architectures))
    assert found.version == version
    assert texts.items() <= found.metadata.document.metadata.items()
    assert found.metadata.document.previous == (Version.parse("0.0.0"), Version.parse("0.0.1"))
    assert found.references == content.references
    assert {name: (file.content, file.modified) for name, file in found.manifests.items()} == files


@given(VERSIONS, st.dictionaries(WORDS, TEXTS, max_size=3), FILES)
@settings(deadline=None, max_examples=30)
def test_what_was_unpacked_makes_the_same_release_again(
    version: str, texts: dict[str, str], files: dict[str, tuple[bytes, int]]
) -> None:
    digest, found = asyncio.run(_made(_content(version, texts, files), []))
    with TemporaryDirectory() as place:
        unpack(found.files, Path(place, "out"))
        again = read_directory(Path(place, "out")).files
        references = parse_references(Path(place, "out", "image-references").read_bytes())
    content = replace(
        _content(version, texts, {name: (file.content, file.modified) for name, file in again.items()}),
        images={one.name: one.pull_spec for one in references.components},
        annotations={one.name: one.annotations for one in references.components},
    )
    assert asyncio.run(_made(content, []))[0] == digest
