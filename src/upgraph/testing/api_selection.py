"""Which objects a request to a simulated API server means: selectors of labels and fields, and pages of lists."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from upgraph.kube.objects import Object, key_of
from upgraph.testing.api_state import DeniedError, Past


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected."""

    namespace: str
    """Empty for all."""
    labels: tuple[str, ...]
    """The requirements of a label selector, of the forms ``a=b``, ``a!=b``, ``a`` and ``!a``."""
    fields: tuple[str, ...]
    """Of a field selector: ``metadata.name=a`` and ``metadata.namespace=a``."""

    @classmethod
    def of(cls, query: Mapping[str, str], namespace: str) -> Self:
        """The selection of a request."""
        split = (
            tuple(filter(None, query.get(name, "").split(","))) for name in ("labelSelector", "fieldSelector")
        )
        return cls(namespace, *split)

    def has(self, obj: Object) -> bool:
        """Whether an object is selected."""
        labels = obj["metadata"].get("labels") or {}
        key = key_of(obj)
        fields = {"metadata.name": key.name, "metadata.namespace": key.namespace}
        return (
            self.namespace in {"", key.namespace}
            and all(_meets(labels, one) for one in self.labels)
            and all(_meets(fields, one) for one in self.fields)
        )

    def event(self, past: Past) -> Object | None:
        """The line of a watch that tells of a change, if it concerns what is selected."""
        before = past.old is not None and self.has(past.old)
        if past.new is not None and self.has(past.new):
            return {"type": "MODIFIED" if before else "ADDED", "object": past.new}
        if not before or past.old is None:
            return None
        metadata = {**past.old["metadata"], "resourceVersion": str(past.version)}
        return {"type": "DELETED", "object": {**past.old, "metadata": metadata}}


class Pages:
    """Lists that are given in pages, each list as it was when the first one was asked for."""

    def __init__(self) -> None:
        self._rest: dict[str, tuple[list[Object], int]] = {}
        self._names = itertools.count(1)

    def page(self, objects: list[Object], version: int, query: Mapping[str, str]) -> Object:
        """The list that answers a request: metadata and items.

        Args:
            objects: all that is selected now.
            version: the present version.
            query: with ``limit`` and ``continue``.
        """
        token = query.get("continue", "")
        if token:
            if token not in self._rest:
                raise DeniedError(410, "Expired", "The provided continue parameter is too old")
            objects, version = self._rest.pop(token)
        limit = int(query.get("limit") or 0) or len(objects)
        metadata: Object = {"resourceVersion": str(version)}
        if len(objects) > limit:
            name = metadata["continue"] = f"page-{next(self._names)}"
            self._rest[name] = (objects[limit:], version)
        return {"metadata": metadata, "items": objects[:limit]}

    def forget(self) -> None:
        """Give no more pages of lists that have begun."""
        self._rest.clear()


def _meets(values: Mapping[str, str], requirement: str) -> bool:
    if requirement.startswith("!"):
        return requirement[1:] not in values
    name, unequal, value = requirement.partition("!=")
    if unequal:
        return values.get(name) != value
    name, equal, value = requirement.replace("==", "=").partition("=")
    return values.get(name) == value if equal else name in values
