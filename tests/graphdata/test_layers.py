"""Layers, however they divide the way to a set, end at that set; and no bytes at all make them fail otherwise."""

import contextlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graphdata.layer import Layer, LayerReader
from upgraph.graphdata.tree import Tree
from upgraph.oci import OCI_LAYER_GZIP, Descriptor, digest_of

PLACE = "var/data"
FOLDERS = ("blocked-edges", "channels")
paths = st.builds("{}/{}.yaml".format, st.sampled_from(FOLDERS), st.sampled_from("abc")) | st.just("version")
states = st.dictionaries(paths, st.binary(max_size=3))


def read(packed: bytes, step: int = 1000) -> Layer:
    blob = Descriptor(OCI_LAYER_GZIP, digest_of(packed), len(packed))
    reader = LayerReader(blob, PLACE, "image")
    for start in range(0, len(packed), step):
        assert reader.feed(packed[start : start + step])
    return reader.result()


def pack(entries: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(f"{PLACE}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def difference(
    before: Mapping[str, bytes], after: Mapping[str, bytes], emptied: frozenset[str]
) -> list[tuple[str, bytes]]:
    """What a layer holds that makes ``after`` of ``before``, with some directories made anew."""
    entries = [(f"{folder}/.wh..wh..opq", b"") for folder in emptied]
    for path, content in after.items():
        if before.get(path) != content or path.partition("/")[0] in emptied:
            entries.append((path, content))
    for path in before.keys() - after.keys():
        folder, _, name = path.rpartition("/")
        entries.append((f"{folder}/.wh.{name}".lstrip("/"), b""))
    return entries


@given(
    st.lists(st.tuples(states, st.frozensets(st.sampled_from(FOLDERS))), min_size=1, max_size=5), st.randoms()
)
def test_layers_end_at_the_last_state(
    steps: list[tuple[dict[str, bytes], frozenset[str]]], chance: Random
) -> None:
    tree: Tree[bytes] = Tree("image")
    tree.make_folder(PLACE)
    before: dict[str, bytes] = {}
    for after, emptied in steps:
        entries = difference(before, after, emptied)
        # What a layer takes away concerns those below it, wherever it stands in the archive.
        chance.shuffle(entries)
        read(pack(entries)).apply(tree)
        before = after
    assert tree.select(PLACE) == before


@given(st.binary(max_size=2000), st.integers(1, 700))
def test_any_bytes_are_a_layer_or_an_error(content: bytes, step: int) -> None:
    with contextlib.suppress(DataError):
        read(content, step)


@given(states, st.data())
def test_any_damage_of_an_archive_is_a_layer_or_an_error(
    state: dict[str, bytes], data: st.DataObject
) -> None:
    packed = bytearray(pack(state.items()))
    for _ in range(3):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    tree: Tree[bytes] = Tree("image")
    with contextlib.suppress(DataError):
        read(bytes(packed)).apply(tree)
        tree.select(PLACE)
