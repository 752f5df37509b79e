"""Whether pods of an earlier form of a Deployment may still be there. Pure.

Such a pod may be started again in place, and then reads what it names once more: the ConfigMaps and Secrets of its form
are needed until the last of them is gone.
"""

from upgraph.kube.objects import Object


def has_old_pods(deployment: Object) -> bool:
    """Whether some may be there, as far as its status tells."""
    status = deployment.get("status") or {}
    replicas = int(status.get("replicas") or 0)
    if not replicas:
        return False
    is_seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    return not is_seen or int(status.get("updatedReplicas") or 0) < replicas
