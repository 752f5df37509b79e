"""The names of all objects that one UpdateService becomes, and how long a name may be for them to exist.

They are those of the reference operator (``controllers/names.go``): administrators, scripts and clusters know them.
A Route gets the host ``<route>-<namespace>.<domain>`` by default, whose first part is one label of the DNS, so the name
of the UpdateService and that of the namespace share 63 characters. The reference operator found that out when nothing
worked; here the longest name that fits is told.
"""

import re
from dataclasses import dataclass

MAX_LABEL_CHARACTERS = 63
"""Longest label of the DNS (RFC 1035), and longest name of a Service."""

ASKING_POD = "graph-data-tag-digest"
"""The pod by which the reference operator learns what a tag stands for: one a namespace, always with this name. It ends after
five minutes and is left there."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_SERVICE_SUFFIX = "-policy-engine"


@dataclass(frozen=True, slots=True, order=True)
class Names:
    """The names of what belongs to one UpdateService.

    Args:
        namespace: of the UpdateService and of everything it becomes.
        name: of the UpdateService.
    """

    namespace: str
    name: str

    @property
    def deployment(self) -> str:
        """The Deployment; the PodDisruptionBudget, the NetworkPolicy and the autoscaler are called the same."""
        return self.name

    @property
    def pod_disruption_budget(self) -> str:
        """The PodDisruptionBudget."""
        return self.name

    @property
    def network_policy(self) -> str:
        """The NetworkPolicy."""
        return self.name

    @property
    def autoscaler(self) -> str:
        """The HorizontalPodAutoscaler."""
        return self.name

    @property
    def config(self) -> str:
        """The ConfigMap with the settings of the service."""
        return f"{self.name}-config"

    @property
    def trusted_ca(self) -> str:
        """The ConfigMap with the authorities of the registries, a copy."""
        return f"{self.name}-trusted-ca"

    @property
    def cluster_ca(self) -> str:
        """The ConfigMap into which OpenShift puts the authorities that the cluster trusts."""
        return f"{self.name}-cluster-ca"

    @property
    def versions(self) -> str:
        """The ConfigMap with the list of promoted versions, a copy."""
        return f"{self.name}-versions"

    @property
    def pull_secret(self) -> str:
        """The Secret with the logins of the registries, a copy."""
        return f"{self.name}-pull-secret"

    @property
    def graph_builder_service(self) -> str:
        """The Service of the unfiltered graph, inside the cluster."""
        return f"{self.name}-graph-builder"

    @property
    def policy_engine_service(self) -> str:
        """The Service that clusters are led to."""
        return f"{self.name}-policy-engine"

    @property
    def siblings_service(self) -> str:
        """The headless Service through which replicas find each other."""
        return f"{self.name}-siblings"

    @property
    def route(self) -> str:
        """The Route; an HTTPRoute or an Ingress in its place is called the same."""
        return f"{self.name}-route"

    @property
    def legacy_route(self) -> str:
        """The Route of old releases of the reference operator, which is used on where it exists."""
        return f"{self.name}-policy-engine-route"

    @property
    def route_label(self) -> str:
        """The first label of the host that a Route gets by default."""
        return f"{self.route}-{self.namespace}"


def longest_name(namespace: str) -> int:
    """Most characters of a name in this namespace, so that a Route gets a host; 0 or less if there is no such name."""
    return MAX_LABEL_CHARACTERS - len(Names(namespace, "").route_label)


LONGEST_NAME_CHARACTERS = MAX_LABEL_CHARACTERS - len(_LONGEST_SERVICE_SUFFIX)
"""Most characters of a name, so that its Services can exist."""


def route_host_fault(names: Names) -> str | None:
    """Why a Route of this UpdateService can get no host, in the words that users of the reference operator search for.

    None if it can. A name that begins with a digit is no fault: the DNS permits it (RFC 1123).
    """
    label = names.route_label
    if len(label) <= MAX_LABEL_CHARACTERS and _LABEL.fullmatch(label):
        return None
    said = (
        f"{label}: host must conform to DNS 1123 naming convention and must be no more than "
        f"{MAX_LABEL_CHARACTERS} characters"
    )
    if len(label) <= MAX_LABEL_CHARACTERS:
        return said
    room = longest_name(names.namespace)
    if room < 1:
        return f"{said}; it has {len(label)}, and the namespace {names.namespace} leaves no room for a name"
    return f"{said}; it has {len(label)}; in the namespace {names.namespace} a name may have {room}"
