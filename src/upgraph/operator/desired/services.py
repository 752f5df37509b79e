"""The Services of an UpdateService: for clusters, for what asks inside the cluster, and for replicas to find each other."""

from upgraph.kube.kinds import SERVICE
from upgraph.kube.objects import Object
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.desired.ports import (
    GRAPH_BUILDER,
    GRAPH_BUILDER_STATUS_PORT,
    POLICY_ENGINE,
    POLICY_ENGINE_SERVICE_PORT,
    STATUS,
)
from upgraph.operator.inputs.values import Inputs


def policy_engine_service(inputs: Inputs) -> Object:
    """The Service that clusters are led to."""
    ports = [
        _port(POLICY_ENGINE.name, POLICY_ENGINE_SERVICE_PORT, POLICY_ENGINE.number),
        _port(STATUS.name, STATUS.number, STATUS.number),
    ]
    name = inputs.names.policy_engine_service
    description = "Answers of the update service for clusters, and its status."
    return _service(inputs, name, description, ports)


def graph_builder_service(inputs: Inputs) -> Object:
    """The Service of the unfiltered graph."""
    ports = [
        _port(GRAPH_BUILDER.name, GRAPH_BUILDER.number, GRAPH_BUILDER.number),
        _port("status-gb", GRAPH_BUILDER_STATUS_PORT, STATUS.number),
    ]
    name = inputs.names.graph_builder_service
    description = (
        "The whole update graph for what asks inside the cluster, and the status of the update service."
    )
    return _service(inputs, name, description, ports)


def siblings_service(inputs: Inputs) -> Object:
    """The headless Service through which a replica that starts finds the graph of the others."""
    name = inputs.names.siblings_service
    description = "The ready replicas, for one that starts and takes the last good graph from them."
    service = _service(inputs, name, description, [_port(STATUS.name, STATUS.number, STATUS.number)])
    service["spec"] |= {"clusterIP": "None"}
    return service


def _service(inputs: Inputs, name: str, description: str, ports: list[Object]) -> Object:
    service = new_object(inputs, SERVICE, name, description, {"app": name})
    service["spec"] = {
        "type": "ClusterIP",
        "selector": {"deployment": inputs.names.deployment},
        "ports": ports,
    }
    return service


def _port(name: str, port: int, target: int) -> Object:
    return {"name": name, "protocol": "TCP", "port": port, "targetPort": target}
