"""Problems of the operator room: what an UpdateService asks for, and what it becomes in a cluster."""

from upgraph.errors.problem import Problem

UPDATE_SERVICE_INVALID = Problem(
    "update-service-invalid",
    "An UpdateService cannot be used",
    "Nothing can be made from it. What already runs under its name keeps running as it is.",
    "Correct the field that is named; kubectl explain updateservice.spec tells what each may hold. An object that the "
    "definition of the resource would refuse comes from an older definition: apply that of this operator "
    "(upgraph operator manifests --crd-only).",
)
UPDATE_SERVICE_EXISTS = Problem(
    "update-service-exists",
    "There is an UpdateService of this name that asks for something else",
    "A command that makes a resource does not change one that others rely on. Nothing was changed.",
    "Choose another name, or change the one that is there: add -o yaml to the command and give what it prints to "
    "kubectl apply -f -, or use kubectl edit updateservice NAME.",
)
UPDATE_SERVICE_NOT_ANSWERING = Problem(
    "update-service-not-answering",
    "An UpdateService does not become available",
    "Clusters get no updates from it. The resource is there, and the operator goes on trying.",
    "Mend what the condition names. upgraph updateservice status NAME shows all conditions, kubectl -n NAMESPACE get "
    "events what has happened. If no condition is there at all, no operator looks after this namespace: kubectl -n "
    "NAMESPACE get deployment upgraph-operator, and upgraph operator manifests installs it.",
)
UPDATE_SERVICE_UNTRUSTED = Problem(
    "update-service-untrusted",
    "A cluster does not trust the address of the update service",
    "It could not verify the certificate, and would get no updates at all. ClusterVersion was not changed.",
    "Give the authority to the cluster. oc -n NAMESPACE get updateservice NAME -o jsonpath='{.status.servingCA.certificate}' > "
    "updates-ca.pem has it, then oc -n openshift-config create configmap user-ca-bundle --from-file=ca-bundle.crt=updates-ca.pem, "
    """then oc patch proxy/cluster --type=merge -p '{"spec":{"trustedCA":{"name":"user-ca-bundle"}}}'. """
    "If there is a trustedCA already, add the authority to that ConfigMap.",
)
INSTALLATION_INVALID = Problem(
    "operator-installation-invalid",
    "The operator cannot be installed like that",
    "The cluster would refuse some of its objects after it has taken others, or nodes could not pull its image. Nothing was "
    "printed.",
    "Correct the option that is named. A namespace has at most 63 lower case letters, digits and -, a Secret and a ConfigMap "
    "may have dots too; an image is HOST/PATH:TAG or HOST/PATH@DIGEST in your registry, without a scheme.",
)
UPDATE_SERVICE_INSIDE = Problem(
    "update-service-inside",
    "The address of the update service is found by pods of its cluster alone",
    "Other clusters do not reach a Service. Nor does the Cluster Version Operator of the same cluster find it by its name, as it asks "
    "the DNS of its node. It would get no updates at all. ClusterVersion was not changed.",
    "Expose the service: leave out --exposure None where the cluster has Routes, else --exposure Ingress with a --host, or HTTPRoute "
    "with a --gateway and a --host (spec.exposure of one that is there). Where the DNS of the nodes leads the names of Services to "
    "them, apply the patch that is printed without --point-cluster.",
)
NO_CLUSTER_VERSION = Problem(
    "cluster-version-missing",
    "The cluster has no ClusterVersion",
    "That resource says where a cluster asks for updates. Only OpenShift and OKD have it.",
    "Leave out --point-cluster, and apply the patch that is printed to the clusters that are to be updated.",
)
