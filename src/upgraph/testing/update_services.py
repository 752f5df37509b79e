"""UpdateServices as people write them, and those that can never work, with what has to be said about each.

The same examples are judged by this package and by a real API server with the definition of the resource, so that the two
cannot drift apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "openshift-update-service"
DIGEST = "sha256:" + "0123456789abcdef" * 4
SEED_SPEC: Mapping[str, Any] = {
    "replicas": 2,
    "releases": "registry.example.com/ocp4/openshift4-release-images",
    "graphDataImage": "registry.example.com/openshift/graph-data:latest",
}
"""What the documentation of the OpenShift Update Service applies."""
SEED_STATUS: Mapping[str, Any] = {
    "conditions": [
        {
            "lastHeartbeatTime": "2024-02-29T12:00:00Z",
            "lastTransitionTime": "2024-02-29T12:00:00Z",
            "message": "",
            "reason": "CACertFound",
            "status": "True",
            "type": "RegistryCACertFound",
        },
        {
            "lastHeartbeatTime": "2024-02-29T12:00:01Z",
            "lastTransitionTime": "2024-02-29T12:00:01Z",
            "reason": "Success",
            "status": "True",
            "type": "ReconcileCompleted",
        },
    ],
    "policyEngineURI": "https://service-route-openshift-update-service.apps.site.example",
}
"""What the reference operator makes of it."""


@dataclass(frozen=True, slots=True)
class Example:
    """An UpdateService."""

    id: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the spec of the documentation."""
    name: str = "service"

    def object(self, namespace: str = NAMESPACE) -> dict[str, Any]:
        """The object, as it is sent."""
        return {
            "apiVersion": "updateservice.operator.openshift.io/v1",
            "kind": "UpdateService",
            "metadata": {"name": self.name, "namespace": namespace},
            "spec": {**SEED_SPEC, **self.spec},
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """An UpdateService that can never work."""

    example: Example
    path: str
    """Where the fault is."""
    says: str
    """A part of what has to be said."""


def _refused(name: str, path: str, says: str, **spec: object) -> Refused:
    return Refused(Example(name, spec), path, says)


ACCEPTED = (
    Example("as in the documentation"),
    Example("one replica", {"replicas": 1}),
    Example("a short name", name="s"),
    Example("a name that begins with a letter and ends with a digit", name="site-4"),
    Example("a registry with a port", {"releases": "registry:5000/release"}),
    Example("a registry at an IPv4 address", {"releases": "192.0.2.1/ocp/release"}),
    Example("a registry at an IPv6 address", {"releases": "[2001:db8::1]:5000/ocp/release"}),
    Example("a registry on the same machine", {"releases": "localhost/ocp/release"}),
    Example("names with every joint", {"releases": "registry.example/a-b/c--d/e.f/g_h/i__j", "replicas": 1}),
    Example(
        "graph data by digest", {"graphDataImage": f"registry.example:5000/openshift/graph-data@{DIGEST}"}
    ),
    Example("graph data by tag and digest", {"graphDataImage": f"registry.example/graph-data:1@{DIGEST}"}),
    Example("several repositories", {"additionalReleases": ["registry.example/a", "registry.example/b"]}),
    Example("no wish about exposure", {"exposure": {}}),
    Example(
        "a Route", {"exposure": {"type": "Route", "host": "updates.example", "tlsSecret": "updates-tls"}}
    ),
    Example(
        "an Ingress", {"exposure": {"type": "Ingress", "host": "u.example", "ingressClassName": "nginx"}}
    ),
    Example(
        "an HTTPRoute",
        {
            "exposure": {
                "type": "HTTPRoute",
                "host": "u.example",
                "gateway": {"name": "site", "namespace": "gateways", "sectionName": "https"},
                "annotations": {"example.com/timeout": "5s"},
                "labels": {"example.com/router": "internal", "shard": ""},
            }
        },
    ),
    Example("no exposure", {"exposure": {"type": "None"}}),
    Example(
        "authorities and logins", {"trust": {"configMap": "ca"}, "credentials": {"secret": "pull.secret"}}
    ),
    Example(
        "signatures",
        {
            "signatures": {
                "required": True,
                "keyringConfigMap": "keys",
                "policy": "cluster",
                "source": "https://signatures.example/",
            }
        },
    ),
    Example("a keyring that is not required yet", {"signatures": {"keyringSecret": "keys"}}),
    Example(
        "resources", {"resources": {"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": 1}}}
    ),
    Example(
        "scheduling",
        {
            "scheduling": {
                "nodeSelector": {"node-role.kubernetes.io/infra": ""},
                "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoExecute"}],
                "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                "priorityClassName": "system-cluster-critical",
            }
        },
    ),
    Example("a claim", {"volume": {"claimName": "state"}, "replicas": 1}),
    Example("a volume", {"volume": {"size": "1Gi", "storageClassName": "fast"}}),
    Example(
        "autoscaling",
        {"autoscaling": {"maxReplicas": 6, "targetCPUUtilizationPercentage": 60}, "replicas": 2},
    ),
    Example("as many at most as at least", {"autoscaling": {"maxReplicas": 2}, "replicas": 2}),
    Example("promoted versions in a ConfigMap", {"versions": {"configMap": "promoted", "key": "staging"}}),
    Example("promoted versions", {"versions": {"allow": ["4.16.3", "4.17.*"]}}),
)
"""What has to be accepted."""

