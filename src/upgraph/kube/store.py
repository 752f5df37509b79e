"""What is known of the objects of one kind, with indexes. It computes; nothing here asks anybody.

Objects are handed out as they are stored and must not be changed: copying each of them for every reader would cost more
than all the rest. Answers are sorted by key, so that whoever decides by them decides alike each time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from upgraph.kube.objects import Key, Object, key_of, version_of

Index = Callable[[Object], Iterable[str]]
"""The values under which an object is to be found."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object."""

    key: Key
    old: Object | None
    """None where it was not known before."""
    new: Object | None
    """None where it is gone."""


class Store:
    """The objects of one kind by their keys. As large as the scope that is read into it.

    Args:
        indexes: by name, what objects are to be found under.
    """

    def __init__(self, indexes: Mapping[str, Index] | None = None) -> None:
        self._objects: dict[Key, Object] = {}
        self._indexes = dict(indexes or {})
        self._keys: dict[tuple[str, str], set[Key]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> Object | None:
        """One object, if it is known."""
        return self._objects.get(key)

    def all(self) -> tuple[Object, ...]:
        """Every object."""
        return tuple(self._objects[key] for key in sorted(self._objects))

    def by(self, index: str, value: str) -> tuple[Object, ...]:
        """The objects that an index has under a value.

        Raises:
            KeyError: there is no such index.
        """
        if index not in self._indexes:
            raise KeyError(index)
        return tuple(self._objects[key] for key in sorted(self._keys.get((index, value), ())))

    def put(self, obj: Object) -> Change | None:
        """Know a new state of an object; None where it is the state that was known."""
        key = key_of(obj)
        old = self._objects.get(key)
        if old is not None and version_of(old) == version_of(obj):
            return None
        self._unlist(key)
        self._objects[key] = obj
        for entry in self._entries(obj):
            self._keys.setdefault(entry, set()).add(key)
        return Change(key, old, obj)

    def remove(self, key: Key) -> Change | None:
        """Know that an object is gone; None where it was not known."""
        old = self._objects.get(key)
        if old is None:
            return None
        self._unlist(key)
        del self._objects[key]
        return Change(key, old, None)

    def reset(self, objects: Iterable[Object]) -> list[Change]:
        """Know these objects and no others; what has changed by that, also what has vanished without a word."""
        present = {key_of(obj): obj for obj in objects}
        gone = [self.remove(key) for key in sorted(self._objects.keys() - present.keys())]
        come = [self.put(present[key]) for key in sorted(present)]
        return [change for change in (*gone, *come) if change is not None]

    def _unlist(self, key: Key) -> None:
        old = self._objects.get(key)
        for entry in () if old is None else self._entries(old):
            keys = self._keys[entry]
            keys.discard(key)
            if not keys:
                del self._keys[entry]

    def _entries(self, obj: Object) -> set[tuple[str, str]]:
        return {(name, value) for name, index in self._indexes.items() for value in index(obj)}
