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
    "with upgraph pull-secret show, and call the command again.",
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
    "Use a context with more rights, or grant get and patch on this Secret: kubectl auth can-i patch secret/NAME "
    "-n NAMESPACE.",
)
KUBE_NOT_FOUND = Problem(
    "kube-not-found",
    "The cluster does not have the object",
    "There is nothing of this name to read or change. Other clusters than OpenShift have no openshift-config/pull-secret.",
    "Check the name and the namespace, and that this is the right cluster (kubectl config current-context). Name "
    "another Secret with --secret NAMESPACE/NAME.",
)
KUBE_CONFLICT = Problem(
    "kube-conflict",
    "The object was changed by somebody else meanwhile",
    "What was shown as the difference is no longer true, so nothing was written, and the change of the other one is "
    "kept.",
    "Call the command again. It reads the object anew and shows the difference from what is there now.",
)
KUBE_REFUSED = Problem(
    "kube-refused",
    "The cluster refuses a request",
    "The object would not be valid, is immutable, or a policy of the cluster forbids the change. Nothing was changed.",
    "Read the reason that the cluster gives. An immutable Secret has to be deleted and made anew.",
)
KUBE_FAULT = Problem(
    "kube-fault",
    "An API server answers with an error or with what is no answer",
    "The server, or a proxy before it, is not well. Whether a change has been made is not known.",
    "Try again. If it goes on, look at kubectl get --raw /readyz and at what stands between here and the server.",
)
