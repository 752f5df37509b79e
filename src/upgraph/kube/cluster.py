"""Secrets of one cluster, for commands that are not asynchronous. Values go in and out.

A Secret is changed by a merge patch of one key that carries the version of what was read. Replacing the whole object
would overwrite another writer's key; without the version the later of two writers would win unseen.
"""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from upgraph.errors import RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube.client import KubernetesApi
from upgraph.kube.configuration import ClusterAddress
from upgraph.kube.connection import Route, directly, open_connection
from upgraph.kube.exchange import Exchange
from upgraph.kube.kinds import SECRET
from upgraph.kube.objects import Key, Object, key_of, version_of

FIELD_MANAGER = "upgraph"
"""The name under which the cluster notes our changes."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret. Its text form has no values."""

    namespace: str
    name: str
    type: str
    version: str
    """The state that was read (resourceVersion)."""
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Cluster:
    """A connection to the API of a cluster; a context manager that closes it.

    Args:
        address: which cluster, and who we are there.
        route: the proxy of the environment, if the configuration names none.

    Raises:
        UserError: certificates or keys of the configuration cannot be used.
    """

    def __init__(self, address: ClusterAddress, route: Route = directly) -> None:
        self.address = address
        self._connection = open_connection(address, route)
        self._api = KubernetesApi(Exchange(self._connection), cluster=str(address), manager=FIELD_MANAGER)
        self._loop = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._loop.run(self._connection.aclose())
        self._loop.close()

    def secret(self, namespace: str, name: str) -> Secret:
        """A Secret.

        Raises:
            RemoteError: it is not there, we may not read it, or the cluster cannot be asked.
        """
        return _value(self._loop.run(self._api.get(SECRET, Key(namespace, name))))

    def change_secret(self, secret: Secret, key: str, content: bytes) -> Secret:
        """Give one key of a Secret another value, if nobody has changed the Secret since it was read.

        Args:
            secret: what was read.
            key: the key that is changed or added; all others stay.
            content: its new value.

        Raises:
            RemoteError: somebody has (:data:`KUBE_CONFLICT`), we may not, it is refused, or the cluster cannot be asked.
        """
        patch = {
            "metadata": {"resourceVersion": secret.version},
            "data": {key: base64.b64encode(content).decode()},
        }
        return _value(self._loop.run(self._api.patch(SECRET, Key(secret.namespace, secret.name), patch)))


def _value(found: Object) -> Secret:
    key, version, values = key_of(found), version_of(found), found.get("data") or {}
    if found.get("kind") != SECRET.kind or not version or not isinstance(values, dict):
        raise RemoteError(problems.KUBE_FAULT, f"{key}: the answer is no Secret with a version")
    try:
        data = {name: base64.b64decode(value, validate=True) for name, value in values.items()}
    except (binascii.Error, ValueError, TypeError):
        raise RemoteError(problems.KUBE_FAULT, f"{key}: a value of the Secret is not base64") from None
    return Secret(key.namespace, key.name, found.get("type") or "", version, data)
