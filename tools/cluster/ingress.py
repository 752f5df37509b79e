"""An ingress controller and a gateway in one, as small as they can be: who asks for a host of theirs reaches the pods behind it.

Started in the network of a cluster. Theirs are the Ingresses of one class, and the HTTPRoutes whose Gateway has the class of
the same name. What they have taken they say in the status, as their like do. Paths, filters and weights are not known: the
first backend of a host gets all. TLS ends here with the certificate of a Secret; a host without one has no TLS.
"""

import argparse
import base64
import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.cluster.client import ApiError, Client, Object
from tools.cluster.doors import HTTP_PORT, HTTPS_PORT, Backend, Unavailable, open_doors

INGRESSES = "/apis/networking.k8s.io/v1"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1"
CONTROLLER = "test.example/ingress"
LOOK_SECONDS = 0.5
"""Between two looks at what there is."""


@dataclass(frozen=True, slots=True)
class Way:
    """One host, and where it leads."""

    host: str
    backend: Backend
    secret: tuple[str, str] | None
    """Namespace and name of that with the certificate; None: plain HTTP."""


def ways_of_ingress(ingress: Object) -> Iterator[Way]:
    """The hosts of an Ingress."""
    namespace, spec = ingress["metadata"]["namespace"], ingress["spec"]
    secrets = {
        host: one.get("secretName") for one in spec.get("tls") or () for host in one.get("hosts") or ()
    }
    for rule in spec.get("rules") or ():
        service = rule["http"]["paths"][0]["backend"]["service"]
        port = service["port"].get("name") or service["port"].get("number")
        secret = secrets.get(rule.get("host"))
        backend = Backend(namespace, service["name"], port)
        yield Way(rule.get("host", ""), backend, (namespace, secret) if secret else None)


def ways_of_route(route: Object, gateway: Object, listeners: list[Object]) -> Iterator[Way]:
    """The hosts of an HTTPRoute, at the listeners that take it."""
    backend = route["spec"]["rules"][0]["backendRefs"][0]
    place = Backend(
        backend.get("namespace", route["metadata"]["namespace"]), backend["name"], backend["port"]
    )
    for listener in listeners:
        references = listener.get("tls", {}).get("certificateRefs") or ()
        names = [
            (one.get("namespace") or gateway["metadata"]["namespace"], one["name"]) for one in references
        ]
        for host in route["spec"].get("hostnames") or ():
            yield Way(host, place, names[0] if names else None)


def taking(route: Object, parent: Object, gateway: Object) -> list[Object]:
    """The listeners of a Gateway that take an HTTPRoute which names it."""
    same = route["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    return [
        one
        for one in gateway["spec"]["listeners"]
        if parent.get("sectionName") in (None, one["name"])
        and (same or one.get("allowedRoutes", {}).get("namespaces", {}).get("from") == "All")
    ]


def verdict(parent: Object, *, is_taken: bool, now: str) -> Object:
    """What a Gateway says of an HTTPRoute that names it.

    Args:
        parent: the reference by which it does.
        is_taken: whether a listener takes it.
        now: the time of the verdict, in the form of RFC 3339.
    """
    told = (
        ("True", "Accepted", "") if is_taken else ("False", "NotAllowedByListeners", "no listener takes it")
    )
    condition = dict(zip(("status", "reason", "message"), told, strict=True))
    condition |= {"type": "Accepted", "lastTransitionTime": now}
    return {"parentRef": parent, "controllerName": CONTROLLER, "conditions": [condition]}


@dataclass
class Ways:
    """All hosts of a cluster that are ours. One thread looks at them, others may ask."""

    client: Client
    name: str
    """Of the class."""
    _ways: dict[str, Way] = field(default_factory=dict)

    def of(self, host: str) -> Way | None:
        """The way of a host."""
        return self._ways.get(host)

    def follow_always(self) -> None:
        """Look until the end of the cluster."""
        while True:
            try:
                self._ways = {one.host: one for one in (*self._ingresses(), *self._routes())}
            except (OSError, ApiError) as error:
                print(f"looking again: {error}", flush=True)
            time.sleep(LOOK_SECONDS)

    def _ingresses(self) -> Iterator[Way]:
        for one in self.client.get(f"{INGRESSES}/ingresses")["items"]:
            if one["spec"].get("ingressClassName") != self.name:
                continue
            status = {"loadBalancer": {"ingress": [{"ip": self.client.host}]}}
            if one.get("status") != status:
                self._say(f"{INGRESSES}/namespaces/{{}}/ingresses/{{}}/status", one, status)
            yield from ways_of_ingress(one)

    def _routes(self) -> Iterator[Way]:
        listed = self.client.find(f"{GATEWAYS}/gateways") or {"items": []}
        ours = [one for one in listed["items"] if one["spec"]["gatewayClassName"] == self.name]
        gateways = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in ours}
        for route in (self.client.find(f"{GATEWAYS}/httproutes") or {"items": []})["items"]:
            for parent in route["spec"].get("parentRefs") or ():
                namespace = parent.get("namespace", route["metadata"]["namespace"])
                if (gateway := gateways.get((namespace, parent["name"]))) is None:
                    continue
                listeners = taking(route, parent, gateway)
                self._judge(route, parent, is_taken=bool(listeners))
                yield from ways_of_route(route, gateway, listeners)

    def _judge(self, route: Object, parent: Object, *, is_taken: bool) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        entry = verdict(parent, is_taken=is_taken, now=now)
        for old in route.get("status", {}).get("parents") or ():
            if (
                old["parentRef"] == parent
                and old["conditions"][0]["status"] == entry["conditions"][0]["status"]
            ):
                return
        self._say(f"{GATEWAYS}/namespaces/{{}}/httproutes/{{}}/status", route, {"parents": [entry]})

    def _say(self, path: str, one: Object, status: Object) -> None:
        metadata = one["metadata"]
        try:
            self.client.patch(path.format(metadata["namespace"], metadata["name"]), {"status": status})
        except ApiError as error:
            if error.status != 404:
                raise


@dataclass(frozen=True, slots=True)
class Desk:
    """What every connection is judged by."""

    client: Client
    ways: Ways
    context: ssl.SSLContext
    """Without a certificate: no host has TLS but by a Secret."""

    def place(self, host: str, *, port: int) -> Backend | str:
        """What is behind a host, or the URL to which the client is sent.

        Raises:
            Unavailable: it is none of ours, or not for this port.
        """
        way = self.ways.of(host)
        if way is None:
            raise Unavailable(f"nothing has the host {host}")
        if port == HTTP_PORT and way.secret:
            return f"https://{host}"
        if port == HTTPS_PORT and not way.secret:
            raise Unavailable(f"{host} has no certificate")
        return way.backend

    def certificate(self, host: str) -> tuple[str, str] | None:
        """Certificate and key in the Secret of a host."""
        way = self.ways.of(host)
        if way is None or way.secret is None:
            return None
        namespace, name = way.secret
        data = (self.client.find(f"/api/v1/namespaces/{namespace}/secrets/{name}") or {}).get("data", {})
        if not {"tls.crt", "tls.key"} <= data.keys():
            return None
        return base64.b64decode(data["tls.crt"]).decode(), base64.b64decode(data["tls.key"]).decode()


def main() -> None:
    """Take Ingresses and HTTPRoutes, and serve them until the end of the cluster."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--class", dest="name", required=True, help="of Ingresses and of Gateways")
    options = parser.parse_args()
    client = Client.of(Path(os.environ["KUBECONFIG"]))
    ways = Ways(client, options.name)
    open_doors(Desk(client, ways, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
    ways.follow_always()


if __name__ == "__main__":
    main()
