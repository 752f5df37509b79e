"""What mends a problem of the running service where an UpdateService made it: fields, ConfigMaps and Secrets to change. Pure.

The service words its repairs for whoever starts it by hand, with its flags. Nobody can give those to pods of the operator, which
would put them back: what is not in this table and names a setting of the service is not repeated.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from upgraph.errors.problems import problem
from upgraph.service.configuration import SETTINGS

_FLAGS = "|".join(sorted((re.escape(one.name) for one in SETTINGS.values()), key=len, reverse=True))
_OF_THE_SERVICE = re.compile(rf"(?<![\w-])--(?:{_FLAGS})(?![\w-])|UPGRAPH_[A-Z]")
"""A flag of the service, or one of its variables."""

_LOGIN = (
    "the Secret of spec.credentials.secret (type kubernetes.io/dockerconfigjson, in the namespace of the UpdateService; on OpenShift "
    "without that field the pull secret of the cluster, openshift-config/pull-secret)"
)
_AUTHORITY = (
    "the ConfigMap of spec.trust.configMap, under the key updateservice-registry or HOST..PORT (on OpenShift without that field the "
    "one in openshift-config that spec.additionalTrustedCA of image.config.openshift.io/cluster names)"
)
_PROXY = (
    "On OpenShift the proxy is that of the cluster: oc edit proxy/cluster (httpProxy, httpsProxy, noProxy). Elsewhere the pods have "
    "the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the Deployment of the operator."
)
_RELEASES = "spec.releases and spec.additionalReleases"
_IMAGE = "Make the image anew (upgraph graph-data pack) or copy it again, and name it in spec.graphDataImage."
_KEYRING = "the Secret of spec.signatures.keyringSecret, or the ConfigMap of spec.signatures.keyringConfigMap"
_MEMORY = "If it was killed for its memory, raise spec.resources.limits.memory. kubectl logs POD --previous has its last lines."
_VOLUME = (
    "Give the pods another volume with spec.volume, larger or writable for them, or leave spec.volume out: then each has a "
    "directory of its node."
)
_SCRAPE = "The pods try again by themselves. kubectl logs deployment/NAME has the first failures."

REPAIRS: Mapping[str, str] = MappingProxyType(
    {
        # How registries are reached.
        "registry-untrusted": f"Put the certificate of the authority into {_AUTHORITY}. If the name or the dates are wrong, replace "
        "the certificate of the registry. It takes effect without a restart.",
        "registry-unauthorized": f"Put a login that may pull from the repository into {_LOGIN}. It takes effect without a restart.",
        "registry-forbidden": f"Give the account the right to pull from the repository, or put the login of another one into {_LOGIN}.",
        "registry-unreachable": "Check the name and the port where the UpdateService names them (spec.releases, spec.additionalReleases, "
        "spec.graphDataImage, spec.signatures.source), that the registry runs, the network between, and the NetworkPolicies of "
        f"the namespace. {_PROXY}",
        "registry-throttled": f"Put the login of an account with a higher limit into {_LOGIN}.",
        "registry-repository-missing": f"Check the path in {_RELEASES}, or in spec.graphDataImage, and that the account of {_LOGIN} "
        "may pull from it.",
        "oci-image-missing": "Compare the name in the UpdateService (spec.graphDataImage, spec.signatures.source) with what is in the "
        "registry; a name without a tag means latest. A release that is gone has to be mirrored again.",
        "oci-image-name": "Write the image into spec.graphDataImage as HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:DIGITS.",
        "oci-repository": f"Write each repository of {_RELEASES} as HOST[:PORT]/PATH, without scheme, tag and digest.",
        "oci-auth-file": f"Correct {_LOGIN}: JSON with an object named auths, as podman login or docker login write it.",
        "oci-credential-helper": f"Pods have no credential helpers. Put the login itself into {_LOGIN}, and take credHelpers and "
        "credsStore out of it.",
        "oci-ca": f"Correct the certificates, in PEM, in {_AUTHORITY}.",
        "oci-system-trust": f"Put the authorities into {_AUTHORITY}. Variables of the pods are set by the operator alone.",
        "proxy-login": f"Put user and password into the address of the proxy, as http://USER:PASSWORD@HOST:PORT. {_PROXY}",
        "proxy-refused": "Have the proxy allow CONNECT to this host and port, or have the host reached without it. "
        + _PROXY,
        "proxy-setting": f"Write the proxy as http://[USER:PASSWORD@]HOST:PORT or https://.... {_PROXY}",
        "proxy-unreachable": f"Check that the proxy runs, and its address. {_PROXY}",
        "proxy-exemption": "Write names (example.com, .example.com), addresses or networks (192.0.2.0/24), without scheme and path, "
        f"separated by commas. {_PROXY}",
        # What is read from them.
        "releases-empty": f"Check that {_RELEASES} name the repositories that hold release images, and that they were mirrored with "
        "their tags.",
        "listing-shrunk": "If they were not removed on purpose, mend the registry. Otherwise restart the pods, which begin with what "
        "is there: kubectl rollout restart deployment/NAME, and with spec.volume.claimName name another claim, or none.",
        "scrape-cut-short": _SCRAPE,
        "graph-data-image": f"Check that spec.graphDataImage names an image with graph data in it. {_IMAGE}",
        "graph-data-image-path": "The image has to have its data at /var/lib/cincinnati-graph-data, or a command that copies it to "
        f"/var/lib/cincinnati/graph-data. {_IMAGE}",
        "graph-data-layout": f"The set has to have version, channels/, blocked-edges/ and raw/metadata.json. {_IMAGE}",
        "graph-data-source": "The image has to have the directory with version, channels/, blocked-edges/ and raw/metadata.json at "
        "/var/lib/cincinnati-graph-data, or a command that copies it to /var/lib/cincinnati/graph-data, as any user. "
        + _IMAGE,
        "graph-data-unreadable": f"The files in the image have to be plain files that any user may read. {_IMAGE}",
        "graph-data-too-large": f"A file may have 4 MiB, a set 50,000 files and 256 MiB. {_IMAGE}",
        "graph-data-changing": "The container graph-data of the pod is still copying, or copies again and again: kubectl logs POD "
        "-c graph-data.",
        # Signatures and promoted versions.
        "keyring-invalid": f"Put public keys, as gpg --export writes them, into {_KEYRING}, one keyring a key.",
        "signature-store-failed": f"Check the address in spec.signatures.source, and the authority of its server in {_AUTHORITY}. "
        f"It is asked again with the next round. {_PROXY}",
        "signature-source-unusable": "Write into spec.signatures.source the http or https address of a signature store, or "
        "docker://HOST/PATH[:TAG] of an image that upgraph signatures push made.",
        "signatures-unreadable": "Write into spec.signatures.source the http or https address of a signature store, or "
        "docker://HOST/PATH[:TAG] of an image that upgraph signatures push made. A signature may have 1 MiB.",
        "signature-missing": "Bring the signature of the release to where spec.signatures.source says that signatures are (upgraph "
        f"signatures fetch, upgraph signatures push), or sign it with a key of your own that is in {_KEYRING}.",
        "signature-refused": "The reason stands beside each signature. If a key is unknown, compare fingerprints before you put it "
        f"into {_KEYRING}; if the content is bad, fetch signature and release again from their origin.",
        "promotion-invalid": "Write one version a line, as in 4.18.3 or 4.18.3+amd64, or a pattern such as 4.18.*, into the "
        "ConfigMap of spec.versions.configMap, or into spec.versions.allow. Correct the line that is named.",
        "promotion-empty": "Write the versions that clusters may be updated to into the ConfigMap of spec.versions.configMap, or into "
        "spec.versions.allow. To offer all updates, take spec.versions out of the UpdateService.",
        # The pods themselves.
        "answering-ended": _MEMORY,
        "builder-ended": _MEMORY,
        "state-unwritable": _VOLUME,
        "state-shared": "Give each replica a volume of its own with spec.volume.size, or use one replica with spec.volume.claimName, "
        "and no claim that another UpdateService has.",
        "source-missing": "Name the repository of the releases in spec.releases and the graph data in spec.graphDataImage.",
        "graph-stale": "The conditions ReleasesReachable and GraphDataReady say why the sources cannot be read.",
        "graph-not-ready": "Wait for the first reading to end. If it does not, kubectl logs deployment/NAME names what it waits for.",
    }
)
"""The repair by the reference of the problem."""


def repair(reference: str, said: str = "") -> str:
    """What is to be done about a problem, in the words of the resource; empty where nothing can be said in them.

    Args:
        reference: of the problem.
        said: the repair in the words of whoever found it, which may be a service of another version.
    """
    if reference in REPAIRS:
        return REPAIRS[reference]
    return next((one for one in (said, _documented(reference)) if one and not names_setting(one)), "")


def names_setting(text: str) -> bool:
    """Whether a text names a flag or a variable of the service, which nobody can give to pods of an UpdateService."""
    return _OF_THE_SERVICE.search(text) is not None


def _documented(reference: str) -> str:
    try:
        return problem(reference).remedy
    except KeyError:
        return ""
