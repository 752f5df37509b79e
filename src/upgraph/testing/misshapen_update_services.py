"""UpdateServices with a value that no cluster takes, with what has to be said about each.

The values are judged where they stand, so both the definition on an API server and this package say the same at the same field.
"""

from upgraph.testing.update_services import DIGEST, Example, Refused


def _misshapen(name: str, path: str, says: str, **spec: object) -> Refused:
    return Refused(Example(name, {"replicas": 1, **spec}), f"spec.{path}", says)


def _name(name: str, path: str, **spec: object) -> Refused:
    return _misshapen(name, path, "must be the name of an object", **spec)


def _amount(name: str, path: str, **spec: object) -> Refused:
    return _misshapen(name, path, "must be an amount", **spec)


def _toleration(name: str, says: str, **fields: object) -> Refused:
    return _misshapen(name, "scheduling.tolerations[0]", says, scheduling={"tolerations": [fields]})


def _line(line: str) -> Refused:
    return _misshapen(
        f"{line!r} as a version",
        "versions.allow[1]",
        "must be a version such as",
        versions={"allow": ["4.18.3", line]},
    )


_HTTP_ROUTE = {"type": "HTTPRoute", "host": "u.example"}
_KEYS = "has a key that no"

VALUES = (
    _name("a certificate in upper case", "exposure.tlsSecret", exposure={"tlsSecret": "TLS"}),
    _name("a class with a space", "exposure.ingressClassName", exposure={"ingressClassName": "a b"}),
    _name("a gateway with _", "exposure.gateway.name", exposure={**_HTTP_ROUTE, "gateway": {"name": "a_b"}}),
    _name(
        "a listener in upper case",
        "exposure.gateway.sectionName",
        exposure={**_HTTP_ROUTE, "gateway": {"name": "a", "sectionName": "HTTPS"}},
    ),
    _misshapen(
        "a namespace with a dot",
        "exposure.gateway.namespace",
        "must be the name of a namespace",
        exposure={**_HTTP_ROUTE, "gateway": {"name": "a", "namespace": "b.c"}},
    ),
    _misshapen(
        "an annotation with two slashes",
        "exposure.annotations",
        f"{_KEYS} annotation",
        exposure={"annotations": {"a/b/c": "d"}},
    ),
    _misshapen(
        "a label of a Route with two slashes",
        "exposure.labels",
        f"{_KEYS} label",
        exposure={"labels": {"a/b/c": "d"}},
    ),
    _misshapen(
        "a label of a Route with a space",
        "exposure.labels[shard]",
        "is a value that no label can have",
        exposure={"labels": {"shard": "a b"}},
    ),
    *(
        _misshapen(
            f"the label {key} of the operator",
            "exposure.labels",
            "by which the operator says whose an object is",
            exposure={"labels": {key: "another"}},
        )
        for key in (
            "app",
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/managed-by",
        )
    ),
    _name("authorities in upper case", "trust.configMap", trust={"configMap": "CA"}),
    _name("authorities with a line end", "trust.configMap", trust={"configMap": "ca\n"}),
    _name("logins without a name", "credentials.secret", credentials={"secret": ""}),
    _name("logins that end in a dot", "credentials.secret", credentials={"secret": "a."}),
    _name("a keyring with a slash", "signatures.keyringSecret", signatures={"keyringSecret": "a/b"}),
    _name("keys with a slash", "signatures.keyringConfigMap", signatures={"keyringConfigMap": "a/b"}),
    _name(
        "a priority in upper case", "scheduling.priorityClassName", scheduling={"priorityClassName": "High"}
    ),
    _name("a claim in upper case", "volume.claimName", volume={"claimName": "State"}),
    _name(
        "a class of volumes with _",
        "volume.storageClassName",
        volume={"size": "1Gi", "storageClassName": "a_b"},
    ),
    _name("versions in upper case", "versions.configMap", versions={"configMap": "Promoted"}),
    _misshapen(
        "a key with a slash",
        "versions.key",
        "must be a key that a ConfigMap",
        versions={"configMap": "a", "key": "a/b"},
    ),
    _misshapen(
        "a key of two dots",
        "versions.key",
        "must be a key that a ConfigMap",
        versions={"configMap": "a", "key": ".."},
    ),
    _line("4.18"),
    _line("v4.18.3"),
    _line("4.18.3, 4.18.4"),
    _line("4.18.3\n4.18.4"),
    _line("04.18.3"),
    _line("4.18.x"),
    _line("stable-4.18"),
    _misshapen(
        "a resource that nobody knows",
        "resources.requests",
        "has a resource that no container",
        resources={"requests": {"ram": "1Gi"}},
    ),
    _misshapen(
        "more CPU than is allowed",
        "resources",
        "requests cpu is more than limits cpu",
        resources={"requests": {"cpu": 2}, "limits": {"cpu": "1999m"}},
    ),
    _misshapen(
        "more memory than is allowed",
        "resources",
        "requests memory is more than limits memory",
        resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}},
    ),
    _misshapen(
        "more of a disk than is allowed",
        "resources",
        "requests ephemeral-storage is more",
        resources={"requests": {"ephemeral-storage": "1e10"}, "limits": {"ephemeral-storage": "9.5G"}},
    ),
    _amount("a size that is none", "volume.size", volume={"size": "1 GB"}),
    _amount("a size below nothing", "volume.size", volume={"size": "-1Gi"}),
    _misshapen("a size of nothing", "volume.size", "more than nothing", volume={"size": "0"}),
    _misshapen("a number of no bytes", "volume.size", "more than nothing", volume={"size": 0}),
    _misshapen("a size of 0.0Gi", "volume.size", "more than nothing", volume={"size": "0.0Gi"}),
    _misshapen("a size of 0e3", "volume.size", "more than nothing", volume={"size": "0e3"}),
    _misshapen(
        "a node by a label with two slashes",
        "scheduling.nodeSelector",
        f"{_KEYS} label",
        scheduling={"nodeSelector": {"a/b/c": "d"}},
    ),
    _misshapen(
        "a node by a label of 64 characters",
        "scheduling.nodeSelector",
        f"{_KEYS} label",
        scheduling={"nodeSelector": {"a" * 64: "b"}},
    ),
    _misshapen(
        "a node by a value with a space",
        "scheduling.nodeSelector[zone]",
        "a value that no label",
        scheduling={"nodeSelector": {"zone": "a b"}},
    ),
    _misshapen(
        "a node by a value of 64 characters",
        "scheduling.nodeSelector[zone]",
        "a value that no label",
        scheduling={"nodeSelector": {"zone": "a" * 64}},
    ),
    _misshapen(
        "a taint with two slashes",
        "scheduling.tolerations[0].key",
        "is a key that no taint",
        scheduling={"tolerations": [{"key": "a/b/c", "operator": "Exists"}]},
    ),
    _misshapen(
        "a taint by a value with a space",
        "scheduling.tolerations[0].value",
        "a value that no label",
        scheduling={"tolerations": [{"key": "a", "value": "b c"}]},
    ),
    _toleration("an operator that nobody knows", "operator must be", key="a", operator="In"),
    _toleration("an effect that nobody knows", "effect must be", key="a", effect="noexecute"),
    _toleration("no key to be equal", "needs a key", operator="Equal", value="a"),
    _toleration("a toleration of nothing", "needs a key"),
    _toleration("a value that is not looked at", "looks at no value", key="a", operator="Exists", value="b"),
    _toleration(
        "seconds without NoExecute",
        "needs effect: NoExecute",
        key="a",
        operator="Exists",
        effect="NoSchedule",
        tolerationSeconds=5,
    ),
)
"""What the definition refuses at the field with the value."""

