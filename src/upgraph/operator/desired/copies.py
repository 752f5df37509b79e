"""What pods read as copies in their own namespace: logins, authorities, the list of versions.

A volume of a pod can only be an object of its namespace. A copy follows its source, and the kubelet brings what changed into
the running pod, so a rotated password or authority needs no restart.
"""

from collections.abc import Iterator

from upgraph.kube.kinds import CONFIG_MAP, SECRET
from upgraph.kube.objects import Object
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.inputs.values import Inputs

INJECT = "config.openshift.io/inject-trusted-cabundle"
"""Label of a ConfigMap that asks OpenShift for the authorities that the cluster trusts."""
DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
"""Type of a Secret with logins of registries."""


def copies(inputs: Inputs) -> Iterator[Object]:
    """The copies whose sources are there."""
    if inputs.pull_secret.content is not None:
        yield _pull_secret(inputs)
    if inputs.authorities.content is not None:
        yield _authorities(inputs)
    if inputs.versions.content is not None:
        yield _versions(inputs)
    if inputs.platform.proxy_config:
        yield _cluster_authorities(inputs)


def _pull_secret(inputs: Inputs) -> Object:
    description = "A copy of the logins of the registries. Changes belong into its source."
    made = new_object(inputs, SECRET, inputs.names.pull_secret, description)
    # The type of a Secret cannot be changed, and the reference operator makes an Opaque one.
    made["type"] = inputs.live.pull_secret_type or DOCKER_CONFIG
    made["data"] = dict(inputs.pull_secret.content or {})
    return made


def _authorities(inputs: Inputs) -> Object:
    description = "A copy of the authorities of the registries. Changes belong into its source."
    made = new_object(inputs, CONFIG_MAP, inputs.names.trusted_ca, description)
    made["data"] = dict(inputs.authorities.content or {})
    return made


def _versions(inputs: Inputs) -> Object:
    description = (
        "The promoted versions: updates into others are not offered. Changes belong into its source."
    )
    made = new_object(inputs, CONFIG_MAP, inputs.names.versions, description)
    made["data"] = dict(inputs.versions.content or {})
    return made


def _cluster_authorities(inputs: Inputs) -> Object:
    description = "The authorities that the cluster trusts. OpenShift fills it."
    # Its data are the cluster's: what is not applied here is not ours.
    return new_object(inputs, CONFIG_MAP, inputs.names.cluster_ca, description, {INJECT: "true"})
