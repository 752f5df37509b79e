"""From what is known of a cluster to the inputs of one UpdateService, with everything that is missing told. Pure.

The configuration of the cluster counts, unless the resource names a ConfigMap or a Secret of its own namespace. What was
there and is gone does not take away what runs: see :class:`~upgraph.operator.inputs.values.Copy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from upgraph.errors.problems.reconcile import (
    CLUSTER_CA_MISSING,
    KEYRING_MISSING,
    SERVING_CERTIFICATE,
    VOLUME_SHARED,
)
from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, GATEWAY, PROXY_CONFIG, ROUTE, SECRET
from upgraph.kube.objects import Kind, Object
from upgraph.operator.inputs.access import gather_authorities, gather_pull_secret
from upgraph.operator.inputs.key_pair import pair_fault
from upgraph.operator.inputs.own import Own
from upgraph.operator.inputs.promoted import gather_versions
from upgraph.operator.inputs.values import (
    CA_BUNDLE_KEY,
    Copy,
    GraphDataImage,
    Inputs,
    KeyPair,
    Keyrings,
    Live,
    Platform,
    ProxySettings,
    state_of,
)
from upgraph.operator.inputs.view import View, at, decoded_of, encoded_of, text_of
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import UpdateService

TLS_SECRET = "kubernetes.io/tls"  # noqa: S105  # a word
AUTHORITY_KEY = "ca.crt"
"""Under which those who make certificates put the authority beside them, such as cert-manager."""
CERTIFICATE_MARK = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is the same for all UpdateServices of one operator."""

    operand: str
    """The image of the service."""
    platform: Platform = field(default_factory=Platform)
    proxies: ProxySettings = field(default_factory=ProxySettings)
    """Of the operator itself; that of the cluster counts before it."""


@dataclass(slots=True)
class _Gathering:
    service: UpdateService
    view: View
    surroundings: Surroundings
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def names(self) -> Names:
        return Names(self.service.metadata.namespace, self.service.metadata.name)

    @property
    def own(self) -> Own:
        return Own(self.view, self.service)

    def check_copy(self, copy: Copy, kind: Kind, name: str) -> None:
        """Tell what is in the place of a copy that pods are to read."""
        hindrance = self.own.hindrance(kind, name) if copy.is_wanted else None
        if hindrance is not None:
            self.troubles.append(hindrance)


def gather(
    service: UpdateService, view: View, surroundings: Surroundings, graph_data: GraphDataImage
) -> Inputs:
    """The inputs of one UpdateService.

    Args:
        service: the resource.
        view: the cluster.
        surroundings: what is the same for all.
        graph_data: what is known of its graph-data image.
    """
    work = _Gathering(service, view, surroundings)
    proxies = _proxies(work)
    pull_secret, missing = gather_pull_secret(service, view, surroundings.platform)
    authorities, no_authority = gather_authorities(service, view, surroundings.platform)
    work.troubles += [one for one in (missing, no_authority) if one is not None]
    work.check_copy(pull_secret, SECRET, work.names.pull_secret)
    work.check_copy(authorities, CONFIG_MAP, work.names.trusted_ca)
    has_cluster_authorities = _cluster_authorities(work, proxies)
    versions, no_versions = gather_versions(work.own, work.names)
    work.troubles += [] if no_versions is None else [no_versions]
    keyrings, serving = _keyrings(work), _serving(work)
    work.check_copy(versions, CONFIG_MAP, work.names.versions)
    _check_volume(work)
    return Inputs(
        service=service,
        operand=surroundings.operand,
        platform=surroundings.platform,
        proxies=proxies,
        pull_secret=pull_secret,
        authorities=authorities,
        versions=versions,
        has_cluster_authorities=has_cluster_authorities,
        graph_data=graph_data,
        serving=serving,
        gateway_scheme=_gateway_scheme(work),
        keyrings=keyrings,
        live=_live(work),
        troubles=tuple(work.troubles),
    )


def _proxies(work: _Gathering) -> ProxySettings:
    status = at(work.view.find(PROXY_CONFIG, "", "cluster"), "status")
    names = ("httpProxy", "httpsProxy", "noProxy")
    if any(status.get(name) for name in names[:2]):
        return ProxySettings(*(str(status.get(name) or "") for name in names))
    return work.surroundings.proxies


def _cluster_authorities(work: _Gathering, proxies: ProxySettings) -> bool:
    """Whether the authorities that the cluster trusts are mounted: a proxy may show certificates of its own."""
    named = at(work.view.find(PROXY_CONFIG, "", "cluster"), "spec", "trustedCA").get("name")
    if not work.surroundings.platform.proxy_config or not (proxies.environment or named):
        return False
    hindrance = work.own.hindrance(CONFIG_MAP, work.names.cluster_ca)
    if hindrance is not None:
        work.troubles.append(hindrance)
        return False
    bundle = work.own.find(CONFIG_MAP, work.names.cluster_ca)
    if bundle is not None and CERTIFICATE_MARK in text_of(bundle).get(CA_BUNDLE_KEY, ""):
        return True
    seen = f"the ConfigMap {work.names.namespace}/{work.names.cluster_ca} has no key {CA_BUNDLE_KEY} with certificates"
    # Pods that have them would come back without, and once more with them a moment later.
    trouble = Trouble("EnsureTrustedClusterCAFailed", CLUSTER_CA_MISSING, seen, holds_pods=_are_mounted(work))
    work.troubles.append(trouble)
    return False


