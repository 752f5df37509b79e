"""The rights of the operator: what it needs and nothing else, each with the reason.

There is no right over all Secrets of a cluster, as the reference operator has it. What belongs to the cluster is read under
its one name; one Secret and a few ConfigMaps of ``openshift-config`` are read by name; everything else is in the namespace
of the operator. A role that names its resources also allows to list and to watch them, if the request selects that one name
(``metadata.name=...``), so named objects are followed like all others.

Which ConfigMap has the authorities of registries is only known from the configuration of a cluster (``additionalTrustedCA`` of
the Image ``cluster``), and a role cannot refer to that. Its name is therefore a parameter of the installation. The other way,
to read all ConfigMaps of ``openshift-config``, would show the operator what it has no business with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from upgraph.kube import kinds
from upgraph.kube.objects import Kind, Object
from upgraph.operator.installation.parameters import (
    CLUSTER_PULL_SECRET,
    CONFIG_NAMESPACE,
    INGRESS_CA,
    MANAGED_NAMESPACE,
    OPERATOR,
    Flavour,
    Installation,
)
from upgraph.operator.resource.names import ASKING_POD
from upgraph.operator.resource.update_service import UPDATE_SERVICE

READ = ("get", "list", "watch")
MAKE = (*READ, "create", "delete", "patch")
"""Server-side apply is a patch, which also has to be allowed to create."""
_RBAC = "rbac.authorization.k8s.io"

_MADE = (
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.SERVICE,
    kinds.DEPLOYMENT,
    kinds.HORIZONTAL_POD_AUTOSCALER,
    kinds.HTTP_ROUTE,
    kinds.INGRESS,
    kinds.NETWORK_POLICY,
    kinds.POD_DISRUPTION_BUDGET,
)
"""What an UpdateService becomes."""


@dataclass(frozen=True, slots=True)
class Right:
    """One rule of a role."""

    kind: Kind
    verbs: Sequence[str]
    names: Sequence[str] = ()
    """Only these objects; all where there are none."""
    part: str = ""
    """A part of the object that has rights of its own, for example ``status``."""

    @property
    def resource(self) -> str:
        """What it is about, as rules name it."""
        return f"{self.kind.plural}/{self.part}" if self.part else self.kind.plural


def rules_of(rights: Iterable[Right]) -> list[Object]:
    """The rights as rules of a role; those that differ in the resource alone are one rule."""
    together: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for right in rights:
        key = (right.kind.group, tuple(sorted(right.names)), tuple(sorted(right.verbs)))
        together.setdefault(key, []).append(right.resource)
    return [_rule(*key, resources) for key, resources in together.items()]


def _rule(group: str, names: Sequence[str], verbs: Sequence[str], resources: Iterable[str]) -> Object:
    rule: Object = {"apiGroups": [group], "resources": sorted(resources)}
    if names:
        rule["resourceNames"] = list(names)
    return rule | {"verbs": list(verbs)}


def rights_in_cluster(flavour: Flavour) -> tuple[Right, ...]:
    """What belongs to the cluster, or to namespaces that nobody can know beforehand."""
    # Tells whether a Gateway speaks TLS; it is usually in another namespace.
    gateways = Right(kinds.GATEWAY, READ)
    if flavour is Flavour.KUBERNETES:
        return (gateways,)
    configuration = (kinds.IMAGE_CONFIG, kinds.PROXY_CONFIG)
    return (gateways, *(Right(kind, READ, ["cluster"]) for kind in configuration))


def rights_in_namespace(flavour: Flavour) -> tuple[Right, ...]:
    """What is in the namespace of the operator."""
    rights = [
        Right(UPDATE_SERVICE, READ),
        Right(UPDATE_SERVICE, ("patch",), part="status"),
        # Owner references that hold up a deletion are only accepted from whoever may change the finalizers of the owner.
        Right(UPDATE_SERVICE, ("update",), part="finalizers"),
        *(Right(kind, MAKE) for kind in _MADE),
        # Tells why a service does not come up: images that cannot be pulled, containers that end.
        Right(kinds.POD, READ),
        # What the OpenShift Update Service Operator leaves behind.
        Right(kinds.POD, ("delete",), [ASKING_POD]),
        # To create cannot be limited to a name, as an object has none yet when that is asked.
        Right(kinds.LEASE, ("create",)),
        Right(kinds.LEASE, ("get", "update"), [OPERATOR]),
        Right(kinds.EVENT, ("create", "patch")),
    ]
    if flavour is Flavour.OPENSHIFT:
        rights.append(Right(kinds.ROUTE, MAKE))
        # A host or a certificate that a resource names.
        rights.append(Right(kinds.ROUTE, ("create", "update"), part="custom-host"))
    return tuple(rights)


def roles(installation: Installation) -> list[Object]:
    """All roles and their bindings to the account of the operator."""
    flavour, namespace = installation.flavour, installation.namespace
    made = [*_cluster_role(installation), *_role(installation, namespace, rights_in_namespace(flavour))]
    if flavour is Flavour.OPENSHIFT:
        secret = Right(kinds.SECRET, READ, [CLUSTER_PULL_SECRET])
        authorities = [name for name in installation.ca_config_maps if name]
        trust = [Right(kinds.CONFIG_MAP, READ, authorities)] if authorities else []
        made += _role(installation, CONFIG_NAMESPACE, [*trust, secret])
        made += _role(installation, MANAGED_NAMESPACE, [Right(kinds.CONFIG_MAP, READ, [INGRESS_CA])])
    return made


def user_roles() -> list[Object]:
    """What administrators, editors and viewers of a namespace may do with UpdateServices there.

    They widen the roles that every cluster has (``admin``, ``edit``, ``view``), which know no UpdateServices by themselves.
    """
    levels = (
        ("editor", ("admin", "edit"), [Right(UPDATE_SERVICE, (*MAKE, "deletecollection", "update"))]),
        ("viewer", ("view",), [Right(UPDATE_SERVICE, READ)]),
    )
    return [
        _object(
            kinds.CLUSTER_ROLE,
            f"updateservice-{level}",
            {"labels": {f"{_RBAC}/aggregate-to-{one}": "true" for one in widened}},
        )
        | {"rules": rules_of(rights)}
        for level, widened, rights in levels
    ]


def _cluster_role(installation: Installation) -> list[Object]:
    # Two installations in one cluster have each its own: the one that goes must not take the rights of the other.
    name = f"{OPERATOR}-{installation.namespace}"
    role = _object(kinds.CLUSTER_ROLE, name)
    role["rules"] = rules_of(rights_in_cluster(installation.flavour))
    return [role, _binding(installation, kinds.CLUSTER_ROLE_BINDING, kinds.CLUSTER_ROLE, {"name": name})]


def _role(installation: Installation, namespace: str, rights: Sequence[Right]) -> list[Object]:
    own = namespace == installation.namespace
    name = OPERATOR if own else f"{OPERATOR}-{installation.namespace}"
    role = _object(kinds.ROLE, name, {"namespace": namespace})
    role["rules"] = rules_of(rights)
    metadata = {"name": name, "namespace": namespace}
    return [role, _binding(installation, kinds.ROLE_BINDING, kinds.ROLE, metadata)]


def _binding(installation: Installation, kind: Kind, role: Kind, metadata: Object) -> Object:
    return _object(kind, metadata["name"], metadata) | {
        "roleRef": {"apiGroup": _RBAC, "kind": role.kind, "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": installation.namespace}],
    }


def _object(kind: Kind, name: str, metadata: Object | None = None) -> Object:
    labels = {"app.kubernetes.io/name": OPERATOR, **((metadata or {}).get("labels") or {})}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, **(metadata or {}), "labels": labels},
    }
