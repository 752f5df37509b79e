"""Makes fields that an earlier manager has set our own, so that those of them that we do not apply go.

Server-side apply takes away what its manager has applied before and does not apply any more, and nothing else: what an
earlier program has written in other ways would stay for ever. The notes about managers (``metadata.managedFields``) may be
changed, and kubectl changes them in the same way where it comes to apply what it has once written otherwise. Computes only.
"""

import json
from collections.abc import Callable
from typing import cast

from upgraph.kube.objects import Object

Fields = Object
"""A tree of fields as the API writes it: ``f:NAME`` for a field, ``k:{...}`` for an element of a list by its keys, ``.`` for
the thing itself."""


def inherited(obj: Object, heir: str, leaves: Callable[[Fields], bool]) -> list[Object] | None:
    """The notes about the managers of an object after ``heir`` has got the fields of others.

    What somebody else has added to an element of a list (to a container, for example) that is inherited becomes nobody's:
    it stays as long as the element, and goes with it.

    Args:
        obj: as it was read, with its notes.
        heir: the manager that applies from now on.
        leaves: whether the writer of these fields leaves them to the heir.

    Returns:
        The new notes; None where nobody leaves anything.
    """
    notes: list[Object] = obj["metadata"].get("managedFields") or []
    left = [one for one in notes if _is_written(one, obj) and leaves(fields_in(one))]
    if not left:
        return None
    own = [one for one in notes if _is_applied_by(one, heir)]
    estate: Fields = {}
    for one in (*own, *left):
        estate = _union(estate, fields_in(one))
    others = [one for one in notes if one not in left and one not in own]
    return [_note(heir, obj, estate), *(one for each in others for one in _without(each, estate))]


def owners_in(fields: Fields) -> frozenset[str]:
    """The identities of the owners (``metadata.ownerReferences``) among fields."""
    named = fields.get("f:metadata", {}).get("f:ownerReferences", {})
    return frozenset(json.loads(key[2:]).get("uid", "") for key in named if key.startswith("k:"))


def fields_in(note: Object) -> Fields:
    """The fields of a manager."""
    return cast("Fields", note.get("fieldsV1") or {})


def _is_written(note: Object, obj: Object) -> bool:
    # Other versions of the API may call the same field otherwise.
    of_version = note.get("apiVersion") == obj["apiVersion"]
    return of_version and note.get("operation") == "Update" and not note.get("subresource")


def _is_applied_by(note: Object, manager: str) -> bool:
    whose = (note.get("manager"), note.get("operation"), note.get("subresource") or "")
    return whose == (manager, "Apply", "")


def _note(manager: str, obj: Object, fields: Fields) -> Object:
    return {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": obj["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _without(note: Object, estate: Fields) -> list[Object]:
    if note.get("subresource"):
        return [note]
    kept = _outside(fields_in(note), estate)
    return [note | {"fieldsV1": kept}] if kept else []


def _outside(fields: Fields, estate: Fields) -> Fields:
    """Fields that are in no element of a list that belongs to the estate."""
    kept: Fields = {}
    for name, below in fields.items():
        inside = estate.get(name)
        if inside is None or not below:
            kept[name] = below
        elif not (name.startswith("k:") and "." in inside):
            rest = _outside(below, inside)
            if rest.keys() - {"."}:
                kept[name] = rest
    return kept


def _union(one: Fields, other: Fields) -> Fields:
    return {name: _union(one.get(name, {}), other.get(name, {})) for name in (*one, *other)}
