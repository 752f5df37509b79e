"""Problems of an UpdateService on its way to a running service, as conditions of the resource tell them."""

from upgraph.errors.problem import Problem

ROUTE_NAME = Problem(
    "route-name",
    "The Route of an UpdateService can get no host",
    "OpenShift makes the host of a Route from its name and its namespace, and a part of a host has 63 characters at "
    "most. Without a host no cluster reaches the service from outside; all else is made.",
    "Make the UpdateService anew under a shorter name, or name a host with spec.exposure.host.",
)
EXPOSURE_UNAVAILABLE = Problem(
    "exposure-unavailable",
    "An UpdateService asks for an exposure that cannot be made",
    "The cluster does not have this kind of object, or the resource does not say enough for it. The service runs, and "
    "is reached inside the cluster alone.",
    "Choose another spec.exposure.type, name a gateway for HTTPRoute and a host for Ingress, or install what the cluster "
    "lacks. Auto takes what is there.",
)
EXPOSURE_NOT_ADMITTED = Problem(
    "exposure-not-admitted",
    "Nothing leads clusters to the service yet",
    "The object that exposes it is there, but the router, the gateway or the ingress controller has not taken it. What "
    "led to the service before is left, and so is its address.",
    "Look at the status of the object: kubectl describe route,httproute,ingress NAME-route. Another object may have "
    "its host, the gateway may not admit routes of this namespace, or no controller may serve the class. Where the object of "
    "before has the same host, delete that one yourself: nobody can see from outside which of the two answers.",
)
SERVING_CERTIFICATE = Problem(
    "serving-certificate",
    "The Secret with the certificate of an UpdateService cannot be used",
    "The address of the service goes on with the certificate that it had, or with that of the platform.",
    "Make a Secret of type kubernetes.io/tls in the namespace of the UpdateService: kubectl create secret tls NAME "
    "--cert=chain.pem --key=key.pem, which refuses a key that is not that of the certificate.",
)
CERTIFICATE_UNUSED = Problem(
    "certificate-unused",
    "The certificate that an UpdateService names is not used",
    "Clusters meet another certificate at the address, or none, and may not trust it.",
    "Take spec.exposure.tlsSecret out of the UpdateService, or ask for what uses it: spec.exposure.host for an Ingress, or the type "
    "Route where the cluster has Routes. With an HTTPRoute give the certificate to the listener of the Gateway "
    "(spec.listeners, tls.certificateRefs).",
)
ROUTE_TERMINATION = Problem(
    "route-termination",
    "The Route of an UpdateService leads TLS to pods that have none",
    "The pods answer in HTTP, so what the router sends them in TLS ends in an error, and clusters get no answer.",
    "Somebody has chosen this termination; it is kept, as all that is in spec.tls of a Route. Let the router end TLS: oc -n NAMESPACE "
    "patch route NAME --type=merge -p "
    """'{"spec":{"tls":{"termination":"edge","destinationCACertificate":null}}}'. A certificate of your own for the address goes """
    "into spec.exposure.tlsSecret.",
)
PULL_SECRET_MISSING = Problem(
    "pull-secret-missing",
    "The logins of the registries are not there",
    "Registries that ask for a login refuse the service. What it has learnt it goes on serving.",
    "Make the Secret that is named, of type kubernetes.io/dockerconfigjson, or name another with "
    "spec.credentials.secret. upgraph pull-secret show tells what a pull secret holds.",
)
REGISTRY_CA_MISSING = Problem(
    "registry-ca-missing",
    "The authorities of the registries cannot be used",
    "A registry with a certificate of the site's own authority is not trusted, and its releases cannot be read.",
    "Make the ConfigMap that is named with the key updateservice-registry: upgraph trust configmap --namespace NAMESPACE "
    "--name NAME --registry HOST:PORT=ca.pem --update-service ca.pem | kubectl apply -f -. On OpenShift image.config.openshift.io/cluster names it "
    "(spec.additionalTrustedCA.name), and the operator may read those ConfigMaps alone that it was installed with: upgraph "
    "operator manifests --image PULLSPEC --ca-configmap NAME | oc apply --server-side -f -, with the other options of the "
    "installation. Elsewhere the UpdateService names it (spec.trust.configMap).",
)
REGISTRY_CA_NONE = Problem(
    "registry-ca-none",
    "No authority for registries is configured",
    "That is right where registries have certificates of authorities that the image of the service knows. Otherwise "
    "their releases cannot be read.",
    "If a registry has a certificate of your own authority: upgraph trust configmap --update-service ca.pem --registry "
    "HOST:PORT=ca.pem makes the ConfigMap, and image.config.openshift.io/cluster spec.additionalTrustedCA.name names it.",
)
CLUSTER_CA_MISSING = Problem(
    "cluster-ca-missing",
    "The authorities of the cluster have not come yet",
    "A proxy that shows certificates of its own is not trusted until they are there. Pods that have them already are not "
    "changed without them.",
    "OpenShift fills ConfigMaps with the label config.openshift.io/inject-trusted-cabundle. Look at the cluster "
    "operator network (oc get clusteroperator network) and at oc get proxy cluster -o yaml.",
)
VERSIONS_MISSING = Problem(
    "versions-missing",
    "The list of promoted versions is not there",
    "Without it all updates would be offered, so the service is not changed, and not started if it did not run.",
    "Make the ConfigMap and the key that are named, or take spec.versions out of the UpdateService.",
)
VERSIONS_UNUSABLE = Problem(
    "versions-unusable",
    "The list of promoted versions of an UpdateService cannot be used",
    "Nobody can tell which updates it was to allow. The list that the pods read last stays in force; without one no pods are "
    "made or changed, as they would offer all updates.",
    "Correct what is named, in the ConfigMap or in spec.versions: one version a line, as 4.18.3 or 4.18.3+amd64, or a pattern "
    "such as 4.18.*; # begins a comment. To offer no update at all, name a version that does not exist, as 0.0.0. To offer all, "
    "take spec.versions out of the UpdateService.",
)
KEYRING_MISSING = Problem(
    "keyring-missing",
    "The public keys of releases are not there",
    "Without them no release could be verified, so the service is not changed, and not started if it did not run.",
    "Make the Secret or ConfigMap that is named, with one keyring a key: kubectl create secret generic NAME "
    "--from-file=keyring.gpg. Say with spec.signatures.source where the signatures are.",
)
VOLUME_SHARED = Problem(
    "volume-shared",
    "Several replicas cannot share one claim",
    "A state directory belongs to one service: two would overwrite each other's files. Nothing is changed.",
    "Give each replica a volume of its own with spec.volume.size, leave spec.volume out (replicas take their graph from "
    "each other), or use one replica.",
)
OBJECT_OF_ANOTHER = Problem(
    "object-of-another",
    "An object that an UpdateService needs belongs to somebody else",
    "It is left as it is, so that nothing of others is broken, and this part of the service is missing.",
    "Rename or delete the object that is named, or make the UpdateService anew under another name. What belongs to nobody is "
    "handed over to the operator, which changes it and takes it along in the end, with kubectl label KIND NAME "
    "app.kubernetes.io/managed-by=upgraph-operator.",
)
APPLY_REFUSED = Problem(
    "apply-refused",
    "The cluster refuses an object of an UpdateService",
    "This part is as it was before; all others are made. It is tried again when something changes.",
    "Read what the cluster says: a quota, a policy of admission or a missing right of the operator. The rights come with "
    "upgraph operator manifests, with the options of the installation.",
)
APPLY_FAILED = Problem(
    "apply-failed",
    "An object of an UpdateService could not be written",
    "The API server did not answer as it should. This part is as it was before, and is tried again by itself.",
    "If it goes on, look at the API server: kubectl get --raw /readyz.",
)
GRAPH_DATA_UNRESOLVED = Problem(
    "graph-data-unresolved",
    "The registry does not say what the graph-data image is now",
    "What was found last stays in use. A moved tag is not noticed until the registry answers.",
    "Check the image with upgraph doctor or skopeo inspect from inside the cluster, the CA (condition "
    "RegistryCACertFound), the login and the proxy. A pull spec by digest needs no answer.",
)
GRAPH_DATA_ERRORS = Problem(
    "graph-data-errors",
    "The graph data of an UpdateService has errors",
    "A set that is refused as a whole changes nothing: clusters get the graph of before, and nothing that was meant to be new. "
    "Of one that is not, the updates that a broken rule was to judge are withheld.",
    "Correct the files that are named where the graph data is kept, look at it with upgraph graph-data check, make the image "
    "anew and push it under the name of spec.graphDataImage; one that is named by digest is changed there.",
)
GRAPH_DATA_ASKING = Problem(
    "graph-data-asking",
    "The registry of the graph-data image is being asked",
    "The pods are started when it is known which image they run, so that they need not be started twice.",
    "Wait some seconds. A registry that does not answer is told after half a minute.",
)
NO_REPLICA_READY = Problem(
    "no-replica-ready",
    "No replica of the update service is ready",
    "Clusters get no answer. They keep the update recommendations that they have.",
    "Look at the pods: kubectl get pods -l app=NAME and kubectl describe pod. The message says what Kubernetes knows.",
)
PODS_REFUSED = Problem(
    "pods-refused",
    "The cluster lets no pods of the update service be made",
    "The pods that are there go on. A change of the UpdateService takes effect only in new ones.",
    "Read the words of the cluster: a ResourceQuota (raise it, or ask for less with spec.resources; while pods are replaced there "
    "is one more of them), a LimitRange, a policy of admission or of security. It is tried again by itself.",
)
PODS_FAILING = Problem(
    "pods-failing",
    "A pod of the update service does not run",
    "The other pods answer clusters, and pods from before a change answer as before it.",
    "Look at the pod that is named: kubectl describe pod NAME, and for a container that ends kubectl logs NAME --previous. "
    "Unschedulable: room on the nodes, spec.scheduling, spec.resources. An image that does not come: name, login, and the trust "
    "of the nodes in the registry.",
)
REPLICA_LOST = Problem(
    "replica-lost",
    "The node of a replica does not answer",
    "The other replicas answer clusters. Kubernetes starts another replica elsewhere when it gives up waiting for the node, "
    "which takes five minutes where nobody has said otherwise (spec.scheduling.tolerations).",
    "Look at the node: kubectl describe node NAME. Where it does not come back, kubectl delete node NAME ends the wait.",
)
REPLICAS_APART = Problem(
    "replicas-apart",
    "The replicas of an update service answer with different graphs",
    "Which updates a cluster is told of depends on the replica that it meets. A rollout, and the time until each replica has read "
    "its sources anew, are over: one of them does not see what the others see.",
    "Compare what the pods that are named say: kubectl logs POD. The conditions ReleasesReachable and GraphDataReady tell what "
    "one of them cannot read, often for the network or the name server of its node. kubectl delete pod POD has it begin anew.",
)
SERVICE_SILENT = Problem(
    "service-silent",
    "The status of the update service cannot be read",
    "It is not known what it, or the replica that is named, offers. Clusters may well get their answers.",
    "Check that the operator may reach port 9081 of the pods: a NetworkPolicy of the namespace, or an operator that runs "
    "outside of the cluster.",
)
URI_SILENT = Problem(
    "uri-silent",
    "The address that clusters are told does not answer",
    "The service runs, but what leads to it does not work as seen from here, and clusters may get no answer.",
    "Try it from a cluster: curl URI/api/upgrades_info/v1/graph?channel=stable-4.18. Look at the router or the ingress "
    "controller, at the name in the DNS and at the certificate.",
)
GRAPH_OLD = Problem(
    "graph-old",
    "The graph has not been renewed for a long time",
    "Clusters are answered with what was known then; new and recalled updates do not arrive.",
    "See which source cannot be read: the conditions ReleasesReachable and GraphDataReady, and the page of the status port.",
)
RELEASES_UNREADABLE = Problem(
    "releases-unreadable",
    "Releases cannot be read",
    "Clusters get the graph of before, or none if there was none.",
    "The message says what was seen. upgraph doctor in a pod of the service tells more: kubectl exec deployment/NAME -- "
    "upgraph doctor --running 1.",
)
URI_UNTRUSTED = Problem(
    "uri-untrusted",
    "Clusters do not trust the address of the update service",
    "The Cluster Version Operator refuses to ask a server whose certificate it cannot verify, and gets no updates.",
    "Give the authority to every cluster. kubectl -n NAMESPACE get updateservice NAME -o "
    "jsonpath='{.status.servingCA.certificate}' > FILE has it, then oc -n openshift-config create configmap user-ca-bundle "
    "--from-file=ca-bundle.crt="
    'FILE, then oc patch proxy/cluster --type=merge -p \'{"spec":{"trustedCA":{"name":"user-ca-bundle"}}}\'. Where '
    "that ConfigMap exists, add the certificate to it.",
)
DEFINITION_OLD = Problem(
    "definition-old",
    "The definition of UpdateService is older than the operator",
    "Fields of the spec that it does not know have no effect, and the status is told without size, digest and authority. "
    "What runs is not touched.",
    "Apply the definition of this operator: upgraph operator manifests --crd-only | kubectl apply --server-side "
    "--force-conflicts -f -. It accepts every UpdateService of the reference operator, and takes effect within a minute.",
)
OPERATOR_SETTING = Problem(
    "operator-setting",
    "The operator is not told what it needs",
    "It does not know which image to run, or where to listen, so nothing is made in the cluster.",
    "Name the image with --operand or RELATED_IMAGE_OPERAND. In a cluster upgraph operator manifests sets everything.",
)
OPERATOR_FAULT = Problem(
    "operator-fault",
    "The operator met a fault of its own",
    "What runs goes on as it is, but changes of this UpdateService have no effect. Others are looked after.",
    "Look into the log of the operator, which has all of it: kubectl -n NAMESPACE logs deployment/upgraph-operator. Report "
    "it with the UpdateService, without logins. It is tried again by itself.",
)
OPERATOR_NOT_READY = Problem(
    "operator-not-ready",
    "The operator has not read what it looks after",
    "UpdateServices keep running as they are; changes of them have no effect yet.",
    "Check the rights of its account (upgraph operator manifests prints them) and the API server.",
)
