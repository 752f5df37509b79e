"""Clusters are pointed to an update service: the patch of ClusterVersion, printed and applied."""

import json
import shlex
from urllib.parse import urlsplit

from upgraph.errors import UserError
from upgraph.errors.problems.operator import (
    NO_CLUSTER_VERSION,
    UPDATE_SERVICE_INSIDE,
    UPDATE_SERVICE_UNTRUSTED,
)
from upgraph.kube.api import Api
from upgraph.kube.kinds import CLUSTER_VERSION
from upgraph.kube.objects import Key, Object
from upgraph.operator.reporting.pasting import as_pasted
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.update_service import UpdateService

_VERSION = Key("", "version")
"""The one ClusterVersion of a cluster."""
_INSIDE = (".svc", ".svc.cluster.local")
"""How names end that the DNS of a cluster alone knows. Its Cluster Version Operator has the network and the DNS of a node
(``hostNetwork``, ``dnsPolicy: Default`` in its Deployment), which do not ask that one."""
_NOT_SHOWN = (
    "Its certificate is not in the status, as nobody has shown it. Have it given by whoever signs certificates at your site, or put "
    "it under ca.crt into the Secret of --tls-secret. With it in FILE: oc -n openshift-config create configmap user-ca-bundle "
    """--from-file=ca-bundle.crt=FILE, then oc patch proxy/cluster --type=merge -p '{"spec":{"trustedCA":{"name":"user-ca-bundle"}}}'. """
    "If there is a trustedCA already, add the authority to that ConfigMap."
)
"""What is to be done about an authority of which nothing but the name is known."""


def pointing_command(address: str) -> str:
    """The command that points a cluster to an address."""
    patch = json.dumps(_patch(address), separators=(",", ":"))
    return f"oc patch clusterversion version --type=merge -p {shlex.quote(patch)}"


def refuse_useless(service: UpdateService) -> None:
    """Refuse to send a cluster to where it would get no answer.

    Raises:
        UserError: its name is known to pods alone, or it is known that the cluster does not trust the authority of the address.
    """
    uri = service.status.policy_engine_uri or ""
    if (urlsplit(uri).hostname or "").endswith(_INSIDE):
        raise UserError(UPDATE_SERVICE_INSIDE, f"{uri} is the address of a Service")
    authority = service.status.serving_ca
    if authority is None or authority.trusted_by_cluster is not False:
        return
    subject = authority.subject or "an authority without a name"
    seen = f"{uri} has a certificate by {subject}, which this cluster does not trust"
    raise UserError(
        UPDATE_SERVICE_UNTRUSTED, seen, remedy=_remedy(service) if authority.certificate else _NOT_SHOWN
    )


def _remedy(service: UpdateService) -> str:
    """What the catalogue says, with commands that can be pasted."""
    names = Names(service.metadata.namespace, service.metadata.name)
    return as_pasted(UPDATE_SERVICE_UNTRUSTED.remedy, names)


async def point_cluster(api: Api, address: str) -> str:
    """Point this cluster to an address; tells what was done.

    Raises:
        UserError: this is no OpenShift cluster.
        RemoteError: the cluster cannot be asked, or refuses.
    """
    if not await api.serves(CLUSTER_VERSION):
        raise UserError(NO_CLUSTER_VERSION, f"there is no {CLUSTER_VERSION} in this cluster")
    spec = (await api.get(CLUSTER_VERSION, _VERSION)).get("spec") or {}
    before = spec.get("upstream") or "the default of its installation"
    if before == address:
        return f"ClusterVersion points to {address} already"
    await api.patch(CLUSTER_VERSION, _VERSION, _patch(address))
    return f"ClusterVersion points to {address} (before: {before})"


def _patch(address: str) -> Object:
    return {"spec": {"upstream": address}}
