"""Conditions in the status of objects, by the conventions of the Kubernetes API (``metav1.Condition``)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from upgraph.kube.objects import Object

MAX_MESSAGE = 32 * 1024
"""Most characters of a message that the API takes."""

_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_MAX_REASON = 1024
_STATUS = {True: "True", False: "False", None: "Unknown"}
_VALUES = {text: value for value, text in _STATUS.items()}


class _Said(msgspec.Struct):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that an object says about itself.

    Raises:
        ValueError: the reason is not what the API takes: one word in CamelCase.
    """

    type: str
    status: bool | None
    """None where it is not known."""
    reason: str
    message: str = ""

    def __post_init__(self) -> None:
        if len(self.reason) > _MAX_REASON or not _REASON.fullmatch(self.reason):
            raise ValueError(f"no reason of a condition: {self.reason[:100]!r}")


def conditions_of(obj: Object) -> dict[str, Condition]:
    """The conditions of an object by their types. What is no condition is left out: others may write there too."""
    listed = (obj.get("status") or {}).get("conditions")
    found = {}
    for one in listed if isinstance(listed, list) else ():
        condition = _read(one)
        if condition is not None:
            found[condition.type] = condition
    return found


def observed_generation(obj: Object, type_: str) -> int | None:
    """The generation of the object that a condition of it speaks of; None where it does not say."""
    old = _by_type(obj).get(type_, {}).get("observedGeneration")
    return old if isinstance(old, int) else None


def stated(wanted: Iterable[Condition], obj: Object, now: datetime) -> list[Object]:
    """Conditions as they are to stand in the status of an object.

    The moment of transition moves only where the status does: a new reason or message is no transition. So the same
    conditions give the same bytes, and an object at rest is not written.

    Args:
        wanted: what is to be said; in this order.
        obj: the object as it was read, whose generation this is about.
        now: the moment, with a time zone.
    """
    before = _by_type(obj)
    generation = obj["metadata"].get("generation")
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [_stated(one, before.get(one.type, {}), stamp, generation) for one in wanted]


def _stated(condition: Condition, old: Object, stamp: str, generation: int | None) -> Object:
    status = _STATUS[condition.status]
    kept = old.get("lastTransitionTime") if old.get("status") == status else None
    said: Object = {
        "type": condition.type,
        "status": status,
        "reason": condition.reason,
        "message": condition.message[:MAX_MESSAGE],
        "lastTransitionTime": kept or stamp,
    }
    return said if generation is None else {**said, "observedGeneration": generation}


def _by_type(obj: Object) -> dict[str, Object]:
    listed = (obj.get("status") or {}).get("conditions")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {one["type"]: one for one in found if isinstance(one.get("type"), str)}


def _read(one: object) -> Condition | None:
    try:
        said = msgspec.convert(one, _Said)
        return Condition(said.type, _VALUES[said.status], said.reason, said.message)
    except (msgspec.ValidationError, ValueError):
        return None
