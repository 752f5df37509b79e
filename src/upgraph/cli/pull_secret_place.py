"""Where a pull secret is: a file, or a Secret of a cluster. Both are read once, and written if nobody else has."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from upgraph.cli.cluster_access import proxy_of_environment
from upgraph.errors import UserError
from upgraph.errors.problems.credentials import AUTH_FILE_UNWRITABLE, PULL_SECRET
from upgraph.oci import AuthDocument, change_auth_file, read_document

if TYPE_CHECKING:
    from upgraph.kube import Cluster, Secret

KEY = ".dockerconfigjson"
"""Where a Secret keeps its logins."""
TYPE = "kubernetes.io/dockerconfigjson"

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Place(Protocol):
    """A pull secret that was read."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def document(self) -> AuthDocument:
        """What was read."""
        ...

    def write(self, changed: AuthDocument) -> None:
        """Put another document in its place.

        Raises:
            UserError, RemoteError: somebody else has changed it meanwhile, or it cannot be written.
        """
        ...


@contextmanager
def opened(
    file: Path | None, secret: str, *, kubeconfig: Path | None, context: str | None
) -> Iterator[Place]:
    """The pull secret in a file, or without one in a cluster.

    Raises:
        UserError: it cannot be used, or both a file and a cluster are named.
        RemoteError: the cluster cannot be asked.
    """
    if file is not None:
        if kubeconfig is not None or context is not None:
            raise click.UsageError("name either a FILE or a cluster")
        yield _InFile(file, read_document(file))
        return
    # Loaded only when a cluster is asked: what speaks to Kubernetes is heavy.
    from upgraph.kube import Cluster, find_cluster  # noqa: PLC0415

    namespace, slash, name = secret.partition("/")
    if not slash or not (_NAME.fullmatch(namespace) and _NAME.fullmatch(name)):
        raise click.UsageError(f"--secret is NAMESPACE/NAME, not {secret!r}")
    address = find_cluster(os.environ, kubeconfig=kubeconfig, context=context)
    with Cluster(address, proxy_of_environment) as cluster:
        yield _InCluster.of(cluster, cluster.secret(namespace, name))


@dataclass(frozen=True, slots=True)
class _InFile:
    path: Path
    document: AuthDocument

    @property
    def name(self) -> str:
        return str(self.path)

    def write(self, changed: AuthDocument) -> None:
        change_auth_file(self.path, lambda now: self._replaced(now, changed))

    def _replaced(self, now: AuthDocument, changed: AuthDocument) -> AuthDocument:
        if now.text != self.document.text:
            seen = f"{self.path}: another program has changed it since the difference was shown"
            raise UserError(AUTH_FILE_UNWRITABLE, seen, remedy="Call the command again.")
        return changed


@dataclass(frozen=True, slots=True)
class _InCluster:
    cluster: "Cluster"
    secret: "Secret"
    document: AuthDocument

    @classmethod
    def of(cls, cluster: "Cluster", secret: "Secret") -> "_InCluster":
        """The pull secret in a Secret.

        Raises:
            UserError: the Secret is none.
        """
        if secret.type != TYPE:
            raise UserError(PULL_SECRET, f"Secret {secret} of {cluster.address} has the type {secret.type!r}")
        if KEY not in secret.data:
            keys = ", ".join(sorted(secret.data)[:5]) or "none at all"
            raise UserError(PULL_SECRET, f"Secret {secret} of {cluster.address} has no key {KEY}, but {keys}")
        return cls(cluster, secret, AuthDocument.of(Path(str(secret)), secret.data[KEY]))

    @property
    def name(self) -> str:
        return f"Secret {self.secret} of {self.cluster.address}"

    def write(self, changed: AuthDocument) -> None:
        self.cluster.change_secret(self.secret, KEY, changed.text.encode())
