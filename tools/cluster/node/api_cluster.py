"""A real cluster as a node sees it: stores that follow the API server, and the few things that only kubelets ask for."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tools.cluster.node.service_table import Address
from tools.cluster.node.specification import TokenProjection
from tools.cluster.node.surroundings import WATCHED, Listener
from upgraph.errors import RemoteError
from upgraph.kube.client import KubernetesApi
from upgraph.kube.configuration import find_cluster
from upgraph.kube.connection import directly, open_connection
from upgraph.kube.exchange import Ask, Exchange
from upgraph.kube.informer import Informer
from upgraph.kube.kinds import NODE, POD, SERVICE_ACCOUNT
from upgraph.kube.objects import Key, Kind, Object, key_of, uid_of
from upgraph.kube.paths import object_path
from upgraph.kube.store import Change

MANAGER = "node-for-tests"
_NOT_FOUND = 404


class ApiCluster:
    """A cluster; see :class:`~tools.cluster.node.surroundings.Cluster`.

    Args:
        exchange: carries requests.
        name: of the cluster, for messages.
        server: the API server, for pods that ask for it.
    """

    def __init__(self, exchange: Exchange, name: str, server: Address) -> None:
        self._exchange = exchange
        self._api = KubernetesApi(exchange, cluster=name, manager=MANAGER)
        self._informers = {kind: Informer(self._api, kind) for kind in WATCHED}
        self.server = server

    def get(self, kind: Kind, key: Key) -> Object | None:
        """One object."""
        return self._informers[kind].store.get(key)

    def all(self, kind: Kind) -> Iterable[Object]:
        """All objects of a kind."""
        return self._informers[kind].store.all()

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every change."""

        def told(kind: Kind) -> Callable[[Change], None]:
            return lambda change: listener(kind, change.old, change.new)

        for kind, informer in self._informers.items():
            informer.listen(told(kind))

    async def run(self) -> None:
        """Follow the cluster."""
        async with asyncio.TaskGroup() as group:
            for informer in self._informers.values():
                group.create_task(informer.run())

    async def wait_until_known(self) -> None:
        """Wait until everything was read once."""
        for informer in self._informers.values():
            await informer.synced.wait()

    async def apply(self, obj: Object) -> None:
        """Have an object be so."""
        await self._api.apply(obj)

    async def apply_status(self, obj: Object) -> None:
        """Have the status of an object be so."""
        await self._api.apply_status(obj)

    async def finish(self, pod: Object) -> None:
        """Remove a pod whose containers have ended: a deletion without any grace, of this one alone."""
        key = key_of(pod)
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid_of(pod)}}
        await self._send("DELETE", object_path(POD, key.namespace, key.name), options)

    async def token(self, account: Key, wanted: TokenProjection, pod: Object) -> bytes:
        """A token of a service account for a pod, as the API server issues it to kubelets."""
        spec: Object = {
            "audiences": [wanted.audience] if wanted.audience else [],
            "expirationSeconds": wanted.expiration_seconds,
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": key_of(pod).name,
                "uid": uid_of(pod),
            },
        }
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = object_path(SERVICE_ACCOUNT, account.namespace, account.name) + "/token"
        answer = json.loads(await self._send("POST", path, request))
        return str(answer["status"]["token"]).encode()

    async def forget_node(self, name: str) -> None:
        """Remove a node from the cluster, if it is there.

        Raises:
            RemoteError: the cluster could not be asked.
        """
        try:
            await self._api.delete(NODE, Key("", name))
        except RemoteError as error:
            if error.status != _NOT_FOUND:
                raise

    async def _send(self, method: str, path: str, body: Object) -> bytes:
        content = json.dumps(body).encode("ascii")
        return await self._exchange.answer(Ask(f"{method} {path}", method, path, {}, content))


@asynccontextmanager
async def open_cluster(kubeconfig: Path) -> AsyncIterator[ApiCluster]:
    """The cluster of a kubeconfig, for as long as the block lasts.

    Raises:
        UserError: the file cannot be used.
    """
    address = find_cluster({}, kubeconfig=kubeconfig)
    async with open_connection(address, directly) as client:
        yield ApiCluster(Exchange(client), str(address), Address(address.host, address.port))
