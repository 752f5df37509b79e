"""The UpdateService resource as typed values, read from the JSON object that the API gives.

The group, the version, the names of the fields and which of them are required are those of the reference operator
(``api/v1/updateservice_types.go`` of openshift/cincinnati-operator), so that what was written for it is accepted
unchanged. All other fields are ours and optional. A field that is not known here is passed over: an older operator may
meet an object of a newer definition.
"""

from typing import Literal

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems.operator import UPDATE_SERVICE_INVALID
from upgraph.kube.objects import Key, Kind, Object

GROUP = "updateservice.operator.openshift.io"
VERSION = "v1"
UPDATE_SERVICE = Kind(GROUP, VERSION, "UpdateService", "updateservices")
"""The kind of the resource."""

DEFAULT_TARGET_CPU_PERCENT = 75
"""Share of the requested CPU at which the autoscaler adds replicas, in percent."""
DEFAULT_VERSIONS_KEY = "versions"
"""The key of a ConfigMap under which the list of promoted versions is looked for."""

ExposureType = Literal["Auto", "Route", "HTTPRoute", "Ingress", "None"]
SignaturePolicy = Literal["strict", "cluster"]


class _Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What all parts have in common: names in camel case, as the API has them; defaults are not written."""


class Gateway(_Wire, frozen=True, kw_only=True):
    """The Gateway to which an HTTPRoute is attached."""

    name: str
    namespace: str | None = None
    """Without one the namespace of the resource."""
    section_name: str | None = None
    """One listener of the Gateway; without a name all that admit the route."""


class Exposure(_Wire, frozen=True, kw_only=True):
    """How clusters reach the service from outside."""

    type: ExposureType = "Auto"
    """``Auto``: a Route where the cluster has Routes, else an HTTPRoute if a gateway is named, else an Ingress if a
    host is named, else the Service only."""
    host: str | None = None
    tls_secret: str | None = None
    """A Secret of type ``kubernetes.io/tls`` in the namespace of the resource."""
    ingress_class_name: str | None = None
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}
    """What a router that serves some Routes alone chooses them by. The operator's own labels count before these."""
    gateway: Gateway | None = None


class Trust(_Wire, frozen=True, kw_only=True):
    """Certificate authorities of the registries."""

    config_map: str
    """Its keys are host names (``host..port`` with a port) or ``updateservice-registry`` for all registries."""


class Credentials(_Wire, frozen=True, kw_only=True):
    """Logins of the registries."""

    secret: str
    """A Secret of type ``kubernetes.io/dockerconfigjson``."""


class Signatures(_Wire, frozen=True, kw_only=True):
    """Which releases are trusted."""

    required: bool = False
    """Whether a release without a valid signature is left out."""
    keyring_secret: str | None = None
    keyring_config_map: str | None = None
    policy: SignaturePolicy = "strict"
    source: str | None = None
    """Where signatures are, as ``--signatures`` of the service takes it."""


class Resources(_Wire, frozen=True, kw_only=True):
    """Requests and limits of the container, as Kubernetes writes quantities."""

    requests: dict[str, str | int | float] = {}
    limits: dict[str, str | int | float] = {}


class Scheduling(_Wire, frozen=True, kw_only=True):
    """On which nodes the pods may run; each part is that of a pod."""

    node_selector: dict[str, str] = {}
    tolerations: list[Object] = []
    affinity: Object | None = None
    """In the place of the spread over nodes and zones that is there without it."""
    priority_class_name: str | None = None


class Volume(_Wire, frozen=True, kw_only=True):
    """Where the pods keep what they have learnt; an ``emptyDir`` without one."""

    claim_name: str | None = None
    """A claim that exists, for one replica."""
    size: str | int | None = None
    """Bytes as a quantity (``1Gi``) of a volume that is made for each pod and goes with it."""
    storage_class_name: str | None = None


class Autoscaling(_Wire, frozen=True, kw_only=True):
    """The number of replicas is left to a HorizontalPodAutoscaler, with ``spec.replicas`` as the least."""

    max_replicas: int
    target_cpu_percent: int = msgspec.field(
        name="targetCPUUtilizationPercentage", default=DEFAULT_TARGET_CPU_PERCENT
    )


class Versions(_Wire, frozen=True, kw_only=True):
    """The promoted versions: updates into all others are not offered."""

    config_map: str | None = None
    key: str = DEFAULT_VERSIONS_KEY
    allow: list[str] = []


