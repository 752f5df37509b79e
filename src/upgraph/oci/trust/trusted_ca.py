"""The ConfigMap that gives a cluster the authorities of its registries. Pure.

``image.config.openshift.io/cluster`` names it (``additionalTrustedCA``), it is in the namespace ``openshift-config``. Nodes look
for the key ``HOST..PORT`` of a registry (a colon is not allowed there), or ``HOST`` for port 443; the operator of the update
service looks for ``updateservice-registry`` alone. Source of the keys: documentation of OpenShift and of that operator.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from upgraph.errors import DataError, Finding, Severity, UserError
from upgraph.errors.problems import credentials as problems
from upgraph.oci.credentials.registry_key import RegistryKey
from upgraph.oci.trust.anchors import UPDATE_SERVICE_KEY
from upgraph.oci.trust.authorities import Authority, AuthorityFile
from upgraph.syntax.certificate import day
from upgraph.syntax.pem import pem_certificate

DEFAULT_NAME = "registry-ca"
DEFAULT_NAMESPACE = "openshift-config"
MAX_BYTES = 1024 * 1024
"""Most that the values of a ConfigMap may have together (Kubernetes)."""

_KEY = re.compile(r"[-._a-z0-9]{1,253}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class TrustedCa:
    """A ConfigMap with authorities.

    Raises:
        UserError: the names are not valid, or it would be too large.
    """

    keys: Mapping[str, Sequence[Authority]]
    name: str = DEFAULT_NAME
    namespace: str = DEFAULT_NAMESPACE

    def __post_init__(self) -> None:
        for name in (self.name, self.namespace):
            if not _NAME.fullmatch(name):
                raise UserError(problems.TRUST_KEY, f"{name!r} is no name of an object in Kubernetes")
        size = sum(len(text) for text in self._values().values())
        if size > MAX_BYTES:
            seen = f"the certificates have {size} bytes together; a ConfigMap may have {MAX_BYTES}"
            raise UserError(problems.TRUST_CERTIFICATE, seen)

    @property
    def manifest(self) -> str:
        """The manifest. The same certificates give the same text."""
        lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:"]
        lines += [f"  name: {_scalar(self.name)}", f"  namespace: {_scalar(self.namespace)}", "data:"]
        for key, text in sorted(self._values().items()):
            lines.append(f"  {_scalar(key)}: |")
            lines += [f"    {line}" for line in text.splitlines()]
        return "\n".join(lines) + "\n"

    def findings(self, now: datetime) -> tuple[Finding, ...]:
        """What is doubtful about it, although it can be applied."""
        found = list(dict.fromkeys(_doubts(self.keys, now)))
        if UPDATE_SERVICE_KEY not in self.keys:
            seen = f"{self.namespace}/{self.name} has no key {UPDATE_SERVICE_KEY}"
            found.append(Finding(Severity.WARNING, problems.TRUST_UPDATE_SERVICE, seen))
        return tuple(found)

    def _values(self) -> dict[str, str]:
        return {
            key: "".join(dict.fromkeys(pem_certificate(one.der) for one in authorities))
            for key, authorities in self.keys.items()
        }


def key_of_registry(text: str) -> str:
    """The key under which the authority of ``HOST[:PORT]`` is looked for.

    Raises:
        UserError: it is no registry, or has a name that no key can have.
    """
    registry = RegistryKey.parse(text)
    if registry.path:
        raise UserError(problems.TRUST_KEY, f"{text!r}: an authority is for a registry, not for a path in it")
    host, colon, port = registry.host.rpartition(":")
    key = f"{host}..{port}" if colon else registry.host
    if not _KEY.fullmatch(key):
        raise UserError(problems.TRUST_KEY, f"{text!r} would have the key {key!r}")
    return key


def fit_authorities(file: AuthorityFile) -> tuple[Authority, ...]:
    """The certificates of a file, if it may be given to a cluster.

    Raises:
        DataError: it has a private key, no certificate, a damaged one, or one that is no authority.
    """
    if file.has_private_key:
        raise DataError(problems.TRUST_CERTIFICATE, f"{file.name} has a private key in it")
    damaged = [remark for remark in file.remarks if "damaged" in remark or "OpenSSL" in remark]
    if damaged or not file.authorities:
        raise DataError(problems.TRUST_CERTIFICATE, f"{file.name}: {'; '.join(damaged or file.remarks)}")
    for one in file.authorities:
        known = one.certificate
        if not known.is_authority and not known.is_self_issued:
            seen = f"{file.name}: {known.subject or known.sha256} is the certificate of a server, issued by {known.issuer}"
            raise DataError(problems.TRUST_CERTIFICATE, seen)
    return file.authorities


def _doubts(keys: Mapping[str, Sequence[Authority]], now: datetime) -> Iterator[Finding]:
    for key, authorities in sorted(keys.items()):
        for one in authorities:
            known = one.certificate
            called = f"{key}: {known.subject or known.sha256}"
            if known.not_after is not None and known.not_after < now:
                yield Finding(
                    Severity.WARNING, problems.TRUST_DATES, f"{called} ended on {day(known.not_after)}"
                )
            if known.not_before is not None and known.not_before > now:
                yield Finding(
                    Severity.WARNING, problems.TRUST_DATES, f"{called} begins on {day(known.not_before)}"
                )
            if not known.is_authority:
                yield Finding(Severity.WARNING, problems.TRUST_SELF_ISSUED, f"{called} is no authority")


def _scalar(text: str) -> str:
    # A name of digits and dots could be read as a number.
    return text if text[0].isalpha() else f'"{text}"'
