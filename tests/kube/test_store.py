"""A store ends equal to the server, whatever was told, and finds objects by what they are indexed under."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.kube.objects import Key, Object, key_of
from upgraph.kube.store import Change, Store

NAMES = st.sampled_from("abc")
COLOURS = st.sets(st.sampled_from(["red", "green"]))


def thing(name: str, version: int, colours: Iterable[str] = ()) -> Object:
    metadata = {"namespace": "n", "name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "colours": sorted(colours)}


def a_store() -> Store:
    return Store({"colour": lambda obj: obj["colours"]})


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, COLOURS),
        st.tuples(st.just("remove"), NAMES),
        st.tuples(st.just("reset"), st.dictionaries(NAMES, COLOURS)),
    )
)


@given(STEPS)
def test_any_sequence_ends_as_the_server_is(steps: list[tuple[object, ...]]) -> None:
    store, server, seen = a_store(), dict[Key, Object](), dict[Key, Object]()
    for version, step in enumerate(steps):
        for change in _taken(store, server, step, version):
            assert seen.get(change.key) == change.old
            seen[change.key] = change.new or {}
            if change.new is None:
                del seen[change.key]
    assert store.all() == tuple(server[key] for key in sorted(server))
    assert seen == server
    for colour in ("red", "green"):
        found = [key for key in sorted(server) if colour in server[key]["colours"]]
        assert [key_of(obj) for obj in store.by("colour", colour)] == found


def _taken(store: Store, server: dict[Key, Object], step: tuple[object, ...], version: int) -> list[Change]:
    match step:
        case ("put", str(name), set(colours)):
            server[Key("n", name)] = obj = thing(name, version, colours)
            changes = [store.put(obj)]
        case ("remove", str(name)):
            server.pop(Key("n", name), None)
            changes = [store.remove(Key("n", name))]
        case ("reset", dict(things)):
            server.clear()
            server.update((Key("n", name), thing(name, version, colours)) for name, colours in things.items())
            changes = list(store.reset(reversed(list(server.values()))))
        case _:
            raise AssertionError(step)
    return [change for change in changes if change is not None]


def test_the_same_version_again_is_no_change() -> None:
    store = a_store()
    store.put(thing("a", 1))
    assert store.put(thing("a", 1)) is None
    assert store.reset([thing("a", 1)]) == []


def test_what_vanished_is_told_before_what_came() -> None:
    store = a_store()
    store.put(thing("a", 1))
    changes = store.reset([thing("b", 2)])
    assert [(change.key.name, change.new is None) for change in changes] == [("a", True), ("b", False)]


def test_an_index_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="size"):
        a_store().by("size", "large")
