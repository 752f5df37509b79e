"""What the network operator of OpenShift does with authorities: ConfigMaps that ask for the trust of the cluster get it.

The trust is that of the machines together with what ``spec.trustedCA`` of the Proxy names. Only one namespace is looked after,
so that the other tests of a cluster see nothing of it.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tools.cluster.client import ApiError, Client, Object

LABEL = "config.openshift.io/inject-trusted-cabundle"
KEY = "ca-bundle.crt"
LOOK_SECONDS = 0.5
_PROXY = "/apis/config.openshift.io/v1/proxies/cluster"
_USERS = "/api/v1/namespaces/openshift-config/configmaps"


def trust_of(client: Client, machines: str) -> str:
    """The authorities that a cluster trusts, in PEM.

    Args:
        client: of an administrator.
        machines: what machines trust without any configuration, in PEM.

    Raises:
        ApiError: the API server refuses.
    """
    named = (client.find(_PROXY) or {}).get("spec", {}).get("trustedCA", {}).get("name")
    found: Object = (client.find(f"{_USERS}/{named}") if named else None) or {}
    return machines + str(found.get("data", {}).get(KEY, ""))


@contextmanager
def injected_trust(client: Client, namespace: str, machines: str) -> Iterator[None]:
    """Give the trust of the cluster to who asks for it in a namespace, for as long as the block lasts."""
    enough = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        injecting = threads.submit(_inject, client, namespace, machines, enough)
        try:
            yield
        finally:
            enough.set()
        injecting.result()


def _inject(client: Client, namespace: str, machines: str, enough: threading.Event) -> None:
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    while not enough.wait(LOOK_SECONDS):
        try:
            wanted = {KEY: trust_of(client, machines)}
            for one in client.get(f"{place}?labelSelector={LABEL.replace('/', '%2F')}%3Dtrue")["items"]:
                if one.get("data") != wanted:
                    client.patch(f"{place}/{one['metadata']['name']}", {"data": wanted})
        except (ApiError, OSError):
            # It is gone, or somebody else was faster: looked at again.
            continue