AMOUNTS = (
    _amount("an amount that is none", "resources.limits[memory]", resources={"limits": {"memory": "a lot"}}),
    _amount("an amount below nothing", "resources.requests[cpu]", resources={"requests": {"cpu": "-1"}}),
    _misshapen(
        "a number below nothing",
        "resources.requests[cpu]",
        "at least 0",
        resources={"requests": {"cpu": -1}},
    ),
    _amount(
        "an amount with a unit of its own",
        "resources.limits[memory]",
        resources={"limits": {"memory": "1GB"}},
    ),
    _amount(
        "a limit with a unit of its own",
        "resources.limits[memory]",
        resources={"requests": {"memory": "1"}, "limits": {"memory": "1K"}},
    ),
    _amount(
        "a limit without a number",
        "resources.limits[memory]",
        resources={"requests": {"memory": 0}, "limits": {"memory": "many"}},
    ),
    _amount(
        "a limit with two dots",
        "resources.limits[cpu]",
        resources={"requests": {"cpu": "+1"}, "limits": {"cpu": "1.2.3"}},
    ),
    _amount(
        "a limit in a unit that only looks like one",
        "resources.limits[memory]",
        resources={"requests": {"memory": "1Ki"}, "limits": {"memory": "1mi"}},
    ),
)
"""What the definition refuses by the form of an amount, in words of the API server."""


def _releases(name: str, says: str, releases: str) -> Refused:
    return _misshapen(name, "releases", says, releases=releases)


def _image(name: str, says: str, image: str) -> Refused:
    return _misshapen(name, "graphDataImage", says, graphDataImage=image)


