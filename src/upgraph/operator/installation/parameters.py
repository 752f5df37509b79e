"""What is chosen when the operator is installed, and how its own objects are called."""

from dataclasses import dataclass
from enum import StrEnum

OPERATOR = "upgraph-operator"
"""The name of the operator's own objects, its Lease among them."""
DEFAULT_NAMESPACE = "openshift-update-service"
"""The namespace that the documentation of the OpenShift Update Service names."""
DEFAULT_CA_CONFIG_MAPS = ("registry-ca",)
"""The ConfigMap that ``upgraph trust configmap`` makes."""

CONFIG_NAMESPACE = "openshift-config"
"""Where OpenShift keeps what administrators configure of a cluster."""
MANAGED_NAMESPACE = "openshift-config-managed"
"""Where OpenShift publishes what others may need of it."""
CLUSTER_PULL_SECRET = "pull-secret"  # noqa: S105  # a name
"""The Secret with the logins of an OpenShift cluster."""
INGRESS_CA = "default-ingress-cert"
"""The ConfigMap with the authority of the default ingress."""


class Flavour(StrEnum):
    """What kind of cluster it is."""

    OPENSHIFT = "openshift"
    """OpenShift or OKD: Routes, and a configuration of the cluster that may be read."""
    KUBERNETES = "kubernetes"
    """Any other: what an UpdateService needs is named in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One installation of the operator."""

    image: str
    """Pull spec of the image with the operator, which is that of the service as well."""
    namespace: str = DEFAULT_NAMESPACE
    """Where the operator runs. It looks after the UpdateServices of this namespace alone."""
    flavour: Flavour = Flavour.OPENSHIFT
    ca_config_maps: tuple[str, ...] = DEFAULT_CA_CONFIG_MAPS
    """ConfigMaps of ``openshift-config`` with authorities that may be read."""
    pull_secrets: tuple[str, ...] = ()
    """Secrets of the namespace with which nodes pull the image of the operator."""
