"""The one container of the pods: ``upgraph serve`` with everything that the resource asks for.

What is set stands in the arguments, where ``kubectl describe`` shows it and where it belongs to one revision of the
Deployment: a pod that is started again in the middle of a rollout never reads settings of the next one.
"""

from collections.abc import Iterator

from upgraph.kube.objects import Object
from upgraph.operator.desired.ports import GRAPH_BUILDER, POLICY_ENGINE, STATUS
from upgraph.operator.desired.volumes import (
    CLUSTER_TRUST,
    CREDENTIALS,
    GRAPH_DATA,
    KEYRINGS,
    REGISTRY_TRUST,
    STATE,
    VERSIONS,
    mounted,
)
from upgraph.operator.inputs.sources import graph_data_name, pull_spec, release_sources
from upgraph.operator.inputs.values import CA_BUNDLE_KEY, Inputs
from upgraph.operator.resource.quantity import amount
from upgraph.operator.resource.update_service import DEFAULT_VERSIONS_KEY

CONTAINER = "update-service"
MANDATORY_PARAMETER = "channel"
"""Without it a request is refused, as behind the reference operator."""
STARTUP_SECONDS = 120
"""Time in which the process has to answer at all; a graph is not waited for here."""
DRAIN_SECONDS = 5
"""Time in which a pod that is to end goes on answering, until everybody sends clients elsewhere."""
DEFAULT_RESOURCES = {
    "requests": {"cpu": "300m", "memory": "128Mi"},
    "limits": {"cpu": "1500m", "memory": "1Gi"},
}
"""What the two containers of a pod of the reference operator have together, so that quotas stay sufficient."""
_PYTHON = "/opt/upgraph/bin/python"


def container(inputs: Inputs) -> Object:
    """The container.

    Raises:
        UserError: a name of the resource is not valid.
    """
    return {
        "name": CONTAINER,
        "image": inputs.operand,
        "imagePullPolicy": "IfNotPresent",
        "args": [literal(one) for one in arguments(inputs)],
        "env": [
            {"name": name, "value": literal(value)} for name, value in inputs.proxies.environment.items()
        ],
        "ports": [
            {"name": port.name, "containerPort": port.number, "protocol": "TCP"}
            for port in (GRAPH_BUILDER, POLICY_ENGINE, STATUS)
        ],
        "resources": resources(inputs),
        "securityContext": security_context() | {"readOnlyRootFilesystem": True},
        "volumeMounts": [one.mount for one in mounted(inputs)],
        "startupProbe": _probe("/livez", period=1, failures=STARTUP_SECONDS),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=3, failures=3),
        # There is no shell in the image.
        "lifecycle": {
            "preStop": {"exec": {"command": [_PYTHON, "-c", f"import time; time.sleep({DRAIN_SECONDS})"]}}
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def literal(text: str) -> str:
    """A text as the kubelet has to be given it so that the process gets it as it is.

    In arguments and variables ``$(NAME)`` refers to a variable: a source of signatures with ``$(HTTPS_PROXY)`` in it would
    have the login of the proxy sent to whoever answers there.
    """
    return text.replace("$", "$$")


def arguments(inputs: Inputs) -> Iterator[str]:
    """What the service is called with."""
    names, spec = inputs.names, inputs.service.spec
    yield "serve"
    yield f"--listen=:{POLICY_ENGINE.number}"
    yield f"--builder-listen=:{GRAPH_BUILDER.number}"
    yield f"--status-listen=:{STATUS.number}"
    yield f"--mandatory-parameters={MANDATORY_PARAMETER}"
    for source in release_sources(spec):
        yield f"--releases={source}"
    yield f"--graph-data={_graph_data(inputs)}"
    yield from _access(inputs)
    yield from _signatures(inputs)
    if inputs.versions.is_mounted:
        yield f"--promoted={VERSIONS}/{DEFAULT_VERSIONS_KEY}"
    yield f"--state-dir={STATE}"
    yield f"--siblings={names.siblings_service}.{names.namespace}.svc:{STATUS.number}"


def _graph_data(inputs: Inputs) -> str:
    if inputs.graph_data.copies_itself:
        return GRAPH_DATA
    return f"docker://{pull_spec(graph_data_name(inputs.service.spec), inputs.graph_data.digest)}"


def _access(inputs: Inputs) -> Iterator[str]:
    if inputs.pull_secret.is_mounted:
        yield f"--authfile={CREDENTIALS}"
    if inputs.authorities.is_mounted:
        yield f"--ca={REGISTRY_TRUST}"
    if inputs.has_cluster_authorities:
        yield f"--ca={CLUSTER_TRUST}/{CA_BUNDLE_KEY}"


def _signatures(inputs: Inputs) -> Iterator[str]:
    wanted = inputs.service.spec.signatures
    if wanted.source:
        yield f"--signatures={wanted.source}"
    if inputs.keyrings is not None:
        for key in inputs.keyrings.keys:
            yield f"--require-signatures={KEYRINGS}/{key}"
        yield f"--signature-policy={wanted.policy}"


def resources(inputs: Inputs) -> Object:
    """Requests and limits: those of the resource, and the usual ones for what it does not name."""
    given = inputs.service.spec.resources
    asked = _quantities(given.requests)
    # A request above the usual limit is refused by the cluster, so it is the limit then.
    most = {name: _raised(value, asked.get(name, "0")) for name, value in DEFAULT_RESOURCES["limits"].items()}
    limits = {**most, **_quantities(given.limits)}
    # A limit alone is also the request, as everywhere in Kubernetes: the usual request could be above it.
    usual = {name: value for name, value in DEFAULT_RESOURCES["requests"].items() if name not in given.limits}
    return {"requests": {**usual, **asked}, "limits": limits}


def security_context() -> Object:
    """What the strictest standard of Kubernetes for pods asks for (``restricted``)."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _quantities(given: dict[str, str | int | float]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items()}


def _raised(usual: str, asked: str) -> str:
    return asked if (amount(asked) or 0) > (amount(usual) or 0) else usual


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": STATUS.name, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }
