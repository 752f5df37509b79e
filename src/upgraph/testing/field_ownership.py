"""Who manages which field of an object: server-side apply, as a simulated API server does it.

A field is a path to a scalar, to a list or map that is taken as one, or to an empty map. Which lists are more than one
thing, and which maps are one, is told by their names (``containers``), where a real server asks its schema. Values go in and out; nothing is changed in place.
"""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from upgraph.kube.objects import Object

Step = str | tuple[tuple[str, Any], ...]
"""The name of a field, or the keys of an element of a list."""
Path = tuple[Step, ...]
Manager = tuple[str, str, str]
"""A name, the way in which it writes (``Apply`` or ``Update``), and the subresource; each of them has fields of its own."""
Owners = Mapping[Manager, frozenset[Path]]
"""The fields of each manager."""

_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "conditions": (("type",),),
    "containers": (("name",),),
    "env": (("name",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("port", "protocol"), ("containerPort", "protocol"), ("port",), ("containerPort",)),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
_WHOLE = frozenset({"labelSelector", "namespaceSelector", "nodeSelector", "podSelector", "selector"})
"""Maps that are one thing."""
_IDENTITY = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "managedFields",
    }
)


class FieldConflictError(Exception):
    """Fields that are to be set belong to others.

    Args:
        fields: manager and path of each.
    """

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(str(fields))
        self.fields = fields


def applied(
    live: Object, wanted: Object, me: Manager, owners: Owners, *, force: bool
) -> tuple[Object, dict[Manager, frozenset[Path]]]:
    """The object and the owners after a manager has applied ``wanted``.

    Raises:
        FieldConflictError: others have other values there, and it is not forced.
    """
    ours = fields_of(wanted)
    has = fields_of(live)
    taken = {
        who: frozenset(path for path in paths & ours.keys() if has.get(path) != ours[path])
        for who, paths in owners.items()
        if who != me
    }
    conflicts = tuple(sorted((who[0], text_of(path)) for who, paths in taken.items() for path in paths))
    if conflicts and not force:
        raise FieldConflictError(conflicts)
    left = {who: paths - taken.get(who, frozenset()) for who, paths in owners.items() if who != me}
    kept = frozenset().union(*left.values()) if left else frozenset()
    result = _merged(live, wanted)
    # A list that was empty and is not any more stays, although it was a field and its elements are fields now.
    above = {path[:length] for path in ours for length in range(1, len(path))}
    for path in sorted(owners.get(me, frozenset()) - ours.keys() - above - kept, key=_last_keys):
        _take_away(result, path)
    return result, {**{who: paths for who, paths in left.items() if paths}, me: frozenset(ours)}


def updated(before: Object, after: Object, me: Manager, owners: Owners) -> dict[Manager, frozenset[Path]]:
    """The owners after a manager has written an object in another way."""
    had, has = fields_of(before), fields_of(after)
    changed = frozenset(path for path in has if path not in had or had[path] != has[path])
    left = {who: (paths - changed) & has.keys() for who, paths in owners.items()}
    mine = left.get(me, frozenset()) | changed
    return {who: frozenset(paths) for who, paths in {**left, me: mine}.items() if paths}


def fields_of(obj: Object) -> dict[Path, Any]:
    """All fields of an object with their values, without what identifies it."""
    content = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind"}}
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        content["metadata"] = {name: value for name, value in metadata.items() if name not in _IDENTITY}
        if not content["metadata"]:
            del content["metadata"]
    return dict(_leaves(content, ()))


def managed_fields(owners: Owners, api_version: str) -> list[Object]:
    """``metadata.managedFields``."""
    return [
        {
            "manager": manager,
            "operation": operation,
            "apiVersion": api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(paths),
            **({"subresource": subresource} if subresource else {}),
        }
        for (manager, operation, subresource), paths in sorted(owners.items())
    ]


def text_of(path: Path) -> str:
    """A path as refusals name it."""
    return "".join(f".{step}" if isinstance(step, str) else f"[{_keys_text(step)}]" for step in path)


