"""The Deployment of an UpdateService."""

from collections.abc import Iterator

from upgraph.kube.kinds import DEPLOYMENT
from upgraph.kube.objects import Object
from upgraph.operator.desired.container import container, security_context
from upgraph.operator.desired.copies import DOCKER_CONFIG
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.desired.volumes import GRAPH_DATA, GRAPH_DATA_VOLUME, mounted
from upgraph.operator.inputs.sources import graph_data_name, pull_spec
from upgraph.operator.inputs.values import Inputs

GRAPH_DATA_IMAGE = "updateservice.operator.openshift.io/graph-data-image"
"""Annotation of the pods with the image that their graph data comes from, as the reference operator has it."""
KEYRINGS = "updateservice.operator.openshift.io/keyrings"
"""Annotation of the pods with a digest of the keyrings: other keys are another service."""
INIT_CONTAINER = "graph-data"
"""Name of the init container that brings the graph data."""
USER = 1001
"""The user of the image, for clusters that choose none: an image of graph data may be made for root."""
TERMINATION_SECONDS = 30
"""Time for a pod to end, with that in which it goes on answering."""

_ZONE = "topology.kubernetes.io/zone"
_NODE = "kubernetes.io/hostname"


def deployment(inputs: Inputs) -> Object:
    """The Deployment.

    Raises:
        UserError: a name of the resource is not valid.
    """
    description = "The replicas of the update service."
    made = new_object(inputs, DEPLOYMENT, inputs.names.deployment, description, {"app": inputs.names.name})
    made["spec"] = {
        "replicas": _replicas(inputs),
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": {"app": inputs.names.name}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling_update(inputs)},
        "template": {"metadata": _template_metadata(inputs), "spec": _pod(inputs)},
    }
    return made


def _replicas(inputs: Inputs) -> int:
    spec = inputs.service.spec
    if spec.autoscaling is None or inputs.live.replicas is None:
        return spec.replicas
    # To say nothing would give up the field, and a Deployment without it goes down to one replica.
    return min(max(inputs.live.replicas, spec.replicas), spec.autoscaling.max_replicas)


def _rolling_update(inputs: Inputs) -> Object:
    volume = inputs.service.spec.volume
    if volume is not None and volume.claim_name is not None:
        # One service a state directory: the old one has to let go of the claim before the new one takes it.
        return {"maxUnavailable": 1, "maxSurge": 0}
    return {"maxUnavailable": 0, "maxSurge": 1}


def _template_metadata(inputs: Inputs) -> Object:
    image = graph_data_name(inputs.service.spec)
    annotations = {GRAPH_DATA_IMAGE: pull_spec(image, inputs.graph_data.digest)}
    if inputs.keyrings is not None:
        annotations[KEYRINGS] = inputs.keyrings.state
    labels = {"app": inputs.names.name, "deployment": inputs.names.deployment}
    return {"labels": labels, "annotations": annotations}


def _pod(inputs: Inputs) -> Object:
    pod: Object = {
        # What the pods do needs no right in the cluster, and no variables that Services would give them.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "securityContext": _pod_security_context(inputs),
        "containers": [container(inputs)],
        "volumes": [one.volume for one in mounted(inputs)],
        **_placement(inputs),
    }
    if inputs.graph_data.copies_itself:
        pod["initContainers"] = [_init_container(inputs)]
    has_logins = inputs.live.pull_secret_type in ("", DOCKER_CONFIG)
    has_own = inputs.service.spec.credentials is not None
    # On OpenShift the nodes have the pull secret of the cluster, and whoever names another one has images that it does not open.
    if inputs.pull_secret.is_mounted and has_logins and (has_own or not inputs.platform.image_config):
        pod["imagePullSecrets"] = [{"name": inputs.names.pull_secret}]
    return pod


def _init_container(inputs: Inputs) -> Object:
    by_digest = bool(inputs.graph_data.digest) or "@" in inputs.service.spec.graph_data_image
    return {
        "name": INIT_CONTAINER,
        "image": pull_spec(graph_data_name(inputs.service.spec), inputs.graph_data.digest),
        # What a digest names never changes; a tag that could not be resolved has to be asked for.
        "imagePullPolicy": "IfNotPresent" if by_digest else "Always",
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "securityContext": security_context(),
        "volumeMounts": [{"name": GRAPH_DATA_VOLUME, "mountPath": GRAPH_DATA}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _pod_security_context(inputs: Inputs) -> Object:
    context: Object = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if not inputs.platform.chooses_users:
        context |= {"runAsUser": USER, "runAsGroup": 0, "fsGroup": USER}
    return context


def _placement(inputs: Inputs) -> Object:
    wanted = inputs.service.spec.scheduling
    placement: Object = {}
    if wanted.node_selector:
        placement["nodeSelector"] = wanted.node_selector
    if wanted.tolerations:
        placement["tolerations"] = wanted.tolerations
    if wanted.priority_class_name:
        placement["priorityClassName"] = wanted.priority_class_name
    if wanted.affinity is not None:
        placement["affinity"] = wanted.affinity
    else:
        placement["topologySpreadConstraints"] = list(_spread(inputs))
    return placement


def _spread(inputs: Inputs) -> Iterator[Object]:
    for key in (_NODE, _ZONE):
        yield {
            "maxSkew": 1,
            "topologyKey": key,
            # A cluster of one node has to hold them all.
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": inputs.names.name}},
            "matchLabelKeys": ["pod-template-hash"],
        }