REFUSED = (
    _refused("releases without a path", "spec.releases", "it has no path", releases="registry.example"),
    _refused("no releases", "spec.releases", "it has no path", releases=""),
    _refused("releases with a scheme", "spec.releases", "no scheme", releases="docker://registry.example/a"),
    _refused("releases with a tag", "spec.releases", "no tag", releases="registry.example/a:4.16"),
    _refused("releases with a digest", "spec.releases", "no digest", releases=f"registry.example/a@{DIGEST}"),
    _refused("releases in upper case", "spec.releases", "no upper case", releases="registry.example/OCP"),
    _refused("releases of no host", "spec.releases", "a dot or a port", releases="harbor/ocp"),
    _refused("releases with a space", "spec.releases", "a character", releases="registry.example/a b"),
    _refused("releases with a quote", "spec.releases", "a character", releases='registry.example/a"'),
    _refused("releases with a line end", "spec.releases", "a character", releases="registry.example/a\n"),
    _refused("releases with an empty part", "spec.releases", "two slashes", releases="registry.example//a"),
    _refused("releases that end in a slash", "spec.releases", "two slashes", releases="registry.example/a/"),
    _refused(
        "a tag among more releases",
        "spec.additionalReleases[1]",
        "no tag",
        additionalReleases=["registry.example/a", "registry.example/b:1"],
    ),
    _refused("no graph data", "spec.graphDataImage", "must name the image", graphDataImage=""),
    _refused(
        "graph data with a scheme", "spec.graphDataImage", "no scheme", graphDataImage="docker://r.example/a"
    ),
    _refused(
        "graph data with half a digest",
        "spec.graphDataImage",
        "a digest after @",
        graphDataImage="r.example/a@sha256:12",
    ),
    _refused("graph data with a space", "spec.graphDataImage", "a character", graphDataImage="r.example/a b"),
    _refused(
        "a Route with a class",
        "spec.exposure",
        "type Route",
        exposure={"type": "Route", "ingressClassName": "a"},
    ),
    _refused(
        "an Ingress with a gateway",
        "spec.exposure",
        "type Ingress has no gateway",
        exposure={"type": "Ingress", "host": "u.example", "gateway": {"name": "a"}},
    ),
    _refused("an Ingress without a host", "spec.exposure", "needs a host", exposure={"type": "Ingress"}),
    _refused(
        "an HTTPRoute of no gateway",
        "spec.exposure",
        "needs a gateway",
        exposure={"type": "HTTPRoute", "host": "u.example"},
    ),
    _refused(
        "an HTTPRoute without a host",
        "spec.exposure",
        "needs a host",
        exposure={"type": "HTTPRoute", "gateway": {"name": "a"}},
    ),
    _refused(
        "an HTTPRoute with a certificate",
        "spec.exposure",
        "has neither ingressClassName nor tlsSecret",
        exposure={"type": "HTTPRoute", "host": "u.example", "gateway": {"name": "a"}, "tlsSecret": "b"},
    ),
    _refused(
        "a host of no exposure",
        "spec.exposure",
        "exposes nothing",
        exposure={"type": "None", "host": "u.example"},
    ),
    _refused(
        "labels of no exposure",
        "spec.exposure",
        "exposes nothing",
        exposure={"type": "None", "labels": {"router": "internal"}},
    ),
    _refused(
        "a class and a gateway",
        "spec.exposure",
        "remove one of them",
        exposure={"ingressClassName": "a", "gateway": {"name": "b"}},
    ),
    _refused(
        "a host in upper case",
        "spec.exposure.host",
        "a name of the DNS",
        exposure={"host": "Updates.example"},
    ),
    _refused(
        "a host with a port", "spec.exposure.host", "a name of the DNS", exposure={"host": "u.example:443"}
    ),
    _refused(
        "a host with a long label",
        "spec.exposure.host",
        "host must conform to DNS 1123 naming convention and must be no more than 63 characters",
        exposure={"host": f"{'a' * 64}.example"},
    ),
    _refused(
        "signatures without a keyring",
        "spec.signatures",
        "needs a keyring",
        signatures={"required": True, "source": "https://signatures.example/"},
    ),
    _refused(
        "signatures of nowhere",
        "spec.signatures",
        "needs source",
        signatures={"required": True, "keyringSecret": "keys"},
    ),
    _refused(
        "signatures in a directory",
        "spec.signatures.source",
        "must be an address",
        signatures={"source": "/var/lib/signatures"},
    ),
    _refused(
        "signatures of no host",
        "spec.signatures.source",
        "must be an address",
        signatures={"source": "https:///signatures"},
    ),
    _refused(
        "signatures at an address with a space",
        "spec.signatures.source",
        "a character",
        signatures={"source": "https://signatures.example/a b"},
    ),
    _refused(
        "two keyrings",
        "spec.signatures",
        "remove one of them",
        signatures={"keyringSecret": "a", "keyringConfigMap": "b"},
    ),
    _refused(
        "a claim with a size",
        "spec.volume",
        "either claimName",
        volume={"claimName": "a", "size": "1Gi"},
        replicas=1,
    ),
    _refused("a volume of nothing", "spec.volume", "either claimName", volume={}),
    _refused(
        "a class of a claim",
        "spec.volume",
        "needs size",
        volume={"claimName": "a", "storageClassName": "fast"},
        replicas=1,
    ),
    _refused("a claim of several replicas", "spec", "one replica alone", volume={"claimName": "a"}),
    _refused(
        "a claim of replicas to come",
        "spec",
        "one replica alone",
        volume={"claimName": "a"},
        autoscaling={"maxReplicas": 3},
        replicas=1,
    ),
    _refused("less at most than at least", "spec", "maxReplicas", autoscaling={"maxReplicas": 1}, replicas=2),
    _refused(
        "two lists of versions", "spec.versions", "either", versions={"configMap": "a", "allow": ["4.16.1"]}
    ),
    _refused("no list of versions", "spec.versions", "either", versions={}),
    _refused(
        "logins where their copy is",
        "metadata.name",
        "credentials.secret must not be",
        credentials={"secret": "service-pull-secret"},
    ),
    _refused(
        "authorities where their copy is",
        "metadata.name",
        "trust.configMap must not be",
        trust={"configMap": "service-trusted-ca"},
    ),
    _refused(
        "versions where their copy is",
        "metadata.name",
        "versions.configMap must not be",
        versions={"configMap": "service-versions"},
    ),
    Refused(Example("a name with a dot", name="site.one"), "metadata.name", "Services and hosts"),
    Refused(Example("a name of 50 characters", name="a" * 50), "metadata.name", "at most 49"),
)
"""What the definition of the resource refuses, and this package as well."""

