"""What the OpenShift Update Service Operator has made of an UpdateService: the objects that another operator finds.

Names, labels, ports and contents are those of its ``controllers/new.go`` and ``controllers/names.go``. It writes whole objects
under the name of its program.
"""

from dataclasses import dataclass

from upgraph.kube.objects import Object

MANAGER = "update-service-operator"
"""The name under which a cluster notes what it writes: that of its program."""
PATIENCE_SECONDS = 120
"""So long its policy engine is not asked whether it is ready."""

_BUILDER_TOML = """\
verbosity = "vvv"

[service]
pause_secs = 300
address = "::"
port = 8080

[status]
address = "::"
port = 9080

[[plugin_settings]]
name = "release-scrape-dockerv2"
registry = "{registry}"
repository = "{repository}"
fetch_concurrency = 16
credentials_path = "/var/lib/cincinnati/registry-credentials/.dockerconfigjson"

[[plugin_settings]]
name = "openshift-secondary-metadata-parse"
data_directory = "/var/lib/cincinnati/graph-data"

[[plugin_settings]]
name = "edge-add-remove"
"""
_ENVIRONMENT = {
    "gb.rust_backtrace": "0",
    "m.rust_backtrace": "0",
    "pe.address": "::",
    "pe.log.verbosity": "vv",
    "pe.mandatory_client_parameters": "channel",
    "pe.rust_backtrace": "0",
    "pe.status.address": "::",
    "pe.upstream": "http://localhost:8080/v1/graph",
}
_ENGINE_ARGUMENTS = (
    "-$(PE_LOG_VERBOSITY)",
    *("--service.address", "$(ADDRESS)"),
    *("--service.mandatory_client_parameters", "$(PE_MANDATORY_CLIENT_PARAMETERS)"),
    *("--service.path_prefix", "/api/upgrades_info"),
    *("--service.port", "8081"),
    *("--status.address", "$(PE_STATUS_ADDRESS)"),
    *("--status.port", "9081"),
    *("--upstream.cincinnati.url", "$(UPSTREAM)"),
)
_RESOURCES = {"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": "750m", "memory": "512Mi"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One UpdateService, and what the operator knows of its cluster.

    Args:
        service: the resource, with its identity.
        operand: the image of both containers.
        logins: the data of the pull secret of the cluster.
        authorities: the data of the ConfigMap with authorities.
        patience: seconds before its policy engine is asked whether it is ready.
    """

    service: Object
    operand: str
    logins: dict[str, str]
    authorities: dict[str, str]
    patience: int = PATIENCE_SECONDS

    @property
    def name(self) -> str:
        """Of the UpdateService, and of most that it becomes."""
        return str(self.service["metadata"]["name"])

    def objects(self) -> list[Object]:
        """All objects, in the order in which they are made."""
        return [
            self._made("v1", "ConfigMap", "-config", data={"gb.toml": self._toml()}),
            self._made("v1", "Secret", "-pull-secret", type="Opaque", data=self.logins),
            self._made("v1", "ConfigMap", "-env", data=_ENVIRONMENT),
            self._made("v1", "ConfigMap", "-trusted-ca", data=self.authorities),
            self._service("-graph-builder", {"graph-builder": (8080, 8080), "status-gb": (9080, 9080)}),
            self._service("-policy-engine", {"policy-engine": (80, 8081), "status-pe": (9081, 9081)}),
            self._made("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, **self._selector}),
            self._route(),
            self._network_policy(),
            self._asking_pod(),
            self._deployment(),
        ]

    def _made(self, version: str, kind: str, suffix: str = "", **content: object) -> Object:
        metadata = self.service["metadata"]
        owner = {
            "apiVersion": "updateservice.operator.openshift.io/v1",
            "kind": "UpdateService",
            "name": self.name,
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        about = {
            "name": f"{self.name}{suffix}",
            "namespace": metadata["namespace"],
            "annotations": {"kubernetes.io/description": f"Of the OpenShift UpdateService {self.name}"},
            "ownerReferences": [owner],
        }
        return {"apiVersion": version, "kind": kind, "metadata": about, **content}

    @property
    def _selector(self) -> Object:
        return {"selector": {"matchLabels": {"app": self.name}}}

    def _toml(self) -> str:
        registry, _, repository = self.service["spec"]["releases"].partition("/")
        return _BUILDER_TOML.format(registry=registry, repository=repository)

    def _service(self, suffix: str, ports: dict[str, tuple[int, int]]) -> Object:
        listed = [{"name": name, "port": one, "targetPort": other} for name, (one, other) in ports.items()]
        spec = {"selector": {"deployment": self.name}, "ports": listed, "sessionAffinity": "None"}
        return _labelled(self._made("v1", "Service", suffix, spec=spec), f"{self.name}{suffix}")

    def _route(self) -> Object:
        spec = {
            "to": {"kind": "Service", "name": f"{self.name}-policy-engine"},
            "port": {"targetPort": "policy-engine"},
            "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "None"},
        }
        return _labelled(self._made("route.openshift.io/v1", "Route", "-route", spec=spec), self.name)

    def _network_policy(self) -> Object:
        routers = {"namespaceSelector": {"matchLabels": {"policy-group.network.openshift.io/ingress": ""}}}
        dns = [{"port": 5353, "protocol": protocol} for protocol in ("TCP", "UDP")]
        spec = {
            "podSelector": {"matchLabels": {"app": self.name}},
            "ingress": [{"from": [routers], "ports": [{"port": "policy-engine", "protocol": "TCP"}]}],
            "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}, {"ports": dns}],
        }
        return _labelled(self._made("networking.k8s.io/v1", "NetworkPolicy", spec=spec), self.name)

    def _asking_pod(self) -> Object:
        """Shared by all UpdateServices of the namespace; it belongs to the first of them."""
        container = {
            "name": "graph-data",
            "image": self.service["spec"]["graphDataImage"],
            "imagePullPolicy": "Always",
            "command": ["/bin/sh", "-c", "--"],
            "args": ["sleep 300;"],
        }
        made = self._made("v1", "Pod", spec={"containers": [container], "restartPolicy": "Never"})
        made["metadata"]["name"] = "graph-data-tag-digest"
        return made

    def _deployment(self) -> Object:
        spec = {
            "replicas": self.service["spec"]["replicas"],
            **self._selector,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "50%", "maxSurge": "100%"},
            },
            "template": {
                "metadata": {
                    "labels": {"app": self.name, "deployment": self.name},
                    "annotations": {
                        "updateservice.operator.openshift.io/env-config-hash": "0123456789abcdef"
                    },
                },
                "spec": {
                    "initContainers": [self._init_container()],
                    "containers": [self._builder(), self._engine()],
                    "volumes": self._volumes(),
                },
            },
        }
        return self._made("apps/v1", "Deployment", spec=spec)

    def _volumes(self) -> list[Object]:
        trusted = [{"key": "updateservice-registry", "path": "tls-ca-bundle.pem"}]
        return [
            {"name": "configs", "configMap": {"name": f"{self.name}-config"}},
            {"name": "cincinnati-graph-data", "emptyDir": {}},
            {"name": "pull-secret", "secret": {"secretName": f"{self.name}-pull-secret"}},
            {"name": "trusted-ca", "configMap": {"name": f"{self.name}-trusted-ca", "items": trusted}},
        ]

    def _init_container(self) -> Object:
        return {
            "name": "graph-data",
            "image": self.service["spec"]["graphDataImage"],
            "imagePullPolicy": "Always",
            "volumeMounts": [_mount("cincinnati-graph-data", "/var/lib/cincinnati/graph-data")],
        }

    def _builder(self) -> Object:
        mounts = [
            _mount("configs", "/etc/configs"),
            _mount("cincinnati-graph-data", "/var/lib/cincinnati/graph-data"),
            _mount("pull-secret", "/var/lib/cincinnati/registry-credentials"),
            _mount("trusted-ca", "/etc/pki/ca-trust/extracted/pem"),
        ]
        return {
            **self._container("graph-builder", {"graph-builder": 8080, "status-gb": 9080}),
            "args": ["-c", "/etc/configs/gb.toml"],
            "env": [self._variable("RUST_BACKTRACE", "gb.rust_backtrace")],
            "volumeMounts": mounts,
            "livenessProbe": _probe("/liveness", 9080, delay=3, period=10),
            "readinessProbe": _probe("/readiness", 9080, delay=3, period=10),
        }

    def _engine(self) -> Object:
        variables = {
            "ADDRESS": "pe.address",
            "PE_STATUS_ADDRESS": "pe.status.address",
            "UPSTREAM": "pe.upstream",
            "PE_LOG_VERBOSITY": "pe.log.verbosity",
            "PE_MANDATORY_CLIENT_PARAMETERS": "pe.mandatory_client_parameters",
            "RUST_BACKTRACE": "pe.rust_backtrace",
        }
        return {
            **self._container("policy-engine", {"policy-engine": 8081, "status-pe": 9081}),
            "args": list(_ENGINE_ARGUMENTS),
            "env": [self._variable(*one) for one in variables.items()],
            "livenessProbe": _probe("/livez", 9081, delay=self.patience, period=30),
            "readinessProbe": _probe("/readyz", 9081, delay=self.patience, period=30),
        }

    def _container(self, name: str, ports: dict[str, int]) -> Object:
        return {
            "name": name,
            "image": self.operand,
            "imagePullPolicy": "IfNotPresent",
            "command": [f"/usr/bin/{name}"],
            "ports": [{"name": one, "containerPort": number} for one, number in ports.items()],
            "resources": _RESOURCES,
        }

    def _variable(self, name: str, key: str) -> Object:
        return {"name": name, "valueFrom": {"configMapKeyRef": {"name": f"{self.name}-env", "key": key}}}


def _labelled(obj: Object, app: str) -> Object:
    return obj | {"metadata": obj["metadata"] | {"labels": {"app": app}}}


def _mount(name: str, path: str) -> Object:
    return {"name": name, "mountPath": path}


def _probe(path: str, port: int, *, delay: int, period: int) -> Object:
    asked = {"path": path, "port": port}
    return {
        "httpGet": asked,
        "initialDelaySeconds": delay,
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": 3,
    }