def _keys_text(step: tuple[tuple[str, Any], ...]) -> str:
    return ",".join(
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}" for name, value in step
    )


def owners_of(notes: Iterable[Object]) -> dict[Manager, frozenset[Path]]:
    """The fields of each manager, from ``metadata.managedFields`` as somebody has written it."""
    found: dict[Manager, frozenset[Path]] = {}
    for note in notes:
        who = (note["manager"], note["operation"], note.get("subresource") or "")
        found[who] = found.get(who, frozenset()) | frozenset(_paths(note.get("fieldsV1") or {}, ()))
    return found


def _tree(paths: Iterable[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths, key=repr):
        place = tree
        for at, step in enumerate(path):
            name = f"f:{step}" if isinstance(step, str) else f"k:{json.dumps(dict(step))}"
            place = place.setdefault(name, {})
            if not isinstance(step, str) and path[at + 1 :] in {(key,) for key, _ in step}:
                # Who has set the keys has made the element.
                place["."] = {}
    return tree


def _paths(tree: Object, path: Path) -> Iterable[Path]:
    for name, below in tree.items():
        if name == ".":
            continue
        step: Step = name[2:] if name.startswith("f:") else tuple(json.loads(name[2:]).items())
        if below:
            yield from _paths(below, (*path, step))
        else:
            yield (*path, step)


def _leaves(value: Any, path: Path) -> Iterable[tuple[Path, Any]]:  # noqa: ANN401  # JSON
    if isinstance(value, dict) and value and not (path and path[-1] in _WHOLE):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
        return
    keys = _keys(path[-1], value) if path else None
    if keys is None:
        yield path, value
        return
    for element in value:
        yield from _leaves(element, (*path, _step(element, keys)))


def _keys(name: Step, value: Any) -> tuple[str, ...] | None:  # noqa: ANN401  # JSON
    if not isinstance(value, list) or not value or not isinstance(name, str):
        return None
    for keys in _KEYS.get(name, ()):
        if all(isinstance(one, dict) and all(key in one for key in keys) for one in value):
            return keys
    return None


def _step(element: Object, keys: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, element[key]) for key in keys)


def _merged(live: Object, wanted: Object) -> Object:
    result = deepcopy(live)
    for name, value in wanted.items():
        result[name] = _combined(name, result.get(name), value)
    return result


def _combined(name: str, old: Any, new: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(old, dict) and isinstance(new, dict) and name not in _WHOLE:
        return _merged(old, new)
    keys = _keys(name, new)
    if keys is None or not isinstance(old, list) or _keys(name, old) != keys:
        return deepcopy(new)
    result = deepcopy(old)
    places = {_step(one, keys): number for number, one in enumerate(result)}
    for element in new:
        number = places.get(_step(element, keys))
        if number is None:
            result.append(deepcopy(element))
        else:
            result[number] = _merged(result[number], element)
    return result


def _last_keys(path: Path) -> tuple[bool, int, str]:
    """An order in which elements lose the fields by which they are told apart at the end, the innermost first."""
    return _is_key(path), -len(path), repr(path)


def _is_key(path: Path) -> bool:
    above = path[-2] if len(path) > 1 else ""
    return not isinstance(above, str) and path[-1] in {key for key, _ in above}


def _take_away(obj: Any, path: Path) -> None:  # noqa: ANN401  # JSON
    """Remove a field, and what is empty without it."""
    first, rest = path[0], path[1:]
    if isinstance(first, str):
        if not isinstance(obj, dict) or first not in obj:
            return
        if rest:
            _take_away(obj[first], rest)
        if not rest or obj[first] in ({}, []):
            del obj[first]
        return
    found = (
        [one for one in obj if all(one.get(key) == value for key, value in first)]
        if isinstance(obj, list)
        else []
    )
    for element in found:
        # What it is told apart by goes with the rest of it.
        if len(rest) > 1 or (rest and not _is_key(path)):
            _take_away(element, rest)
        if not rest or element.keys() <= {key for key, _ in first}:
            obj.remove(element)