_LONG = "a" * 254

OUT_OF_BOUNDS = (
    _refused("no replica", "spec.replicas", "", replicas=0),
    _refused("releases of 256 characters", "spec.releases", "", releases=f"r.example/{'a' * 246}"),
    _refused(
        "too many repositories",
        "spec.additionalReleases",
        "",
        additionalReleases=[f"r.example/{n}" for n in range(33)],
    ),
    _refused(
        "a repository twice", "spec.additionalReleases", "", additionalReleases=["r.example/a", "r.example/a"]
    ),
    _refused("a name of 254 characters", "spec.credentials.secret", "", credentials={"secret": _LONG}),
    _refused(
        "a class of 254 characters",
        "spec.exposure.ingressClassName",
        "",
        exposure={"ingressClassName": _LONG},
    ),
    _refused(
        "too many replicas at most", "spec.autoscaling.maxReplicas", "", autoscaling={"maxReplicas": 101}
    ),
    _refused(
        "more than all of the CPU",
        "spec.autoscaling.targetCPUUtilizationPercentage",
        "",
        autoscaling={"maxReplicas": 3, "targetCPUUtilizationPercentage": 101},
    ),
    _refused("a version without a text", "spec.versions.allow[0]", "", versions={"allow": [""]}),
)
"""What the definition refuses by its bounds; each API server says so in words of its own."""
