"""What is mounted into the pods: graph data, logins, authorities, keyrings, versions, state."""

from collections.abc import Iterator
from dataclasses import dataclass

from upgraph.graphdata.runnable import DATA_OF_SERVICE
from upgraph.kube.objects import Object
from upgraph.operator.inputs.values import CA_BUNDLE_KEY, Inputs
from upgraph.operator.resource.update_service import Volume

CREDENTIALS = "/var/lib/cincinnati/registry-credentials"
"""Where the logins are, as in the pods of the reference operator."""
REGISTRY_TRUST = "/etc/upgraph/registry-ca"
CLUSTER_TRUST = "/etc/upgraph/cluster-ca"
KEYRINGS = "/etc/upgraph/keyrings"
VERSIONS = "/etc/upgraph/versions"
STATE = "/var/lib/upgraph"
GRAPH_DATA = DATA_OF_SERVICE
GRAPH_DATA_VOLUME = "cincinnati-graph-data"
"""Name of the volume that the init container fills, as in the pods of the reference operator."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A volume of the pod, and where the service has it."""

    name: str
    path: str
    source: Object
    read_only: bool = True

    @property
    def volume(self) -> Object:
        """The volume of the pod."""
        return {"name": self.name, **self.source}

    @property
    def mount(self) -> Object:
        """The mount of the container."""
        mount: Object = {"name": self.name, "mountPath": self.path}
        return mount | ({"readOnly": True} if self.read_only else {})


def mounted(inputs: Inputs) -> tuple[Mounted, ...]:
    """All volumes, in the order of the reference operator as far as it has them."""
    return tuple(_mounted(inputs))


def _mounted(inputs: Inputs) -> Iterator[Mounted]:
    names = inputs.names
    if inputs.graph_data.copies_itself:
        yield Mounted(GRAPH_DATA_VOLUME, GRAPH_DATA, {"emptyDir": {}})
    if inputs.pull_secret.is_mounted:
        yield Mounted("pull-secret", CREDENTIALS, {"secret": {"secretName": names.pull_secret}})
    if inputs.authorities.is_mounted:
        yield Mounted("trusted-ca", REGISTRY_TRUST, {"configMap": {"name": names.trusted_ca}})
    if inputs.has_cluster_authorities:
        items = [{"key": CA_BUNDLE_KEY, "path": CA_BUNDLE_KEY}]
        source = {"configMap": {"name": names.cluster_ca, "items": items}}
        yield Mounted("cluster-trusted-ca", CLUSTER_TRUST, source)
    if inputs.keyrings is not None:
        yield Mounted("keyrings", KEYRINGS, inputs.keyrings.volume)
    if inputs.versions.is_mounted:
        yield Mounted("versions", VERSIONS, {"configMap": {"name": names.versions}})
    yield Mounted("state", STATE, _state(inputs.service.spec.volume), read_only=False)


def _state(volume: Volume | None) -> Object:
    if volume is None or (volume.claim_name is None and volume.size is None):
        return {"emptyDir": {}}
    if volume.claim_name is not None:
        return {"persistentVolumeClaim": {"claimName": volume.claim_name}}
    claim: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": str(volume.size)}},
    }
    if volume.storage_class_name is not None:
        claim["storageClassName"] = volume.storage_class_name
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}
