"""Nodes that pretend to run pods, and how a namespace chooses between them and nodes that really do.

A pod goes to a simulated node only where there is no other, unless its namespace says which it wants: then neither
the pods nor what makes them need to know that they are tested.
"""

from tools.cluster.client import Object

LABEL = "type"
"""The label of nodes that says how pods live on them."""
SIMULATED = "kwok"
REAL = "real"
CHOICE = "scheduler.alpha.kubernetes.io/node-selector"
"""The annotation of a namespace by which the API server adds a selector to all its pods."""


def simulated_node(name: str, *, zone: str = "a") -> Object:
    """A node that kwok brings to life.

    Args:
        name: of the node.
        zone: the failure domain that it says it is in.
    """
    size = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    labels = {
        LABEL: SIMULATED,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": zone,
    }
    taint = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "PreferNoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint]},
        "status": {"capacity": size, "allocatable": size},
    }


def namespace(name: str, *, nodes: str = SIMULATED) -> Object:
    """A namespace whose pods go to nodes of one sort.

    Args:
        name: of the namespace.
        nodes: ``SIMULATED`` or ``REAL``.
    """
    choice = {CHOICE: f"{LABEL}={nodes}"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": choice}}


def is_ready(node: Object) -> bool:
    """Whether pods can be scheduled to a node."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
