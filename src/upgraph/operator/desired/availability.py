"""What keeps an update service there: a budget for disruptions, and on request an autoscaler."""

from upgraph.kube.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, POD_DISRUPTION_BUDGET
from upgraph.kube.objects import Object
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.resource.update_service import Autoscaling


def disruption_budget(inputs: Inputs) -> Object:
    """The budget: with several replicas one has to stay, while the drain of a single one is never blocked."""
    description = (
        "Keeps one replica where there are several, and never blocks the drain of a node for a single one."
    )
    budget = new_object(inputs, POD_DISRUPTION_BUDGET, inputs.names.pod_disruption_budget, description)
    budget["spec"] = {
        "minAvailable": 0 if inputs.service.spec.replicas == 1 else 1,
        "selector": {"matchLabels": {"app": inputs.names.name}},
        # Replicas that are not ready answer nobody, and must not hold up a drain either.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return budget


def autoscaler(inputs: Inputs, wanted: Autoscaling) -> Object:
    """The autoscaler, which chooses the number of replicas."""
    description = "Chooses the number of replicas of the update service by the CPU that they use."
    scaler = new_object(inputs, HORIZONTAL_POD_AUTOSCALER, inputs.names.autoscaler, description)
    scaler["spec"] = {
        "scaleTargetRef": {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "name": inputs.names.deployment,
        },
        "minReplicas": inputs.service.spec.replicas,
        "maxReplicas": wanted.max_replicas,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": wanted.target_cpu_percent},
                },
            }
        ],
    }
    return scaler