IMAGES = (
    _releases("releases at port 65536", "a port from 1 to 65535", "registry.example:65536/ocp/release"),
    _releases("releases at port 0", "a port from 1 to 65535", "registry.example:0/ocp/release"),
    _releases(
        "releases at a port in letters", "a port from 1 to 65535", "registry.example:https/ocp/release"
    ),
    _releases("releases with two dots", "no registry takes", "registry.example/ocp/a..b"),
    _releases("releases that end in -", "no registry takes", "registry.example/ocp-/release"),
    _releases("releases that begin with _", "no registry takes", "registry.example/_ocp/release"),
    _releases("releases with three _", "no registry takes", "registry.example/a___b"),
    _image("graph data of no registry", "it names no registry", "graph-data"),
    _image("graph data of no host", "a dot or a port", "openshift/graph-data:latest"),
    _image("graph data at port 99999", "a port from 1 to 65535", "r.example:99999/graph-data:latest"),
    _image("graph data without a tag behind :", "a tag of at most 128", "r.example/graph-data:"),
    _image("graph data with a long tag", "a tag of at most 128", f"r.example/graph-data:{'a' * 129}"),
    _image("graph data with two tags", "a tag of at most 128", f"r.example/graph-data:-a@{DIGEST}"),
    _image("graph data in upper case", "no upper case", "r.example/openshift/Graph-Data:latest"),
    _image("graph data with an empty part", "two slashes", "r.example//graph-data:latest"),
    _image("graph data that end in -", "no registry takes", "r.example/graph-data-:latest"),
    _misshapen(
        "signatures at port 99999",
        "signatures.source",
        "a port from 1 to 65535",
        signatures={"source": "https://signatures.example:99999/a"},
    ),
    _misshapen(
        "signatures behind a login at port 0",
        "signatures.source",
        "a port from 1 to 65535",
        signatures={"source": "https://user:8443@signatures.example:0/a"},
    ),
    _misshapen(
        "signatures of a registry",
        "signatures.source",
        "must have a path behind the host",
        signatures={"source": "docker://registry.example:5000"},
    ),
    _misshapen(
        "signatures of an image at port 0",
        "signatures.source",
        "a port from 1 to 65535",
        signatures={"source": "docker://registry.example:0/a:latest"},
    ),
)
"""What the definition refuses about names of images and addresses."""

WELL_SHAPED = (
    Example("the last port", {"releases": "registry.example:65535/ocp/release"}),
    Example("a registry at an IPv6 address without a port", {"releases": "[2001:db8::1]/ocp/release"}),
    Example("a port and a tag", {"graphDataImage": f"r.example:443/a_b/c__d/e-f:V1.0_x@{DIGEST}"}),
    Example("signatures at an IPv6 address", {"signatures": {"source": "https://[2001:db8::1]/a:b"}}),
    Example("signatures behind a login", {"signatures": {"source": "https://user:word@s.example/a"}}),
    Example(
        "signatures behind a login at a port", {"signatures": {"source": "https://u:p@s.example:8443/a"}}
    ),
    Example("signatures at a port", {"signatures": {"source": "https://s.example:8443/a?b=c:d"}}),
    Example(
        "every kind of amount",
        {
            "resources": {
                "requests": {"cpu": "0.5", "memory": 67108864, "ephemeral-storage": "1e9"},
                "limits": {"cpu": "500m", "memory": "64Mi", "ephemeral-storage": "1G", "example.com/card": 1},
            }
        },
    ),
    Example("a volume of no class", {"volume": {"size": "1Gi", "storageClassName": ""}}),
    Example("a priority of no class", {"scheduling": {"priorityClassName": ""}}),
    Example(
        "an Ingress of no class",
        {"exposure": {"type": "Ingress", "host": "u.example", "ingressClassName": ""}},
    ),
    Example(
        "no listener of a gateway",
        {"exposure": {**_HTTP_ROUTE, "gateway": {"name": "a", "sectionName": ""}}},
    ),
    Example("a volume of bytes", {"volume": {"size": 1073741824}}),
    Example("a volume with a fraction", {"volume": {"size": "0.5Gi"}}),
    Example("a volume with an exponent", {"volume": {"size": "10e9"}}),
    Example(
        "every kind of toleration",
        {
            "scheduling": {
                "tolerations": [
                    {"operator": "Exists"},
                    {"key": "a.example/b", "value": "c"},
                    {"key": "a", "operator": "Equal", "value": "", "effect": "PreferNoSchedule"},
                    {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                ]
            }
        },
    ),
    Example(
        "every kind of version",
        {
            "versions": {
                "allow": ["4.18.3", "4.18.0-rc.1", "4.18.3+amd64", "4.*", "*", "4.18.0-rc.*", "4.18.3 # ok"]
            }
        },
    ),
    Example(
        "versions of a file with CRLF", {"versions": {"allow": ["4.18.3\r", "4.18.4 # ok\r", "4.19.* \r"]}}
    ),
    Example("an annotation in upper case", {"exposure": {"annotations": {"Example.com/A_b.c": "d"}}}),
)
"""What has to be accepted beside them."""