class UpdateServiceSpec(_Wire, frozen=True, kw_only=True):
    """What is wanted."""

    replicas: int
    releases: str
    """``HOST/PATH`` of the repository in which the release images are tagged."""
    graph_data_image: str
    """Pull spec of the image that has the graph data, by tag or by digest."""
    additional_releases: list[str] = []
    """More repositories, as ``releases``."""
    exposure: Exposure = Exposure()
    trust: Trust | None = None
    credentials: Credentials | None = None
    signatures: Signatures = Signatures()
    resources: Resources = Resources()
    scheduling: Scheduling = Scheduling()
    volume: Volume | None = None
    autoscaling: Autoscaling | None = None
    versions: Versions | None = None

    @property
    def repositories(self) -> tuple[str, ...]:
        """All release repositories in the order of the resource, each once."""
        return tuple(dict.fromkeys([self.releases, *self.additional_releases]))


class Condition(_Wire, frozen=True, kw_only=True):
    """One condition, of this operator or of the reference operator (which has no ``observedGeneration``)."""

    type: str
    status: str
    """``True``, ``False`` or ``Unknown``."""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int | None = None


class GraphDataStatus(_Wire, frozen=True, kw_only=True):
    """Which graph data is used."""

    image: str | None = None
    """As the resource names it."""
    digest: str | None = None
    """What it was resolved to."""
    last_checked: str | None = None
    """When the registry was last asked, in RFC 3339; while nothing else changes it is written once an hour."""


class GraphStatus(_Wire, frozen=True, kw_only=True):
    """What the service offers, from the running service."""

    releases: int | None = None
    updates: int | None = None
    digest: str | None = None
    """Identity of the graph."""
    built_at: str | None = None
    """Since when the operator has seen this graph, in RFC 3339."""
    refreshed_at: str | None = None
    """When its sources were last known to be current, in RFC 3339; while nothing else changes it is written every hour."""
    left_out: int | None = None
    """Releases that are left out; the condition ReleasesReachable says why."""


class ServingCAStatus(_Wire, frozen=True, kw_only=True):
    """By which authority the URI is signed, and whether clusters trust it."""

    subject: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the certificate, in hexadecimal digits."""
    not_after: str | None = None
    """When the certificate of the authority ends, in RFC 3339."""
    trusted_by_cluster: bool | None = None
    """Whether the trust of this cluster covers it; None if that cannot be told."""
    certificate: str | None = None
    """The authority in PEM."""


class UpdateServiceStatus(_Wire, frozen=True, kw_only=True):
    """What is. Every field is optional: objects of the reference operator have two of them, new ones none."""

    conditions: list[Condition] = []
    policy_engine_uri: str | None = msgspec.field(name="policyEngineURI", default=None)
    """Base of the address for clients, without a path."""
    first_answered: str | None = None
    """When the address answered for the first time, in RFC 3339; None: it never did."""
    observed_generation: int | None = None
    replicas: int | None = None
    ready_replicas: int | None = None
    graph_data: GraphDataStatus | None = None
    graph: GraphStatus | None = None
    serving_ca: ServingCAStatus | None = msgspec.field(name="servingCA", default=None)

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type."""
        return next((one for one in self.conditions if one.type == kind), None)


class Metadata(_Wire, frozen=True, kw_only=True):
    """What is read of the metadata of the object."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class UpdateService(_Wire, frozen=True, kw_only=True):
    """One UpdateService."""

    metadata: Metadata
    spec: UpdateServiceSpec
    status: UpdateServiceStatus = UpdateServiceStatus()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata.namespace, self.metadata.name)

    @property
    def being_deleted(self) -> bool:
        """Whether somebody has asked for its end."""
        return self.metadata.deletion_timestamp is not None


def parse_update_service(obj: Object) -> UpdateService:
    """Read an UpdateService; ``apiVersion`` and ``kind`` are those of whoever asked for it and are not looked at.

    Raises:
        DataError: it is not one; the message names the field.
    """
    try:
        return msgspec.convert(obj, UpdateService)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$").removeprefix(".") or "the object"
        raise DataError(UPDATE_SERVICE_INVALID, f"{_called(obj)}: {field}: {reason}") from error


def _called(obj: Object) -> str:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return "UpdateService"
    return f"UpdateService {metadata.get('namespace', '')}/{metadata.get('name', '')}"
