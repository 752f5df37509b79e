"""What may stand in the ``status`` of an UpdateService. Every field is optional.

The reference operator once required a new one; its installer checks the objects of a site against a new definition, and
no site could update any more.
"""

from upgraph.kube.objects import Object
from upgraph.operator.resource.schema import listed, moment, switch, table, text, whole

MAX_CONDITIONS = 32
MAX_CERTIFICATE_CHARACTERS = 16_384


def status_schema() -> Object:
    """The schema of ``status``."""
    return table(
        "What is, as the operator last saw it.",
        {
            "conditions": listed(
                "What is well and what is not, one entry a type.",
                _condition(),
                MAX_CONDITIONS,
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
            ),
            "policyEngineURI": text(
                "The base of the address for clusters. Behind it stands /api/upgrades_info/v1/graph, which is what "
                "spec.upstream of a ClusterVersion takes.",
                2048,
            ),
            "firstAnswered": moment(
                "When the address answered for the first time. Before that it is starting; when it does not answer any more, "
                "that is an outage."
            ),
            "observedGeneration": whole("Which generation of spec this status is about.", wide=True),
            "replicas": whole("Pods that are there."),
            "readyReplicas": whole("Pods that answer."),
            "graphData": table(
                "Which graph data is used.",
                {
                    "image": text("As spec names it.", 512),
                    "digest": text("What it was resolved to.", 256),
                    "lastChecked": moment("When the registry was last asked. It is renewed once an hour."),
                },
            ),
            "graph": _graph(),
            "servingCA": table(
                "By which authority the address for clusters is signed.",
                {
                    "subject": text("Its name.", 1024),
                    "fingerprint": text("SHA-256 of its certificate.", 128),
                    "notAfter": moment("When its certificate ends."),
                    "trustedByCluster": switch("Whether what this cluster trusts covers it."),
                    "certificate": text("Its certificate in PEM.", MAX_CERTIFICATE_CHARACTERS),
                },
            ),
        },
    )


def _graph() -> Object:
    return table(
        "What is served, from the running service.",
        {
            "releases": whole("Releases in the graph.", wide=True),
            "updates": whole("Updates between them.", wide=True),
            "digest": text("Identity of the graph: services with the same have the same answers.", 128),
            "builtAt": moment("Since when this graph is served, as far as the operator has seen."),
            "refreshedAt": moment(
                "When all that the graph is made from was last known to be current. It is renewed every hour "
                "while nothing else changes."
            ),
            "leftOut": whole(
                "Releases that are left out. The condition ReleasesReachable says why.", wide=True
            ),
        },
    )


def _condition() -> Object:
    return table(
        "One condition.",
        {
            "type": text("Its name.", 316),
            "status": text("True, False or Unknown.", 16),
            "reason": text("One word that can be searched for.", 1024),
            "message": text("What was seen, and how it is mended.", 32_768),
            "lastTransitionTime": moment("Since when status is what it is."),
            "lastHeartbeatTime": moment("Set by the reference operator alone."),
            "observedGeneration": whole("Which generation of spec it is about.", wide=True),
        },
        required=["type", "status"],
    )
