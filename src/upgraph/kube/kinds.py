"""The kinds of objects that Kubernetes and OpenShift have and that are met here."""

from upgraph.kube.objects import Kind

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
HORIZONTAL_POD_AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
INGRESS_CLASS = Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False)
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)

GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")

ROUTE = Kind("route.openshift.io", "v1", "Route", "routes")
CLUSTER_VERSION = Kind("config.openshift.io", "v1", "ClusterVersion", "clusterversions", namespaced=False)
IMAGE_CONFIG = Kind("config.openshift.io", "v1", "Image", "images", namespaced=False)
INGRESS_CONFIG = Kind("config.openshift.io", "v1", "Ingress", "ingresses", namespaced=False)
PROXY_CONFIG = Kind("config.openshift.io", "v1", "Proxy", "proxies", namespaced=False)
SECURITY_CONTEXT_CONSTRAINTS = Kind(
    "security.openshift.io",
    "v1",
    "SecurityContextConstraints",
    "securitycontextconstraints",
    namespaced=False,
)
"""Where a cluster has these, it chooses the user of every pod by itself."""

KINDS = (
    CONFIG_MAP,
    NAMESPACE,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    DEPLOYMENT,
    REPLICA_SET,
    HORIZONTAL_POD_AUTOSCALER,
    LEASE,
    ENDPOINT_SLICE,
    EVENT,
    INGRESS,
    INGRESS_CLASS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    CUSTOM_RESOURCE_DEFINITION,
    GATEWAY,
    HTTP_ROUTE,
    ROUTE,
    CLUSTER_VERSION,
    IMAGE_CONFIG,
    INGRESS_CONFIG,
    PROXY_CONFIG,
    SECURITY_CONTEXT_CONSTRAINTS,
)
"""All of them: an object that is written says its ``apiVersion`` and ``kind``, and this says its path."""
