"""Objects of one cluster. Values go in and out; what is changed is guarded against a change by somebody else.

A Secret is changed by a merge patch of one key that carries the version of what was read. Replacing the whole object
would drop fields that the models of lightkube do not have, and another writer's key with them; without the version
the later of two writers would win unseen.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx2
from lightkube.core.client import Client
from lightkube.resources.core_v1 import Secret as SecretResource
from lightkube.types import PatchType

from upgraph.errors import RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube.configuration import ClusterAddress
from upgraph.kube.connection import Route, directly, proxy_to, usable_configuration
from upgraph.kube.failures import translated
from upgraph.kube.identity import tls_context, without_certificates
from upgraph.kube.transport import TIMEOUT, CappedTransport

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
        config = usable_configuration(address)
        self.address = address
        with translated(f"the configuration of {address}"):
            inner = httpx2.HTTPTransport(
                verify=tls_context(config), proxy=proxy_to(address, route), trust_env=False
            )
            self._client = Client(
                without_certificates(config),
                timeout=TIMEOUT,
                trust_env=False,
                transport=CappedTransport(inner),
                field_manager=FIELD_MANAGER,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def secret(self, namespace: str, name: str) -> Secret:
        """A Secret.

        Raises:
            RemoteError: it is not there, we may not read it, or the cluster cannot be asked.
        """
        what = f"{self.address}: get Secret {namespace}/{name}"
        with translated(what):
            found = self._client.get(SecretResource, name, namespace=namespace)
        return _value(found, what)

    def change_secret(self, secret: Secret, key: str, content: bytes) -> Secret:
        """Give one key of a Secret another value, if nobody has changed the Secret since it was read.

        Args:
            secret: what was read.
            key: the key that is changed or added; all others stay.
            content: its new value.

        Raises:
            RemoteError: somebody has (:data:`KUBE_CONFLICT`), we may not, it is refused, or the cluster cannot be asked.
        """
        what = f"{self.address}: patch Secret {secret}"
        patch = {
            "metadata": {"resourceVersion": secret.version},
            "data": {key: base64.b64encode(content).decode()},
        }
        with translated(what):
            changed = self._client.patch(
                SecretResource, secret.name, patch, namespace=secret.namespace, patch_type=PatchType.MERGE
            )
        return _value(changed, what)


def _value(found: SecretResource, what: str) -> Secret:
    metadata = found.metadata
    if metadata is None or not (metadata.namespace and metadata.name and metadata.resourceVersion):
        raise RemoteError(problems.KUBE_FAULT, f"{what}: the answer is no Secret with a name and a version")
    try:
        data = {key: base64.b64decode(value, validate=True) for key, value in (found.data or {}).items()}
    except (binascii.Error, ValueError, TypeError):
        raise RemoteError(problems.KUBE_FAULT, f"{what}: a value of the Secret is not base64") from None
    return Secret(metadata.namespace, metadata.name, found.type or "", metadata.resourceVersion, data)