def _are_mounted(work: _Gathering) -> bool:
    """Whether the pods have the authorities of the cluster."""
    found = work.own.find(DEPLOYMENT, work.names.deployment)
    volumes = at(found, "spec", "template", "spec").get("volumes") or []
    return any(at(one, "configMap").get("name") == work.names.cluster_ca for one in volumes)


def _keyrings(work: _Gathering) -> Keyrings | None:
    wanted, namespace = work.service.spec.signatures, work.names.namespace
    if not wanted.required:
        return None
    name = wanted.keyring_secret or wanted.keyring_config_map or ""
    kind = SECRET if wanted.keyring_secret else CONFIG_MAP
    found = work.view.find(kind, namespace, name) if name else None
    content = {} if found is None else encoded_of(found) | at(found, "binaryData")
    missing = "" if content else f"the {kind.kind} {namespace}/{name} of spec.signatures has no keyring"
    if not missing and not wanted.source:
        missing = (
            "spec.signatures.required is set, and spec.signatures.source does not say where signatures are"
        )
    if missing:
        trouble = Trouble("KeyringNotFound", KEYRING_MISSING, missing, holds_pods=True)
        work.troubles.append(trouble)
        return None
    keys = tuple(sorted(content))
    named = {"secretName": name} if kind is SECRET else {"name": name}
    items = [{"key": key, "path": key} for key in keys]
    volume = {"secret" if kind is SECRET else "configMap": named | {"items": items}}
    return Keyrings(volume, keys, state_of(content))


def _serving(work: _Gathering) -> KeyPair | None:
    name = work.service.spec.exposure.tls_secret
    if name is None:
        return None
    secret = work.view.find(SECRET, work.names.namespace, name)
    pair = {key: decoded_of(secret or {}, key) for key in ("tls.crt", "tls.key")}
    fault = _pair_fault(secret, pair)
    if not fault:
        return KeyPair(pair["tls.crt"], pair["tls.key"], decoded_of(secret or {}, AUTHORITY_KEY))
    seen = f"the Secret {work.names.namespace}/{name} of spec.exposure.tlsSecret {fault}"
    work.troubles.append(Trouble("ServingCertificateNotFound", SERVING_CERTIFICATE, seen))
    tls = at(_live(work).route, "spec", "tls")
    return KeyPair(tls["certificate"], tls["key"]) if tls.get("certificate") and tls.get("key") else None


def _pair_fault(secret: Object | None, pair: Mapping[str, str]) -> str:
    if secret is None:
        return "is not there"
    if secret.get("type") != TLS_SECRET:
        # Who may read Routes reads what comes into them, so only what was made to be shown by a server does.
        return f"is of the type {secret.get('type') or 'Opaque'} and not {TLS_SECRET}"
    return pair_fault(*pair.values()) if all(pair.values()) else "has no tls.crt and tls.key"


def _check_volume(work: _Gathering) -> None:
    spec = work.service.spec
    if spec.volume is None or spec.volume.claim_name is None:
        return
    most = spec.replicas if spec.autoscaling is None else spec.autoscaling.max_replicas
    if most > 1:
        seen = f"spec.volume.claimName is {spec.volume.claim_name}, with up to {most} replicas"
        work.troubles.append(Trouble("VolumeShared", VOLUME_SHARED, seen, holds_pods=True))


def _gateway_scheme(work: _Gathering) -> str:
    """``http`` where the listener of the Gateway says so, otherwise https."""
    exposure = work.service.spec.exposure
    wanted = exposure.gateway
    if wanted is None:
        return "https"
    gateway = work.view.find(GATEWAY, wanted.namespace or work.names.namespace, wanted.name)
    published = urlsplit(work.service.status.policy_engine_uri or "")
    if gateway is None and published.hostname == exposure.host and published.scheme:
        # It may be back in a moment, and clusters have the address as it is.
        return published.scheme
    listeners = at(gateway, "spec").get("listeners") or []
    chosen = [one for one in listeners if not wanted.section_name or wanted.section_name == one.get("name")]
    protocols = {one.get("protocol") for one in chosen}
    return "http" if protocols == {"HTTP"} else "https"


def _live(work: _Gathering) -> Live:
    names, own = work.names, work.own
    found = own.find(DEPLOYMENT, names.deployment)
    legacy = own.find(ROUTE, names.legacy_route)
    secret: Mapping[str, object] = own.find(SECRET, names.pull_secret) or {}
    replicas = at(found, "spec").get("replicas")
    return Live(
        replicas=replicas if isinstance(replicas, int) else None,
        route=legacy or own.find(ROUTE, names.route),
        legacy_route=legacy is not None,
        pull_secret_type=str(secret.get("type") or ""),
    )
