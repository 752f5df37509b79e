"""Everything that decides what an UpdateService becomes, as one value.

It is gathered from what is known of the cluster (:mod:`upgraph.operator.inputs.gathering`), and everything that is made from it is
made without asking anybody: the same inputs give the same objects, and a test needs no cluster.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from upgraph.kube.objects import Kind, Object
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import UpdateService

PULL_SECRET_KEY = ".dockerconfigjson"  # noqa: S105  # the name of a key
"""The key of a Secret with logins of registries (type ``kubernetes.io/dockerconfigjson``)."""
CA_BUNDLE_KEY = "ca-bundle.crt"
"""The key under which OpenShift puts the authorities that a cluster trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What a cluster has of the APIs that differ between clusters."""

    routes: bool = False
    http_routes: bool = False
    image_config: bool = False
    """Whether there is the configuration of images of OpenShift, and with it a pull secret of the cluster."""
    proxy_config: bool = False
    chooses_users: bool = False
    """Whether pods get their user from the cluster, so that naming one would be refused."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The proxy of the cluster, as the variables of a process have it. Empty where there is none."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    exempt: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are set."""
        values = {"HTTP_PROXY": self.http, "HTTPS_PROXY": self.https, "NO_PROXY": self.exempt}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Copy:
    """A ConfigMap or Secret of somebody else that pods read as a copy in their namespace.

    A source that is gone does not take away what pods already read: the copy stays until there is another source, or
    until nobody asks for one.
    """

    content: Mapping[str, str] | None = field(default=None, repr=False)
    """What the copy is to have, of a Secret in base64; None: it is left as it is, or there is none."""
    is_there: bool = False
    """Whether there is a copy already."""
    is_wanted: bool = False
    """Whether anybody asks for it."""

    @property
    def is_mounted(self) -> bool:
        """Whether pods read it."""
        return self.content is not None or (self.is_there and self.is_wanted)


@dataclass(frozen=True, slots=True)
class GraphDataImage:
    """What is known of the image with the graph data."""

    digest: str = ""
    """What its name stands for now; empty while that is not known."""
    copies_itself: bool = True
    """Whether it has a command that puts its data into the volume of the service."""
    is_asked: bool = True
    """Whether the registry has answered or refused at least once."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its key, in PEM."""

    certificate: str
    key: str = field(repr=False)
    authority: str = ""
    """The authority that signed it, where it came along, in PEM."""


@dataclass(frozen=True, slots=True)
class Keyrings:
    """Public keys of releases: the volume source that has them, and which of its keys are keyrings."""

    volume: Object
    keys: tuple[str, ...]
    state: str
    """Another text whenever the content is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What of the objects that are there decides how they are to be."""

    replicas: int | None = None
    """Of the Deployment, which an autoscaler may have chosen."""
    route: Object | None = None
    """The Route in use."""
    legacy_route: bool = False
    """Whether it is the one that old releases of the reference operator made."""
    pull_secret_type: str = ""
    """Of the copy: it cannot be changed."""
    former_ways: frozenset[tuple[Kind, str]] = frozenset()
    """Kind and name of what exposes the service in another way than is asked for now, while that way does not lead to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that decides."""

    service: UpdateService
    operand: str
    """The image of the service, by digest where the installation is sound."""
    platform: Platform = Platform()
    proxies: ProxySettings = ProxySettings()
    pull_secret: Copy = Copy()
    authorities: Copy = Copy()
    """Of registries."""
    versions: Copy = Copy()
    """The list of promoted versions."""
    has_cluster_authorities: bool = False
    """Whether the cluster has put its authorities into the ConfigMap that asks for them."""
    graph_data: GraphDataImage = GraphDataImage()
    serving: KeyPair | None = None
    """For the Route, where the resource names a Secret."""
    gateway_scheme: str = "https"
    keyrings: Keyrings | None = None
    live: Live = Live()
    troubles: tuple[Trouble, ...] = ()

    @property
    def names(self) -> Names:
        """What everything is called."""
        return Names(self.service.metadata.namespace, self.service.metadata.name)

    @property
    def is_held(self) -> bool:
        """Whether the Deployment is left as it is."""
        return any(trouble.holds_pods for trouble in self.troubles)


def state_of(content: Mapping[str, str]) -> str:
    """A text that is another one whenever the content is."""
    parts = (part.encode() for key in sorted(content) for part in (key, content[key]))
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
