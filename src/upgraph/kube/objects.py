"""Objects of the API of Kubernetes, as plain JSON: their kinds, their keys, and what every object says about itself.

Above the adapter an object is what YAML shows: dictionaries, lists and scalars. Typed models would drop fields that they
do not know, and an object that is written back would lose them. Whoever decides by an object reads what it decides by
into types of its own.
"""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A JSON object of the API. What comes from an :class:`~upgraph.kube.api.Api` has a ``metadata`` with a ``name``."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of objects, and where the API has it."""

    group: str
    """Empty for the core of Kubernetes."""
    version: str
    kind: str
    plural: str
    """The name in paths and in rules of access."""
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The field ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The place of an object among those of its kind."""

    namespace: str
    """Empty for what belongs to the cluster."""
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(obj: Object) -> Key:
    """The key of an object."""
    metadata = obj["metadata"]
    return Key(metadata.get("namespace") or "", metadata["name"])


def version_of(obj: Object) -> str:
    """The state of an object (``resourceVersion``); empty where it was never stored."""
    return obj["metadata"].get("resourceVersion") or ""


def uid_of(obj: Object) -> str:
    """The identity of an object, which a later one of the same name does not have; empty where it was never stored."""
    return obj["metadata"].get("uid") or ""
