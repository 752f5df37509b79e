"""The ports of a pod and of its Services: names and numbers are those of the reference operator."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the pod."""

    name: str
    number: int


GRAPH_BUILDER = Port("graph-builder", 8080)
"""The unfiltered graph, inside the cluster."""
POLICY_ENGINE = Port("policy-engine", 8081)
"""The answers for clusters."""
STATUS = Port("status-pe", 9081)
"""Probes, metrics and status."""

POLICY_ENGINE_SERVICE_PORT = 80
"""The port of the Service that clusters are led to."""
GRAPH_BUILDER_STATUS_PORT = 9080
"""The port under which the reference operator has the status of its graph builder; here it is the same as the other."""
