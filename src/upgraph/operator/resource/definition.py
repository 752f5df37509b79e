"""The definition of the UpdateService resource, as a value: one source for the manifests, the reference page and tests.

Names, scope, version and required fields are those of the reference operator
(``config/crd/bases/updateservice.operator.openshift.io_updateservices.yaml``), so objects that were made for it stay valid
and the definition can replace that one where it is installed. Columns of the reference are shown with ``-o wide``, as there.
"""

from upgraph.kube.objects import Object
from upgraph.operator.resource import rules
from upgraph.operator.resource.schema import table
from upgraph.operator.resource.spec_schema import spec_schema
from upgraph.operator.resource.status_schema import status_schema
from upgraph.operator.resource.update_service import GROUP, UPDATE_SERVICE, VERSION

CRD_NAME = f"{UPDATE_SERVICE.plural}.{GROUP}"
"""The name of the definition."""


def definition() -> Object:
    """The CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": UPDATE_SERVICE.kind,
                "listKind": f"{UPDATE_SERVICE.kind}List",
                "plural": UPDATE_SERVICE.plural,
                "singular": "updateservice",
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": object_schema()},
                }
            ],
        },
    }


def object_schema() -> Object:
    """The schema of one UpdateService."""
    return table(
        "An update service: it tells clusters which updates are recommended (OpenShift Update Service, Cincinnati).",
        {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec_schema(),
            "status": status_schema(),
        },
        required=["metadata", "spec"],
        rules=(*rules.NAME, *rules.COPIES),
    )


def _columns() -> list[Object]:
    return [
        _column("Available", _state("Available"), "Whether the address for clusters answers."),
        _column("Ready", ".status.readyReplicas", "Pods that answer.", type="integer"),
        _column("Graph Age", ".status.graph.builtAt", "Since when the graph is as it is.", type="date"),
        _column(
            "Refreshed",
            ".status.graph.refreshedAt",
            "When its sources were last known to be current, told every hour.",
            type="date",
        ),
        _column("Age", ".metadata.creationTimestamp", type="date"),
        _column(
            "Policy Engine URI", ".status.policyEngineURI", "Base of the address for clusters.", priority=1
        ),
        _column("Releases", ".spec.releases", "Where the release images are.", priority=1),
        _column("Graph Data Image", ".spec.graphDataImage", "The image with the graph data.", priority=1),
        _column(
            "Reconcile Completed",
            _state("ReconcileCompleted"),
            "Whether all objects were written.",
            priority=1,
        ),
        _column("Degraded", _state("Degraded"), "Whether something is not as it should be.", priority=1),
        _column(
            "Left Out", ".status.graph.leftOut", "Releases that are left out.", type="integer", priority=1
        ),
    ]


def _state(condition: str) -> str:
    return f'.status.conditions[?(@.type=="{condition}")].status'


def _column(name: str, path: str, description: str = "", **more: object) -> Object:
    described = {"description": description} if description else {}
    return {"name": name, "type": "string", "jsonPath": path, **described, **more}
