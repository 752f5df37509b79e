"""Problems of logging in, of pull secrets and of giving an authority to a cluster."""

from upgraph.errors.problem import Problem

AUTH_FILE_UNWRITABLE = Problem(
    "auth-file-unwritable",
    "The file with registry credentials cannot be written",
    "The login was not saved. The file is as it was before, because it is replaced only as a whole.",
    "Name a file that you may write with --to FILE. Its directory must be writable too, as the new file is made "
    "beside the old one. A mounted secret is changed where it comes from, not where it is mounted.",
)
LOGIN_INPUT = Problem(
    "registry-login-input",
    "A user name or a password cannot be used",
    "Without both of them nothing can be shown to the registry. What registries cannot read back must not be saved.",
    "Give --username NAME and the password at the prompt, or through a pipe with --password-stdin. In scripts: "
    "upgraph registry login HOST --username NAME --password-stdin < FILE. A user name has no colon.",
)
NOT_LOGGED_IN = Problem(
    "registry-not-logged-in",
    "There is no login to remove",
    "The file has no entry of this registry, so nothing was changed. The login may be in another file.",
    "upgraph registry check HOST/REPOSITORY says which file has the login. Name that file with --to.",
)
HELPER_FOR_HOST = Problem(
    "registry-login-helper",
    "A credential helper keeps the logins of this registry",
    "The file names the helper for the whole host (credHelpers), and it is asked before the file. A login for a path "
    "would be saved and never be used.",
    "Log in to the host without a path, which hands the login to the helper. Or take the host out of credHelpers, or "
    "save the login in another file with --to FILE.",
)
PULL_SECRET = Problem(
    "pull-secret-form",
    "A Secret is no pull secret",
    "Container engines read a Secret of type kubernetes.io/dockerconfigjson with the key .dockerconfigjson. In "
    "another one they would not find the logins, and the wrong Secret must not be changed by mistake.",
    "Check the name with --secret NAMESPACE/NAME. A new one is made with kubectl create secret docker-registry, or "
    "kubectl create secret generic NAME --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE.",
)
NOTHING_TO_CHANGE = Problem(
    "pull-secret-nothing",
    "No login was given for the pull secret",
    "Nothing would be changed, which is not what the command was called for.",
    "Name what shall be in it: --registry HOST[/PATH]=USER asks for the password, --from FILE takes all logins of "
    "a file that upgraph registry login, podman login or docker login has written.",
)
UNCONFIRMED = Problem(
    "change-unconfirmed",
    "A change was not confirmed",
    "A pull secret is shared by a whole cluster, so it is not changed before a person, or a script that says so, has "
    "agreed to the difference.",
    "Read the difference above. Then call the command again with --yes.",
)
TRUST_KEY = Problem(
    "trust-registry-name",
    "A registry cannot be a key of the ConfigMap",
    "Nodes find the authority of a registry by its key, HOST..PORT or HOST, and Kubernetes allows letters, digits, "
    "'-', '_' and '.' in it. Under another key the authority would not be found.",
    "Write --registry HOST:PORT=FILE, or HOST=FILE for port 443, as in the pull specs of its images. An IPv6 address "
    "cannot be a key: give the registry a name.",
)
TRUST_CERTIFICATE = Problem(
    "trust-certificate",
    "A file of certificates is not fit to be trusted",
    "A ConfigMap is readable by many. A private key in it would be public, and certificates that are no authority are "
    "not believed by the nodes.",
    "Give the certificate of the authority in PEM form, and nothing else. Take private keys out of the file; one that "
    "was published already has to be replaced. upgraph trust explain FILE says what is in it.",
)
TRUST_DATES = Problem(
    "trust-certificate-dates",
    "A certificate to be trusted is out of its dates",
    "Nodes refuse what it has signed, unless the authority has a newer certificate of the same key.",
    "Ask those who run the authority for its present certificate, and compare the clock of this machine.",
)
TRUST_SELF_ISSUED = Problem(
    "trust-certificate-server",
    "A certificate to be trusted is that of a server, not of an authority",
    "It is believed for this one server and has to be given anew each time that the server gets another one.",
    "Better give the certificate of the authority that issues it. If there is none, go on.",
)
TRUST_UPDATE_SERVICE = Problem(
    "trust-update-service-missing",
    "The ConfigMap has no key for the update service",
    "The operator of the update service looks for the key updateservice-registry alone. Without it the update service "
    "does not trust the registry, although the nodes do.",
    "Add --update-service FILE with the authority of the registry that holds the release images.",
)
TRUST_SUBJECT = Problem(
    "trust-subject",
    "What is to be explained cannot be found",
    "It is neither a file or directory on this machine nor a server with a port.",
    "Check the path, or write HOST:PORT.",
)
