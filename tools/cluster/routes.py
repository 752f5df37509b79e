"""Admit Routes as the router of OpenShift does: the URL of a service appears in the status of its Route.

What the API server of OpenShift does to Routes (name the host, refuse a bad one) is done by policies, see
``apis/openshift``.
"""

import threading
import time
from typing import NoReturn

from tools.cluster.client import ApiError, Client, Object

ROUTES = "/apis/route.openshift.io/v1"
ROUTER = "default"
CANONICAL = "router-default.apps.example"
PAUSE_SECONDS = 0.5
"""Before a watch that has ended is begun again."""


def verdict(route: Object, holder: Object | None, now: str) -> Object:
    """The entry of the router for one Route.

    Args:
        route: the Route, which has a host.
        holder: the older Route of another namespace that has the same host, if there is one.
        now: the time of the verdict, in the form of RFC 3339.
    """
    condition = {"type": "Admitted", "status": "True", "lastTransitionTime": now}
    if holder is not None:
        text = f"route {holder['metadata']['name']} already exposes {route['spec']['host']} and is older"
        condition |= {"status": "False", "reason": "HostAlreadyClaimed", "message": text}
    return {
        "host": route["spec"]["host"],
        "routerName": ROUTER,
        "routerCanonicalHostname": CANONICAL,
        "wildcardPolicy": route["spec"].get("wildcardPolicy", "None"),
        "conditions": [condition],
    }


def is_current(route: Object, entry: Object) -> bool:
    """Whether the status of a Route says already what ``entry`` says, apart from the time."""
    for old in route.get("status", {}).get("ingress", []):
        if old["routerName"] == ROUTER and old["host"] == entry["host"]:
            return bool(old["conditions"][0]["status"] == entry["conditions"][0]["status"])
    return False


class Routes:
    """All Routes of a cluster, and who has which host. One thread follows them, others may ask."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._routes: dict[tuple[str, str], Object] = {}
        self._lock = threading.Lock()

    def admitted(self, host: str) -> Object | None:
        """The Route that has a host: the oldest of those that want it."""
        with self._lock:
            wanting = [route for route in self._routes.values() if _host(route) == host]
        return min(wanting, key=_age, default=None)

    def follow_always(self) -> NoReturn:
        """Judge Routes until the end of the cluster."""
        while True:
            try:
                self.follow()
            except (OSError, ApiError) as error:
                print(f"watching again: {error}", flush=True)
            time.sleep(PAUSE_SECONDS)

    def follow(self) -> None:
        """Judge every Route that there is or comes, until the API server ends the watch."""
        with self._lock:
            self._routes.clear()
        for kind, route in self._client.watch(f"{ROUTES}/routes"):
            name = (route["metadata"].get("namespace", ""), route["metadata"].get("name", ""))
            if kind not in {"ADDED", "MODIFIED", "DELETED"}:
                return
            with self._lock:
                self._routes.pop(name, None)
                if kind != "DELETED":
                    self._routes[name] = route
                wanting = [other for other in self._routes.values() if _host(other) == _host(route)]
            # One that comes or goes may change the lot of all others that want its host.
            for other in wanting:
                self._judge(other)

    def _judge(self, route: Object) -> None:
        namespace, name = route["metadata"]["namespace"], route["metadata"]["name"]
        entry = verdict(route, self._holder(route), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        if is_current(route, entry):
            return
        try:
            path = f"{ROUTES}/namespaces/{namespace}/routes/{name}/status"
            self._client.patch(path, {"status": {"ingress": [entry]}})
        except ApiError as error:
            if error.status != 404:
                raise

    def _holder(self, route: Object) -> Object | None:
        for other in self._routes.values():
            same = _host(other) == _host(route)
            elsewhere = other["metadata"]["namespace"] != route["metadata"]["namespace"]
            if same and elsewhere and _age(other) < _age(route):
                return other
        return None


def _host(route: Object) -> str:
    return str(route["spec"]["host"]).lower()


def _age(route: Object) -> tuple[str, str]:
    """Older Routes come first; the id decides between Routes of one second."""
    return route["metadata"]["creationTimestamp"], route["metadata"]["uid"]
