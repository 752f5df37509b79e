"""What is chosen when the operator is installed, and how its own objects are called."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from upgraph.errors import UserError
from upgraph.errors.problems.operator import INSTALLATION_INVALID
from upgraph.operator.resource.schema import MAX_OBJECT_NAME_CHARACTERS
from upgraph.operator.resource.value_rules import OBJECT_NAME, namespace_fault

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

_SHOWN = 64


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


def refuse_names(installation: Installation) -> None:
    """Refuse names that no cluster takes.

    Raises:
        UserError: there are such names; all of them are told.
    """
    if faults := list(_faults(installation)):
        raise UserError(INSTALLATION_INVALID, "; ".join(faults))


def _faults(installation: Installation) -> Iterator[str]:
    if (seen := namespace_fault(installation.namespace)) is not None:
        yield f"the namespace {installation.namespace!r} {seen}"
    named = [("ConfigMap", name) for name in installation.ca_config_maps]
    named += [("Secret", name) for name in installation.pull_secrets]
    for kind, name in named:
        if len(name) > MAX_OBJECT_NAME_CHARACTERS:
            yield f"the {kind} {name[:_SHOWN]!r}... has {len(name)} characters, {MAX_OBJECT_NAME_CHARACTERS} are allowed"
        elif (broken := next((rule for rule in OBJECT_NAME if not rule.holds(name)), None)) is not None:
            yield f"the {kind} {name!r} {broken.message}"
