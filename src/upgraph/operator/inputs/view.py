"""What is known of a cluster when an UpdateService is looked at: the objects that others have made for it.

The controller reads it from its stores; a test from a dictionary.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Protocol

from upgraph.kube.objects import Kind, Object


class View(Protocol):
    """Objects as they were last heard of."""

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object; None if there is none, or if it may not be read."""
        ...


def text_of(config_map: Object) -> dict[str, str]:
    """The values of a ConfigMap, as text."""
    return dict(config_map.get("data") or {})


def encoded_of(secret: Object) -> dict[str, str]:
    """The values of a Secret, in base64."""
    return dict(secret.get("data") or {})


def decoded_of(secret: Object, key: str) -> str:
    """One value of a Secret, as text; empty if there is none or it is no text."""
    try:
        return base64.b64decode(encoded_of(secret).get(key, ""), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def at(obj: Object | None, *path: str) -> Object:
    """The table at a path of an object; empty where there is none."""
    found: object = obj or {}
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, dict) else {}
