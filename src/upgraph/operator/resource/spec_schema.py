"""What may stand in the ``spec`` of an UpdateService, field by field, with the words that ``kubectl explain`` shows."""

from upgraph.kube.objects import Object
from upgraph.operator.resource import rules, value_rules
from upgraph.operator.resource.schema import (
    anything,
    choice,
    listed,
    mapping,
    object_name,
    object_name_or_none,
    quantity,
    quantity_in_a_map,
    switch,
    table,
    text,
    whole,
)
from upgraph.operator.resource.update_service import DEFAULT_TARGET_CPU_PERCENT, DEFAULT_VERSIONS_KEY

MAX_REPOSITORIES = 32
"""Most release repositories beside the first."""
MAX_VERSIONS = 2_000
"""Most promoted versions that stand in the resource itself; a ConfigMap may hold more."""
MAX_REPLICAS = 100
"""Most replicas that the autoscaler may make."""

_IN_NAMESPACE = "in the namespace of this UpdateService"
_EACH_KEYRING = (
    "Each of its keys is a keyring. Every keyring must have signed, and of the public keys in a keyring one is enough: keys "
    "that stand in for each other belong into one keyring."
)


def spec_schema() -> Object:
    """The schema of ``spec``."""
    return table(
        "What is wanted. replicas, releases and graphDataImage are required; all else has defaults.",
        {
            "replicas": whole(
                "How many pods serve updates. With two or more, one is always there.", minimum=1
            ),
            "releases": text(
                "The repository in which the release images are tagged, as HOST/PATH without scheme, tag and digest: "
                "registry.example:5000/ocp/release.",
                255,
                rules=rules.RELEASES,
            ),
            "graphDataImage": text(
                "The image with the graph data, by digest or by tag. A tag is looked up in the registry every "
                "ten seconds, and what it points to is used by digest.",
                512,
                rules=rules.GRAPH_DATA_IMAGE,
            ),
            "additionalReleases": listed(
                "More repositories with release images, as releases.",
                text("A repository: HOST/PATH.", 255, rules=rules.RELEASES),
                MAX_REPOSITORIES,
                **{"x-kubernetes-list-type": "set"},
            ),
            "exposure": _exposure(),
            "trust": _trust(),
            "credentials": _credentials(),
            "signatures": _signatures(),
            "resources": _resources(),
            "scheduling": _scheduling(),
            "volume": _volume(),
            "autoscaling": _autoscaling(),
            "versions": _versions(),
        },
        required=["graphDataImage", "releases", "replicas"],
        rules=rules.SPEC,
    )


def _exposure() -> Object:
    return table(
        "How clusters reach the service from outside of this cluster.",
        {
            "type": choice(
                "Auto takes a Route where the cluster has Routes, else an HTTPRoute if a gateway is named, else an "
                "Ingress if a host is named, else nothing. None makes the Services alone.",
                ["Auto", "Route", "HTTPRoute", "Ingress", "None"],
                "Auto",
            ),
            "host": text(
                "The host in the address for clusters. A Route gets one from the cluster if none is given.",
                253,
                minLength=1,
                rules=rules.HOST,
            ),
            "tlsSecret": object_name(
                f"A Secret of the type kubernetes.io/tls with the certificate of the host, {_IN_NAMESPACE}. Without "
                "it the platform has the certificate."
            ),
            "ingressClassName": object_name_or_none("Which controller serves the Ingress."),
            "annotations": mapping(
                "Annotations of the Route, HTTPRoute or Ingress, for example the time limit of a router.",
                {"type": "string", "maxLength": 4096},
                64,
                rules=value_rules.ANNOTATION_KEYS,
            ),
            "labels": mapping(
                "Labels of the Route, HTTPRoute or Ingress, for example that by which a router chooses what it serves.",
                _label_value(),
                64,
                rules=value_rules.FREE_LABEL_KEYS,
            ),
            "gateway": table(
                "The Gateway (gateway.networking.k8s.io) that an HTTPRoute is attached to.",
                {
                    "name": object_name("Its name."),
                    "namespace": text(
                        "Its namespace, if it is another one.", 63, rules=value_rules.NAMESPACE_NAME
                    ),
                    "sectionName": object_name_or_none(
                        "One listener of it; otherwise all that admit the route."
                    ),
                },
                required=["name"],
            ),
        },
        rules=rules.EXPOSURE,
    )


def _trust() -> Object:
    return table(
        f"Which authorities the registries have, {_IN_NAMESPACE}. Without it those that the cluster trusts: "
        "the additionalTrustedCA of the Image configuration, where there is one.",
        {
            "configMap": object_name(
                "A ConfigMap with certificates in PEM. Its keys are hosts (registry.example, "
                "registry.example..5000) or updateservice-registry for every registry."
            )
        },
        required=["configMap"],
    )


