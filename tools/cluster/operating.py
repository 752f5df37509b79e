"""An operator at work beside a cluster rather than in it, under exactly the rights that its installation gives it.

The process is started in the network of the cluster, so no image and no node that runs pods is needed.
"""

import base64
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.cluster.client import Object
from tools.cluster.control_plane import ControlPlane
from upgraph.operator.installation.manifests import as_yaml, manifests
from upgraph.operator.installation.parameters import OPERATOR, Installation
from upgraph.operator.resource.definition import definition

UPGRAPH = Path(sys.executable).parent / "upgraph"
OPERAND = "registry.example:5000/upgraph/upgraph@sha256:" + "1" * 64
"""An image that nobody has: simulated nodes do not ask for it."""
_NOT_INSTALLED = ("Namespace", "Deployment")
"""What whoever starts an operator here brings: a namespace, and the process in the place of the Deployment."""


def configure(cluster: ControlPlane, *, authority: str, logins: str) -> None:
    """Have the cluster as its administrator configures it: the authority and the logins of the registry, and the resource.

    Args:
        cluster: with the APIs of OpenShift.
        authority: in PEM.
        logins: the JSON of a pull secret.

    Raises:
        RuntimeError: kubectl failed.
    """
    encoded = base64.b64encode(logins.encode()).decode()
    objects = [
        _configuration("ConfigMap", "registry-ca", data={"updateservice-registry": authority}),
        _configuration(
            "Secret",
            "pull-secret",
            type="kubernetes.io/dockerconfigjson",
            data={".dockerconfigjson": encoded},
        ),
        {
            "apiVersion": "config.openshift.io/v1",
            "kind": "Image",
            "metadata": {"name": "cluster"},
            "spec": {"additionalTrustedCA": {"name": "registry-ca"}},
        },
        definition(),
    ]
    # By force: whoever came first may have made these objects by another hand.
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=as_yaml(objects))


def _configuration(kind: str, name: str, **content: object) -> Object:
    metadata = {"name": name, "namespace": "openshift-config"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def install(cluster: ControlPlane, namespace: str) -> None:
    """Give the operator of a namespace its rights.

    Raises:
        RuntimeError: kubectl failed.
    """
    objects = manifests(Installation(image=OPERAND, namespace=namespace))
    wanted = as_yaml(one for one in objects if one["kind"] not in _NOT_INSTALLED)
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=wanted)


def start_operator(
    cluster: ControlPlane, namespace: str, name: str, *options: str, wrapper: Sequence[str] = ()
) -> None:
    """Start an operator in the network of the cluster; :meth:`ControlPlane.stop` ends it.

    Args:
        cluster: where it has been installed.
        namespace: whose UpdateServices it looks after.
        name: of the process and of its log, and what its Lease is held under.
        options: further ones of the command.
        wrapper: what comes before the command; it has to become the command, not to start it.

    Raises:
        ProcessError: it cannot be started.
        ApiError: it was not installed.
    """
    config = cluster.kubeconfig_for(namespace, OPERATOR)
    command = [*wrapper, str(UPGRAPH), "operator", "run", "--leader-elect", *options]
    named: Mapping[str, str] = {
        "POD_NAMESPACE": namespace,
        "RELATED_IMAGE_OPERAND": OPERAND,
        "POD_NAME": name,
    }
    cluster.start(name, command, {"KUBECONFIG": str(config), **named})
