"""What can never work in an UpdateService, each rule once: as an expression for the API server and as a check here.

The expressions are CEL and go into the definition of the resource (``x-kubernetes-validations``), so that the API server
refuses what breaks them with the same words as ``upgraph updateservice create``. Only functions that every API server
since Kubernetes 1.26 has are used. A rule says what is wrong whatever the cluster has; what a cluster may lack today and
have tomorrow is a condition of the status instead.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from upgraph.operator.resource.names import LONGEST_NAME_CHARACTERS, MAX_LABEL_CHARACTERS
from upgraph.operator.resource.rule import LABEL, PORT, Fault, Rule, fits, lacks, matching, quoted, where
from upgraph.operator.resource.update_service import (
    Exposure,
    Signatures,
    UpdateService,
    UpdateServiceSpec,
    Versions,
    Volume,
)

T = TypeVar("T")

_HOST = rf"^{LABEL}(\.{LABEL})*$"
_DIGEST = "@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
_REPOSITORY_CHARACTERS = r"^[A-Za-z0-9._:/@\[\]-]*$"
_IMAGE_CHARACTERS = r"^[A-Za-z0-9._:/@\[\]+-]*$"


_HAS_PORT = r"^[^/]*:[^/\]:]*/"
_GOOD_PORT = rf"^[^/]*:{PORT}/"
_BAD_JOINTS = r"/[^@:]*([.][._-]|[_-][.]|_-|-_|___|[._-](/|@|:|$))|/[._-]"
_HAS_HOST = r"^[^/]*[.:\]][^/]*(/|$)|^localhost/|^[^/]*$"
_HAS_TAG = "/[^/@]*:[^/]*$"
_GOOD_TAG = "/[^/@:]*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@[^/]*)?$"
_UPPER_CASE = "/[^@:]*[A-Z]"

_PORT_OF_A_NAME: Rule[str] = Rule(
    f"self.contains('://') || !{matching(_HAS_PORT)[0]} || {matching(_GOOD_PORT)[0]}",
    "must have a port from 1 to 65535 between : and the first slash",
    lambda text: "://" in text or not matching(_HAS_PORT)[1](text) or matching(_GOOD_PORT)[1](text),
)
_PARTS_OF_A_NAME = lacks(
    _BAD_JOINTS,
    "has a part between slashes that no registry takes: its letters and digits are joined by one dot, by one or two _, "
    "or by -",
)

RELEASES: tuple[Rule[str], ...] = (
    Rule(
        "self.contains('/')",
        "must be HOST/PATH, for example registry.example:5000/ocp/release: it has no path",
        lambda text: "/" in text,
    ),
    Rule(
        "!self.contains('://')",
        "must have no scheme, because it stands before @sha256:... in pull specs: leave out what is before the host",
        lambda text: "://" not in text,
    ),
    Rule(
        "!self.contains('@')",
        "must have no digest, because releases are found by the tags of the repository: leave out @ and what follows",
        lambda text: "@" not in text,
    ),
    lacks(
        "/[^/@]*:[^/]*$", "must have no tag, because all tags of the repository are read: leave out the tag"
    ),
    lacks("/.*[A-Z]", "must have no upper case letters in the path, because registries do not allow them"),
    fits(
        _HAS_HOST,
        "must have a host with a dot or a port, for example registry:443/ocp/release: without them container "
        "engines take it for a path on Docker Hub",
    ),
    fits(_REPOSITORY_CHARACTERS, "has a character that no name of a repository can have"),
    lacks("[^:]//|^/|/$", "must have a name between any two slashes"),
    _PORT_OF_A_NAME,
    _PARTS_OF_A_NAME,
)
"""About ``releases`` and each of ``additionalReleases``."""

GRAPH_DATA_IMAGE: tuple[Rule[str], ...] = (
    Rule(
        "self != ''",
        "must name the image with the graph data, for example registry.example:5000/openshift/graph-data:latest",
        lambda text: text != "",
    ),
    Rule(
        "!self.contains('://')",
        "must have no scheme, because nodes pull it: leave out what is before the host",
        lambda text: "://" not in text,
    ),
    Rule(
        f"!self.contains('@') || {matching(_DIGEST)[0]}",
        "must end in a digest after @, for example @sha256: and 64 digits from 0 to 9 and a to f",
        lambda text: "@" not in text or matching(_DIGEST)[1](text),
    ),
    fits(_IMAGE_CHARACTERS, "has a character that no name of an image can have"),
    Rule(
        "self == '' || self.contains('/')",
        "must be HOST/PATH, for example registry.example:5000/openshift/graph-data:latest: it names no registry",
        lambda text: text == "" or "/" in text,
    ),
    fits(
        _HAS_HOST,
        "must have a host with a dot or a port, for example registry:443/openshift/graph-data: without them container "
        "engines take it for a path on Docker Hub",
    ),
    where(
        _HAS_TAG,
        _GOOD_TAG,
        "must have a tag of at most 128 letters, digits, ., _ and - after :, and no . or - at its beginning",
    ),
    lacks(_UPPER_CASE, "must have no upper case letters in the path, because registries do not allow them"),
    lacks("[^:]//|^/|/$", "must have a name between any two slashes"),
    _PORT_OF_A_NAME,
    _PARTS_OF_A_NAME,
)

HOST: tuple[Rule[str], ...] = (
    fits(_HOST, "must be a name of the DNS in lower case, without scheme, port and path"),
    Rule(
        f"self.split('.').all(label, size(label) <= {MAX_LABEL_CHARACTERS})",
        "host must conform to DNS 1123 naming convention and must be no more than 63 characters between two dots",
        lambda text: all(len(label) <= MAX_LABEL_CHARACTERS for label in text.split(".")),
    ),
)

EXPOSURE: tuple[Rule[Exposure], ...] = (
    Rule(
        "self.type != 'Route' || (!has(self.ingressClassName) && !has(self.gateway))",
        "type Route has neither ingressClassName nor gateway: remove them, or choose type Ingress or HTTPRoute",
        lambda one: one.type != "Route" or (one.ingress_class_name is None and one.gateway is None),
    ),
    Rule(
        "self.type != 'Ingress' || !has(self.gateway)",
        "type Ingress has no gateway: remove it, or choose type HTTPRoute",
        lambda one: one.type != "Ingress" or one.gateway is None,
    ),
    Rule(
        "self.type != 'Ingress' || has(self.host)",
        "type Ingress needs a host: without one nobody can say at which address clusters find the service",
        lambda one: one.type != "Ingress" or one.host is not None,
    ),
    Rule(
        "self.type != 'HTTPRoute' || has(self.host)",
        "type HTTPRoute needs a host: a Gateway may serve many, and nobody can say at which one clusters find the service",
        lambda one: one.type != "HTTPRoute" or one.host is not None,
    ),
    Rule(
        "self.type != 'HTTPRoute' || has(self.gateway)",
        "type HTTPRoute needs a gateway: name the Gateway that the route is attached to",
        lambda one: one.type != "HTTPRoute" or one.gateway is not None,
    ),
    Rule(
        "self.type != 'HTTPRoute' || (!has(self.ingressClassName) && !has(self.tlsSecret))",
        "type HTTPRoute has neither ingressClassName nor tlsSecret: the listener of the Gateway has the certificate",
        lambda one: one.type != "HTTPRoute" or (one.ingress_class_name is None and one.tls_secret is None),
    ),
    Rule(
        "self.type != 'None' || (!has(self.host) && !has(self.tlsSecret) && !has(self.ingressClassName)"
        " && !has(self.gateway) && (!has(self.annotations) || size(self.annotations) == 0)"
        " && (!has(self.labels) || size(self.labels) == 0))",
        "type None exposes nothing, so host, tlsSecret, ingressClassName, gateway, annotations and labels have no meaning: "
        "remove them, or choose another type",
        lambda one: one.type != "None" or one == Exposure(type="None"),
    ),
    Rule(
        "!(has(self.ingressClassName) && has(self.gateway))",
        "has an ingressClassName and a gateway, so it is not clear what is meant: remove one of them",
        lambda one: one.ingress_class_name is None or one.gateway is None,
    ),
)

SIGNATURES: tuple[Rule[Signatures], ...] = (
    Rule(
        "!self.required || has(self.keyringSecret) || has(self.keyringConfigMap)",
        "required needs a keyring: name a Secret or a ConfigMap with the keys that are trusted (keyringSecret, "
        "keyringConfigMap)",
        lambda one: not one.required or one.keyring_secret is not None or one.keyring_config_map is not None,
    ),
    Rule(
        "!self.required || has(self.source)",
        "required needs source, which says where the signatures are: without it no release could ever be verified",
        lambda one: not one.required or one.source is not None,
    ),
    Rule(
        "!(has(self.keyringSecret) && has(self.keyringConfigMap))",
        "has a keyringSecret and a keyringConfigMap: remove one of them",
        lambda one: one.keyring_secret is None or one.keyring_config_map is None,
    ),
)

SIGNATURE_SOURCE: tuple[Rule[str], ...] = (
    fits(
        "^(https?|docker)://[^/?#]",
        "must be an address with a host and the scheme https, http or docker, because a pod has no directory with signatures",
    ),
    fits("^[!-~]*$", "has a character that no address can have"),
    where(
        # What stands before @ is a login, which may have a colon too.
        r"^[a-z]+://([^/?#]*@)?[^/?#@]*:[^/?#\]:@]+([/?#]|$)",
        rf"^[a-z]+://[^/?#]*:{PORT}([/?#]|$)",
        "must have a port from 1 to 65535 behind the host, or none",
    ),
    where(
        "^docker://[^/?#]",
        "^docker://[^/]+/[^/]",
        "must have a path behind the host, as in docker://registry.example/openshift/signatures:latest",
    ),
)

VOLUME: tuple[Rule[Volume], ...] = (
    Rule(
        "has(self.claimName) != has(self.size)",
        "needs either claimName, a claim that exists, or size, of a volume that is made",
        lambda one: (one.claim_name is None) != (one.size is None),
    ),
    Rule(
        "!has(self.storageClassName) || has(self.size)",
        "storageClassName needs size: a claim that exists has its class already",
        lambda one: one.storage_class_name is None or one.size is not None,
    ),
)

VERSIONS: tuple[Rule[Versions], ...] = (
    Rule(
        "has(self.configMap) != has(self.allow)",
        "needs either configMap, which holds the list, or allow, which is the list",
        lambda one: (one.config_map is None) != (not one.allow),
    ),
)

SPEC: tuple[Rule[UpdateServiceSpec], ...] = (
    Rule(
        "!has(self.autoscaling) || self.autoscaling.maxReplicas >= self.replicas",
        "autoscaling.maxReplicas must not be less than replicas, which is the least number of replicas",
        lambda one: one.autoscaling is None or one.autoscaling.max_replicas >= one.replicas,
    ),
    Rule(
        "!has(self.volume) || !has(self.volume.claimName) || (self.replicas == 1 && !has(self.autoscaling))",
        "volume.claimName serves one replica alone, as two would overwrite each other's state: give each a volume of its "
        "own with volume.size, or leave volume out, since replicas take their graph from each other",
        lambda one: (
            one.volume is None
            or one.volume.claim_name is None
            or (one.replicas == 1 and one.autoscaling is None)
        ),
    ),
)

NAME: tuple[Rule[str], ...] = (
    Rule(
        f"self.metadata.name.matches({quoted(f'^{LABEL}$')})",
        "the name may have lower case letters, digits and - alone, because Services and hosts are named after it",
        matching(f"^{LABEL}$")[1],
    ),
    Rule(
        f"size(self.metadata.name) <= {LONGEST_NAME_CHARACTERS}",
        f"the name may have at most {LONGEST_NAME_CHARACTERS} characters, because its Services could not exist otherwise",
        lambda name: len(name) <= LONGEST_NAME_CHARACTERS,
    ),
)
"""About the object as a whole, where CEL sees the name."""


def _no_copy(
    field: str, suffix: str, named: Callable[[UpdateServiceSpec], str | None]
) -> Rule[UpdateService]:
    part = field.partition(".")[0]
    return Rule(
        f"!has(self.spec.{part}) || !has(self.spec.{field}) || self.spec.{field} != self.metadata.name + '{suffix}'",
        f"{field} must not be the name with {suffix} behind it: so is the copy called that pods read. Give it another name",
        lambda one: named(one.spec) != f"{one.metadata.name}{suffix}",
    )


COPIES: tuple[Rule[UpdateService], ...] = (
    _no_copy(
        "credentials.secret",
        "-pull-secret",
        lambda spec: spec.credentials.secret if spec.credentials else None,
    ),
    _no_copy("trust.configMap", "-trusted-ca", lambda spec: spec.trust.config_map if spec.trust else None),
    _no_copy(
        "versions.configMap",
        "-versions",
        lambda spec: spec.versions.config_map if spec.versions else None,
    ),
)
"""About the object as a whole: what it names must not be what the operator writes and takes away."""


def faults(service: UpdateService) -> tuple[Fault, ...]:
    """All rules that an UpdateService breaks, by path.

    An object that an older definition has let in may break some.
    """
    spec = service.spec
    found = [
        *_broken("metadata.name", service.metadata.name, NAME),
        *_broken("metadata.name", service, COPIES),
        *_broken("spec", spec, SPEC),
        *_broken("spec.releases", spec.releases, RELEASES),
        *_broken("spec.graphDataImage", spec.graph_data_image, GRAPH_DATA_IMAGE),
        *_broken("spec.exposure", spec.exposure, EXPOSURE),
        *_broken("spec.signatures", spec.signatures, SIGNATURES),
    ]
    for number, repository in enumerate(spec.additional_releases):
        found += _broken(f"spec.additionalReleases[{number}]", repository, RELEASES)
    if spec.signatures.source is not None:
        found += _broken("spec.signatures.source", spec.signatures.source, SIGNATURE_SOURCE)
    if spec.exposure.host is not None:
        found += _broken("spec.exposure.host", spec.exposure.host, HOST)
    if spec.volume is not None:
        found += _broken("spec.volume", spec.volume, VOLUME)
    if spec.versions is not None:
        found += _broken("spec.versions", spec.versions, VERSIONS)
    return tuple(sorted(found))


def _broken(path: str, part: T, rules: Sequence[Rule[T]]) -> Iterable[Fault]:
    return (Fault(path, rule.message) for rule in rules if not rule.holds(part))
