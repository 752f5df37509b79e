"""Logins and authorities of registries: which object has them, whether it can be used, and in the words of the reference
operator what is missing. Pure.

Nodes of OpenShift look into the ConfigMap with authorities for ``HOST..PORT``, the reference operator for the key
``updateservice-registry`` and no other. Here both count, for the hosts that they name.
"""

import base64
import binascii
from urllib.parse import urlsplit

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems.reconcile import PULL_SECRET_MISSING, REGISTRY_CA_MISSING, REGISTRY_CA_NONE
from upgraph.kube.kinds import CONFIG_MAP, IMAGE_CONFIG, SECRET
from upgraph.kube.objects import Object
from upgraph.oci import Repository
from upgraph.oci.trust.anchors import UPDATE_SERVICE_KEY, scope_of_key
from upgraph.operator.inputs.own import Own
from upgraph.operator.inputs.sources import release_sources
from upgraph.operator.inputs.values import PULL_SECRET_KEY, Copy, Platform
from upgraph.operator.inputs.view import View, at, encoded_of, text_of
from upgraph.operator.installation.parameters import CLUSTER_PULL_SECRET, CONFIG_NAMESPACE
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import UpdateService
from upgraph.syntax.pem import parse_pem

NOT_CONFIGURED = "NotConfigured"
"""Reason of RegistryCACertFound where nobody asks for an authority, which is no fault."""
FIND_FAILED = "FindAdditionalTrustedCAFailed"
ENSURE_FAILED = "EnsureAdditionalTrustedCAFailed"
PULL_SECRET_NOT_FOUND = "PullSecretNotFound"  # noqa: S105  # a word


def gather_pull_secret(service: UpdateService, view: View, platform: Platform) -> tuple[Copy, Trouble | None]:
    """The logins, and what is wrong with them."""
    names = _names(service)
    is_there = Own(view, service).find(SECRET, names.pull_secret) is not None
    if service.spec.credentials is not None:
        namespace, name = names.namespace, service.spec.credentials.secret
    elif platform.image_config:
        namespace, name = CONFIG_NAMESPACE, CLUSTER_PULL_SECRET
    else:
        return Copy(), None
    source = view.find(SECRET, namespace, name)
    fault = "is not there, or may not be read" if source is None else _login_fault(source)
    if source is None or fault:
        seen = f"the Secret {namespace}/{name} {fault}"
        return Copy(None, is_there, is_wanted=True), Trouble(PULL_SECRET_NOT_FOUND, PULL_SECRET_MISSING, seen)
    return Copy(encoded_of(source), is_there, is_wanted=True), None


def gather_authorities(service: UpdateService, view: View, platform: Platform) -> tuple[Copy, Trouble | None]:
    """The authorities of registries, and what is wrong with them."""
    names = _names(service)
    is_there = Own(view, service).find(CONFIG_MAP, names.trusted_ca) is not None
    kept = Copy(None, is_there, is_wanted=True)
    if service.spec.trust is not None:
        namespace, name = names.namespace, service.spec.trust.config_map
    else:
        namespace, name = CONFIG_NAMESPACE, authorities_of_cluster(view)
        image = view.find(IMAGE_CONFIG, "", "cluster")
        if platform.image_config and image is None:
            seen = "image.config.openshift.io/cluster is not there, or may not be read"
            return kept, Trouble(FIND_FAILED, REGISTRY_CA_MISSING, seen)
        if not name:
            where = (
                "image.config.openshift.io/cluster names no ConfigMap" if image else "no ConfigMap is named"
            )
            seen = f"{where} with authorities (spec.additionalTrustedCA.name; spec.trust.configMap of the UpdateService)"
            return Copy(), Trouble(NOT_CONFIGURED, REGISTRY_CA_NONE, seen)
    source = view.find(CONFIG_MAP, namespace, name)
    if source is None:
        seen = f"the ConfigMap {namespace}/{name} is not there, or may not be read"
        return kept, Trouble(FIND_FAILED, REGISTRY_CA_MISSING, seen)
    return _authorities(service, source, f"the ConfigMap {namespace}/{name}", is_there=is_there)


def authorities_of_cluster(view: View) -> str:
    """The name of the ConfigMap with the authorities that the configuration of the cluster names; empty if none."""
    named = at(view.find(IMAGE_CONFIG, "", "cluster"), "spec", "additionalTrustedCA").get("name")
    return str(named or "")


def _authorities(
    service: UpdateService, source: Object, called: str, *, is_there: bool
) -> tuple[Copy, Trouble | None]:
    usable, broken = {}, []
    for key, text in sorted(text_of(source).items()):
        if not _counts(key):
            continue
        if any(block.is_certificate and block.content for block in parse_pem(text).blocks):
            usable[key] = text
        else:
            broken.append(key)
    if not usable:
        what = f"no certificate under {', '.join(broken)}" if broken else f"no key {UPDATE_SERVICE_KEY}"
        trouble = Trouble(ENSURE_FAILED, REGISTRY_CA_MISSING, f"{called} has {what}")
        return Copy(None, is_there, is_wanted=True), trouble
    copied = Copy(usable, is_there, is_wanted=True)
    if broken:
        seen = f"{called} has no certificate under {', '.join(broken)}"
        return copied, Trouble(ENSURE_FAILED, REGISTRY_CA_MISSING, seen)
    if UPDATE_SERVICE_KEY not in usable and not _covers(usable, service):
        seen = f"{called} has no key {UPDATE_SERVICE_KEY}, and none for a registry of the UpdateService"
        return copied, Trouble(ENSURE_FAILED, REGISTRY_CA_MISSING, seen)
    return copied, None


def _counts(key: str) -> bool:
    # As the service itself reads the directory.
    return key == UPDATE_SERVICE_KEY or key.endswith((".pem", ".crt")) or scope_of_key(key) is not None


def _covers(keys: dict[str, str], service: UpdateService) -> bool:
    scopes = {scope_of_key(key) for key in keys}
    try:
        places = [urlsplit(Repository.parse(one).url) for one in release_sources(service.spec)]
    except UserError:
        return False
    return any(((place.hostname or "").lower(), place.port or 443) in scopes for place in places)


def _login_fault(secret: Object) -> str:
    encoded = encoded_of(secret).get(PULL_SECRET_KEY)
    if encoded is None:
        return f"has no key {PULL_SECRET_KEY}"
    try:
        document = msgspec.json.decode(base64.b64decode(encoded, validate=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
        return f"has no JSON under {PULL_SECRET_KEY}"
    return "" if isinstance(document, dict) else f"has no logins under {PULL_SECRET_KEY}"


def _names(service: UpdateService) -> Names:
    return Names(service.metadata.namespace, service.metadata.name)
