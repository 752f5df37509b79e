"""Whether an object in the cluster is as it is wanted. Pure.

The server completes objects with defaults, controllers and administrators add what is theirs, so more may be there than is
wanted, never less and nothing else. What was wanted before and is not any more shows in the digest that every object
carries (:data:`~upgraph.operator.desired.metadata.APPLIED`), not here.
"""

from typing import Any

from upgraph.kube.objects import Object

_KEYS = ("name", "mountPath", "type", "port", "topologyKey", "key", "uid")
"""What the API tells elements of its lists apart by, the most telling first."""


def agrees(wanted: Any, found: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether ``found`` has all of ``wanted``."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_has(found, key, value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and _list_agrees(wanted, found)
    return bool(wanted == found) and isinstance(wanted, bool) == isinstance(found, bool)


def _has(found: Object, key: str, value: Any) -> bool:  # noqa: ANN401  # JSON
    if key in found:
        return agrees(value, found[key])
    # The server does not store what is empty.
    return value in ({}, [], "", None)


def _list_agrees(wanted: list[Any], found: list[Any]) -> bool:
    key = next((key for key in _KEYS if _tells_apart(wanted, key) and _tells_apart(found, key)), None)
    if key is None:
        return len(wanted) == len(found) and all(map(agrees, wanted, found))
    known = {one[key]: one for one in found}
    return all(one[key] in known and agrees(one, known[one[key]]) for one in wanted)


def _tells_apart(elements: list[Any], key: str) -> bool:
    if not all(isinstance(one, dict) and isinstance(one.get(key), str | int) for one in elements):
        return False
    return len({one[key] for one in elements}) == len(elements)
