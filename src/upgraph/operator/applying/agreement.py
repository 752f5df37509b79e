"""Whether an object in the cluster is as it is wanted. Pure.

The server completes objects with defaults, controllers and administrators add what is theirs, so more may be there than is
wanted, never less and nothing else. Where the API takes a map or a list for one thing, an addition is something else: one
label more in a selector, and a Service leads nowhere. Applying replaces these as a whole, so that it is put right.

What was wanted before and is not any more shows in the digest that every object carries
(:data:`~upgraph.operator.desired.metadata.APPLIED`), not here.
"""

from typing import Any

from upgraph.kube.objects import Object

_KEYS = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("name", "port", "containerPort"),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""The lists to which others may add, and what their elements are told apart by, the most telling first."""
_EXACT = frozenset(
    {
        "egress",
        "ingress",
        "labelSelector",
        "matchLabels",
        "namespaceSelector",
        "nodeSelector",
        "parentRefs",
        "podSelector",
        "rules",
        "selector",
    }
)
"""What is one thing and gets no defaults: whom it chooses, or lets in, or leads where. An empty value in it is a value."""


def agrees(wanted: Any, found: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether ``found`` has all of ``wanted``."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_has(found, key, value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(agrees, wanted, found))
    return bool(wanted == found) and isinstance(wanted, bool) == isinstance(found, bool)


def _has(found: Object, key: str, value: Any) -> bool:  # noqa: ANN401  # JSON
    if key not in found:
        # The server does not store what is empty.
        return value in ({}, [], "", None)
    if key in _EXACT:
        return bool(value == found[key])
    if isinstance(value, list) and isinstance(found[key], list):
        return _list_agrees(value, found[key], _KEYS.get(key, ()))
    return agrees(value, found[key])


def _list_agrees(wanted: list[Any], found: list[Any], keys: tuple[str, ...]) -> bool:
    key = next((key for key in keys if _tells_apart(wanted, key) and _tells_apart(found, key)), None)
    if key is None:
        return agrees(wanted, found)
    known = {one[key]: one for one in found}
    return all(one[key] in known and agrees(one, known[one[key]]) for one in wanted)


def _tells_apart(elements: list[Any], key: str) -> bool:
    if not all(isinstance(one, dict) and isinstance(one.get(key), str | int) for one in elements):
        return False
    return len({one[key] for one in elements}) == len(elements)
