"""What is in files of authorities, in words: every certificate, what stands between them, and what is missing.

Reading for use (:mod:`upgraph.oci.trust.anchors`) passes over what it cannot use. This reading is for people: it takes the
same places, and the manifest of a ConfigMap besides, and passes over nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.plain import read_plain
from upgraph.oci.trust.anchors import MAX_FILE_BYTES, UPDATE_SERVICE_KEY, Scope, listed_files, scope_of_key
from upgraph.syntax import yaml
from upgraph.syntax.certificate import Certificate, certificate_from
from upgraph.syntax.fault import SyntaxFault
from upgraph.syntax.pem import PemText, parse_pem

_CONFIG_MAP = b"ConfigMap"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and its DER form."""

    der: bytes
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class AuthorityFile:
    """A file, or a key of a ConfigMap, and all that is in it."""

    name: str
    scope: Scope
    """The host and port for which it is trusted; None: every host."""
    authorities: tuple[Authority, ...]
    """In the order of the file, each once."""
    remarks: tuple[str, ...] = ()
    """What else is in it."""
    has_private_key: bool = False

    @property
    def trusted_for(self) -> str:
        """The scope in words."""
        return "every host" if self.scope is None else f"{self.scope[0]}:{self.scope[1]}"

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of authorities above those in the file that are not in it, in their order."""
        here = {one.certificate.subject for one in self.authorities}
        above = (one.certificate.issuer for one in self.authorities if not one.certificate.is_self_issued)
        return tuple(dict.fromkeys(name for name in above if name and name not in here))

    @property
    def chains(self) -> tuple[tuple[str, ...], ...]:
        """Each certificate that has issued none of the others, with those above it."""
        certificates = [one.certificate for one in self.authorities]
        issuers = {one.issuer for one in certificates if not one.is_self_issued}
        return tuple(_chain(one, certificates) for one in certificates if one.subject not in issuers)


def read_authorities(place: Path) -> tuple[AuthorityFile, ...]:
    """Everything at a place: a file, the manifest of a ConfigMap, or a directory as ``--ca`` takes it.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if place.is_dir():
            files = listed_files(place)
            return tuple(
                described(str(path), read_plain(path, limit=MAX_FILE_BYTES), scope) for path, scope in files
            )
        content = read_plain(place, limit=MAX_FILE_BYTES)
    except OSError as error:
        raise UserError(problems.CA_BUNDLE, f"{error.filename or place}: {error.strerror}") from error
    return authorities_in(str(place), content)


def authorities_in(name: str, content: bytes) -> tuple[AuthorityFile, ...]:
    """Everything in the content of a file, or of each key in the manifest of a ConfigMap. Pure."""
    return tuple(_of_config_map(name, content)) or (described(name, content, None),)


def described(name: str, content: bytes, scope: Scope) -> AuthorityFile:
    """What is in the content of a file. Pure."""
    if b"-----BEGIN" not in content:
        one = certificate_from(content)
        if one is not None:
            return AuthorityFile(name, scope, (Authority(content, one),))
    found = parse_pem(content.decode("utf-8", "replace"))
    authorities, remarks = _taken_apart(found)
    remarks += _between(found.between)
    has_private_key = any(block.is_private for block in found.blocks)
    if not authorities:
        remarks = ("no certificate", *remarks) if content else ("the file is empty",)
    return AuthorityFile(name, scope, authorities, remarks, has_private_key)


def _of_config_map(name: str, content: bytes) -> Iterator[AuthorityFile]:
    """The keys of the manifest of a ConfigMap; nothing if it is something else."""
    if _CONFIG_MAP not in content:
        return
    try:
        document = yaml.parse(content)
    except SyntaxFault:
        return
    data = document.values.get("data") if isinstance(document, yaml.Table) else None
    for key, value in data.values.items() if isinstance(data, yaml.Table) else ():
        if isinstance(value, str):
            found = described(f"{name}, key {key}", value.encode(), scope_of_key(key))
            yield found if _is_known(key) else _with_remark(found, "no program looks for this key")


def _is_known(key: str) -> bool:
    return key == UPDATE_SERVICE_KEY or scope_of_key(key) is not None


def _with_remark(file: AuthorityFile, remark: str) -> AuthorityFile:
    return AuthorityFile(
        file.name, file.scope, file.authorities, (*file.remarks, remark), file.has_private_key
    )


def _taken_apart(text: PemText) -> tuple[tuple[Authority, ...], tuple[str, ...]]:
    authorities: dict[bytes, Authority] = {}
    remarks: list[str] = []
    for block in text.blocks:
        where = f"line {block.line}"
        if block.is_private:
            remarks.append(f"{where}: a private key, which must not be here")
        elif not block.is_certificate:
            remarks.append(f"{where}: a block {block.label}, which is no certificate")
        elif block.content is None:
            remarks.append(f"{where}: a certificate that is cut off or damaged")
        elif block.content in authorities:
            remarks.append(f"{where}: the same certificate once more")
        elif (one := certificate_from(block.content)) is None:
            remarks.append(f"{where}: a block that OpenSSL cannot read as a certificate")
        else:
            authorities[block.content] = Authority(block.content, one)
    return tuple(authorities.values()), tuple(remarks)


def _between(lines: Sequence[int]) -> tuple[str, ...]:
    if not lines:
        return ()
    where = f"line {lines[0]}" if len(lines) == 1 else f"{len(lines)} lines, from line {lines[0]}"
    return (f"{where}: text outside of certificates, which is passed over",)


def _chain(one: Certificate, others: Iterable[Certificate]) -> tuple[str, ...]:
    chain = [one]
    rest = [other for other in others if other is not one]
    while not chain[-1].is_self_issued and (
        above := next((other for other in rest if other.subject == chain[-1].issuer), None)
    ):
        rest.remove(above)
        chain.append(above)
    return tuple(link.subject or link.sha256 for link in chain)
