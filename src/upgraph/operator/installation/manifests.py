"""The objects with which the operator is installed, without a catalogue of operators; the same input gives the same text.

They are values like those that the operator itself makes: the definition of the resource, the rights and the Deployment
each have one source, from which other packages of the operator are made as well.
"""

from collections.abc import Iterable
from dataclasses import replace

import yaml

from upgraph.kube import kinds
from upgraph.kube.objects import Object
from upgraph.operator.installation.parameters import OPERATOR, Flavour, Installation
from upgraph.operator.installation.rights import roles, user_roles
from upgraph.operator.resource.definition import definition

STATUS_PORT = 8080
"""Where the operator tells how it is, and its metrics."""

_LABELS = {"app.kubernetes.io/name": OPERATOR}
_COLUMNS = 120


def manifests(installation: Installation) -> list[Object]:
    """All objects, in an order in which they can be applied."""
    return [
        _namespace(installation),
        definition(),
        _service_account(installation),
        *roles(installation),
        *user_roles(),
        deployment(installation),
    ]


def warning(installation: Installation) -> str:
    """What stands above all objects of an installation, as comments: what takes them away, and what not to do."""
    tool = "oc" if installation.flavour is Flavour.OPENSHIFT else "kubectl"
    namespace, platform = installation.namespace, installation.flavour
    # Both are written out even where they are the usual ones, which a later version may have changed.
    return f"""\
# The definition of UpdateService and the ClusterRoles updateservice-editor and -viewer are shared by the whole cluster.
# {tool} delete -f with this file takes them away too, and with the definition every UpdateService of every namespace.
# This takes away this installation alone, its namespace with all that is in it (--keep-namespace leaves that) included:
#   upgraph operator manifests --removal --namespace {namespace} --platform {platform} | {tool} delete --ignore-not-found -f -
"""


def removal(installation: Installation, *, keep_namespace: bool = False) -> list[Object]:
    """The names of what belongs to this installation alone, in an order in which they can be deleted.

    Neither the definition is among them, with which every UpdateService of the cluster would go, nor the roles of users:
    other installations have the same. The image does not matter, nor the platform: what OpenShift has more is named
    always, since a right that stayed behind would be that of whoever makes a namespace of this name again.

    Args:
        installation: which.
        keep_namespace: whether the namespace stays, with what people have put into it. Else it goes with all that is in it.
    """
    account = _service_account(installation)
    rights = roles(replace(installation, flavour=Flavour.OPENSHIFT))
    # The namespace comes last, as it takes what is in it away while that is asked for by name; the Lease does, as an
    # operator that still may would make it again.
    last = _lease(installation) if keep_namespace else _namespace(installation)
    return [_name_alone(one) for one in (deployment(installation), *reversed(rights), account, last)]


def as_yaml(objects: Iterable[Object]) -> str:
    """The objects as ``kubectl apply -f -`` takes them."""
    return "".join(f"---\n{_document(one)}" for one in objects)


def deployment(installation: Installation) -> Object:
    """The Deployment of the operator."""
    return {
        "apiVersion": kinds.DEPLOYMENT.api_version,
        "kind": kinds.DEPLOYMENT.kind,
        "metadata": {"name": OPERATOR, "namespace": installation.namespace, "labels": _LABELS},
        "spec": {
            # A second one would only wait for the Lease; a node that is lost is replaced within minutes, and clusters
            # are answered meanwhile.
            "replicas": 1,
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {
                    "labels": _LABELS,
                    "annotations": {"kubectl.kubernetes.io/default-container": "operator"},
                },
                "spec": _pod(installation),
            },
        },
    }


def _name_alone(obj: Object) -> Object:
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def _namespace(installation: Installation) -> Object:
    metadata: Object = {
        "name": installation.namespace,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }
    if installation.flavour is Flavour.OPENSHIFT:
        # As the documentation of the OpenShift Update Service makes it.
        metadata["labels"] = {"openshift.io/cluster-monitoring": "true", **metadata["labels"]}
        metadata["annotations"] = {"openshift.io/node-selector": ""}
    return {
        "apiVersion": kinds.NAMESPACE.api_version,
        "kind": kinds.NAMESPACE.kind,
        "metadata": metadata,
    }


def _service_account(installation: Installation) -> Object:
    return {
        "apiVersion": kinds.SERVICE_ACCOUNT.api_version,
        "kind": kinds.SERVICE_ACCOUNT.kind,
        "metadata": {"name": OPERATOR, "namespace": installation.namespace, "labels": _LABELS},
    }


def _lease(installation: Installation) -> Object:
    """What the operator makes for itself: who of several does the work."""
    return {
        "apiVersion": kinds.LEASE.api_version,
        "kind": kinds.LEASE.kind,
        "metadata": {"name": OPERATOR, "namespace": installation.namespace},
    }


def _pod(installation: Installation) -> Object:
    pod: Object = {
        "serviceAccountName": OPERATOR,
        # Otherwise every Service of every UpdateService would be seven variables of the process.
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(installation)],
        # Logins are files for the moment in which a registry is asked; they never touch a disk.
        "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
    }
    if installation.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in installation.pull_secrets]
    return pod


def _container(installation: Installation) -> Object:
    return {
        "name": "operator",
        "image": installation.image,
        "args": ["operator", "run", "--leader-elect", f"--status-listen=:{STATUS_PORT}"],
        "env": [
            # The names of the reference operator: what sets them there sets them here.
            {"name": "RELATED_IMAGE_OPERAND", "value": installation.image},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [{"name": "status", "containerPort": STATUS_PORT}],
        "volumeMounts": [{"name": "memory", "mountPath": "/tmp"}],  # noqa: S108  # in the container
        "livenessProbe": _probe("/livez", periodSeconds=10, failureThreshold=6),
        "readinessProbe": _probe("/readyz", periodSeconds=5),
        "resources": {
            "requests": {"cpu": "20m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _probe(path: str, **more: int) -> Object:
    return {"httpGet": {"path": path, "port": "status"}, "timeoutSeconds": 3, **more}


class _Plain(yaml.SafeDumper):
    """Writes values that are used twice twice, as people read the text and other tools know no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # yaml asks for it
        return True


def _document(obj: Object) -> str:
    return yaml.dump(obj, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_COLUMNS)