def _credentials() -> Object:
    return table(
        f"Logins of the registries, {_IN_NAMESPACE}. Without it the pull secret of the cluster, where there is one.",
        {"secret": object_name("A Secret of the type kubernetes.io/dockerconfigjson.")},
        required=["secret"],
    )


def _signatures() -> Object:
    return table(
        "Which releases are trusted.",
        {
            "required": switch(
                "Whether releases without a valid signature by a key of the keyring are left out.",
                default=False,
            ),
            "keyringSecret": object_name(f"A Secret with public keys, {_IN_NAMESPACE}. {_EACH_KEYRING}"),
            "keyringConfigMap": object_name(
                f"A ConfigMap with public keys, {_IN_NAMESPACE}. {_EACH_KEYRING}"
            ),
            "policy": choice(
                "strict takes no expired key, no SHA-1 and no date in the future. cluster takes what the Cluster "
                "Version Operator takes.",
                ["strict", "cluster"],
                "strict",
            ),
            "source": text(
                "Where the signatures are: the http or https address of a store, or docker://HOST/PATH[:TAG] of an "
                "image that upgraph signatures push made.",
                1024,
                minLength=1,
                rules=rules.SIGNATURE_SOURCE,
            ),
        },
        rules=rules.SIGNATURES,
    )


def _resources() -> Object:
    amount = quantity_in_a_map(f"How much it is: {value_rules.AN_AMOUNT}.")
    amounts = "cpu, memory and ephemeral-storage of the container that serves."
    return table(
        "Requests and limits of the container. What is not named keeps its default.",
        {
            "requests": mapping(f"What is reserved: {amounts}", amount, 16, rules=value_rules.RESOURCE_NAMES),
            "limits": mapping(
                f"What is allowed at most: {amounts}", amount, 16, rules=value_rules.RESOURCE_NAMES
            ),
        },
        rules=value_rules.RESOURCES,
    )


def _label_value() -> Object:
    # Longer values are told by the rule, in words.
    return text("A value.", 316, rules=value_rules.LABEL_VALUE)


def _scheduling() -> Object:
    toleration = table(
        "A taint that is tolerated.",
        {
            "key": text(
                "The key of the taint; every key if there is none.", 317, rules=value_rules.TAINT_KEY
            ),
            "operator": text("Exists or Equal.", 16),
            "value": text("The value of the taint, with Equal.", 316, rules=value_rules.LABEL_VALUE),
            "effect": text("NoSchedule, PreferNoSchedule or NoExecute; all if there is none.", 32),
            "tolerationSeconds": whole("How long NoExecute is tolerated, in seconds.", wide=True),
        },
        rules=value_rules.TOLERATION,
    )
    return table(
        "On which nodes the pods may run, as in the spec of a pod.",
        {
            "nodeSelector": mapping(
                "Labels that a node must have.", _label_value(), 64, rules=value_rules.LABEL_KEYS
            ),
            "tolerations": listed("Taints of nodes that are tolerated.", toleration, 64),
            "affinity": anything(
                "Affinity as in the spec of a pod. Without it the pods are spread over nodes and zones."
            ),
            "priorityClassName": object_name_or_none("The priority of the pods."),
        },
    )


def _volume() -> Object:
    return table(
        "Where the pods keep what they have read, so that one that starts again answers at once. Without it a "
        "directory of the node that goes with the pod (emptyDir).",
        {
            "claimName": object_name(
                f"A PersistentVolumeClaim that exists, {_IN_NAMESPACE}, for one replica alone."
            ),
            "size": quantity(
                "Size of a volume that is made for each pod and goes with it, for example 1Gi.",
                rules=value_rules.SIZE,
            ),
            "storageClassName": object_name_or_none(
                "Of which class that volume is; otherwise the default of the cluster."
            ),
        },
        rules=rules.VOLUME,
    )


def _autoscaling() -> Object:
    return table(
        "Leaves the number of pods to a HorizontalPodAutoscaler, between replicas and maxReplicas.",
        {
            "maxReplicas": whole("The most pods.", minimum=1, maximum=MAX_REPLICAS),
            "targetCPUUtilizationPercentage": whole(
                "The share of the requested CPU that is aimed at, in percent.",
                minimum=1,
                maximum=100,
                default=DEFAULT_TARGET_CPU_PERCENT,
            ),
        },
        required=["maxReplicas"],
    )


def _versions() -> Object:
    return table(
        "The versions that have been tested here: updates into others are not recommended. Clusters that run another "
        "version still get updates from it.",
        {
            "configMap": object_name(f"A ConfigMap with the list, {_IN_NAMESPACE}."),
            "key": text(
                "Its key with the list: one version or pattern a line.",
                253,
                default=DEFAULT_VERSIONS_KEY,
                rules=value_rules.DATA_KEY,
            ),
            "allow": listed(
                "The list itself.",
                text("A version or a pattern.", 256, minLength=1, rules=value_rules.VERSION_LINE),
                MAX_VERSIONS,
                minItems=1,
            ),
        },
        rules=rules.VERSIONS,
    )
