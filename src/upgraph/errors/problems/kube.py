"""Problems of the kube room: reaching a cluster, and what its API answers."""

from upgraph.errors.problem import Problem

KUBECONFIG = Problem(
    "kube-config",
    "The configuration of the access to a cluster cannot be used",
    "It says where the cluster is, whom to trust there and who we are. Without it no cluster is asked.",
    "Name a file with --kubeconfig, or set KUBECONFIG, and choose a context with --context. Try it with kubectl: "
    "kubectl --kubeconfig FILE --context NAME get --raw /version. In a pod the mounted service account is used.",
)
KUBE_UNREACHABLE = Problem(
    "kube-unreachable",
    "The API server of a cluster cannot be reached",
    "Nothing can be read or changed in the cluster now. Whether a change that was under way has been made is not "
    "known.",
    "Check the address of the server in the kubeconfig, the network and the proxy (HTTPS_PROXY, NO_PROXY). Then look "
    "what the object is now, and call the command again. An operator tries again by itself.",
)
KUBE_UNTRUSTED = Problem(
    "kube-untrusted",
    "The certificate of an API server is not trusted",
    "Whoever answers cannot prove to be the cluster, so neither a token nor a pull secret is sent.",
    "Use a kubeconfig with the right certificate-authority-data: a new one from the installation, or log in anew. "
    "upgraph trust explain HOST:PORT shows what the server offers.",
)
KUBE_UNAUTHORIZED = Problem(
    "kube-unauthorized",
    "The cluster does not know who we are",
    "The token or the client certificate of the kubeconfig has ended or belongs to another cluster.",
    "Log in to the cluster anew, for example with oc login, and try kubectl auth whoami.",
)
KUBE_FORBIDDEN = Problem(
    "kube-forbidden",
    "The cluster does not allow this to the account",
    "The account is known but may not read or change the object. Nothing was changed.",
    "Use a context with more rights, or grant the verb and the resource that the message names. kubectl auth can-i "
    "VERB RESOURCE/NAME -n NAMESPACE tells whether it is granted; for upgraph pull-secret these are get and patch on "
    "the one Secret. In a namespace that is being deleted nothing can be made.",
)
KUBE_NOT_FOUND = Problem(
    "kube-not-found",
    "The cluster does not have the object",
    "There is nothing of this name to read or change. Other clusters than OpenShift have no openshift-config/pull-secret.",
    "Check the name and the namespace, and that this is the right cluster (kubectl config current-context). "
    "upgraph pull-secret takes another Secret with --secret NAMESPACE/NAME.",
)
KUBE_NO_KIND = Problem(
    "kube-no-kind",
    "The cluster does not have this kind of objects",
    "The API server knows no such resource in this version, so objects of this kind can be neither read nor made.",
    "Look with kubectl api-resources whether the kind is there. If not, install its CustomResourceDefinition; that of "
    "UpdateService comes with the operator, and is had alone by upgraph operator manifests --crd-only | kubectl apply --server-side -f -.",
)
KUBE_CONFLICT = Problem(
    "kube-conflict",
    "The object was changed by somebody else meanwhile",
    "What was decided about it is no longer true, so nothing was written, and the change of the other one is kept.",
    "Call the command again. It reads the object anew and decides from what is there now.",
)
KUBE_EXISTS = Problem(
    "kube-exists",
    "The cluster has an object of this name already",
    "It was to be made anew, and what is there was left as it is.",
    "Choose another name, or look with kubectl get KIND NAME -n NAMESPACE -o yaml what is there and whether it can go.",
)
KUBE_FIELD_CONFLICT = Problem(
    "kube-field-conflict",
    "Fields of the object belong to another manager",
    "Somebody else has set these fields to other values (kubectl apply, another operator). Nothing was changed, as each "
    "of the two would put its own values back for ever.",
    "kubectl get KIND NAME -o yaml --show-managed-fields shows who manages what. Let one of them give up the fields.",
)
KUBE_REFUSED = Problem(
    "kube-refused",
    "The cluster refuses a request",
    "The object would not be valid, is immutable, or a policy of the cluster forbids the change. Nothing was changed.",
    "Read the reason that the cluster gives. An immutable object has to be deleted and made anew.",
)
KUBE_THROTTLED = Problem(
    "kube-throttled",
    "An API server has too much to do",
    "It turns requests away to protect itself. Nothing was changed by this one.",
    "Wait, and call the command again; an operator does so by itself. If it goes on, look for what overloads the API "
    "server: kubectl get --raw /debug/api_priority_and_fairness/dump_priority_levels.",
)
KUBE_EXPIRED = Problem(
    "kube-expired",
    "An API server no longer knows the version from which to go on",
    "It keeps a few minutes of history. What happened since then cannot be told one by one, so everything is read anew.",
    "Nothing has to be done. If it happens all the time, the API server or etcd is overloaded, or its clock jumps.",
)
KUBE_LEASE_LOST = Problem(
    "kube-lease-lost",
    "The Lease that says who works is held no longer",
    "Two that do the same work at once would undo what the other one does, so this one has stopped before another begins.",
    "A pod starts again by itself and waits for its turn. If it happens often, the API server is slow or hard to reach: "
    "kubectl get lease NAME -n NAMESPACE -o yaml shows who holds it and how often it has changed hands.",
)
KUBE_FAULT = Problem(
    "kube-fault",
    "An API server answers with an error or with what is no answer",
    "The server, or a proxy before it, is not well. Whether a change has been made is not known.",
    "Try again. If it goes on, look at kubectl get --raw /readyz and at what stands between here and the server.",
)
