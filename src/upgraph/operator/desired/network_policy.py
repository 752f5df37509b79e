"""Who may reach the replicas, and what they may reach.

The rules are those of the reference operator, with what they cut off by mistake: metrics, the answers inside the cluster, the
DNS of other distributions than OpenShift, and Services of registries whose pods listen on another port than they do. Ports
are opened rather than addresses, as a policy cannot name hosts.
"""

from collections.abc import Iterator

from upgraph.kube.kinds import NETWORK_POLICY
from upgraph.kube.objects import Object
from upgraph.oci import Proxies
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.desired.ports import GRAPH_BUILDER, POLICY_ENGINE, STATUS
from upgraph.operator.inputs.sources import peers
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.resource.peer import Peer

DNS_PORTS = (53, 5353)
"""Port 53 of most clusters and of caches on nodes; 5353 of the pods of OpenShift, where policies see it."""
ROUTER_NAMESPACES = (
    "policy-group.network.openshift.io/ingress",
    "policy-group.network.openshift.io/host-network",
)
"""Labels of the namespaces from which routers of OpenShift come, the second where they use the network of the host."""
HTTPS_PORT = 443
"""Where registries often have the server of their tokens and of their blobs, whatever their own port is."""

_ANY_POD: Object = {"namespaceSelector": {}}
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def network_policy(inputs: Inputs, *, through_router: bool, reads_graph_data: bool) -> Object:
    """The policy of the replicas.

    Args:
        inputs: of the UpdateService.
        through_router: whether clusters come through the routers of OpenShift alone.
        reads_graph_data: whether the service itself reads the image with the graph data.

    Raises:
        UserError: a registry or a proxy has no valid name.
    """
    description = (
        "Lets clusters, monitoring and the replicas reach the update service, and it registries and DNS."
    )
    policy = new_object(
        inputs, NETWORK_POLICY, inputs.names.network_policy, description, {"app": inputs.names.name}
    )
    proxies = Proxies.of(inputs.proxies.environment)
    reached = peers(inputs.service.spec, reads_graph_data=reads_graph_data)
    policy["spec"] = {
        "podSelector": {"matchLabels": {"app": inputs.names.name}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(through_router=through_router)),
        "egress": [
            {"ports": [_port(number, protocol) for number in DNS_PORTS for protocol in ("TCP", "UDP")]},
            {
                "to": [{"podSelector": {"matchLabels": {"app": inputs.names.name}}}],
                "ports": [_port(STATUS.number)],
            },
            *_registries(reached, proxies),
        ],
    }
    return policy


def _ingress(*, through_router: bool) -> Iterator[Object]:
    clients: Object = {"ports": [_port(POLICY_ENGINE.number)]}
    if through_router:
        clients["from"] = [{"namespaceSelector": {"matchLabels": {label: ""}}} for label in ROUTER_NAMESPACES]
    yield clients
    yield {
        "from": [_ANY_POD],
        "ports": [_port(GRAPH_BUILDER.number), _port(POLICY_ENGINE.number), _port(STATUS.number)],
    }


def _registries(reached: tuple[Peer, ...], proxies: Proxies) -> Iterator[Object]:
    ports, namespaces = set(), set()
    for peer in reached:
        namespace = _namespace_of(peer.host)
        if namespace is not None:
            namespaces.add(namespace)
            continue
        proxy = proxies.way(peer.scheme, peer.host, peer.port).proxy
        ports |= {peer.port, HTTPS_PORT} if proxy is None else {proxy.port}
    for namespace in sorted(namespaces):
        # Policies see the port of the pod, which nobody outside knows.
        yield {"to": [{"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}}}]}
    if ports:
        yield {"ports": [_port(number) for number in sorted(ports)]}


def _namespace_of(host: str) -> str | None:
    """The namespace of a Service of this cluster; None for other hosts."""
    labels = host.split(".")
    return labels[1] if len(labels) >= 3 and labels[2] == "svc" else None


def _port(number: int, protocol: str = "TCP") -> Object:
    return {"protocol": protocol, "port": number}
