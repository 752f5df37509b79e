"""``upgraph trust``: give a cluster the authorities of its registries, and see what a file or a server shows."""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import click

from upgraph.cli.output import Format, emit_document, output_option, printable, show_findings
from upgraph.cli.settings import configuration, setting_options
from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems.credentials import TRUST_SUBJECT
from upgraph.errors.problems.oci import CA_BUNDLE, UNREACHABLE
from upgraph.oci import Proxies, RegistryKey, Trust, examine_tls
from upgraph.oci.trust.anchors import HTTPS_PORT, MAX_FILE_BYTES, UPDATE_SERVICE_KEY
from upgraph.oci.trust.authorities import (
    Authority,
    AuthorityFile,
    authorities_in,
    read_authorities,
)
from upgraph.oci.trust.trusted_ca import (
    DEFAULT_NAME,
    DEFAULT_NAMESPACE,
    TrustedCa,
    fit_authorities,
    key_of_registry,
)
from upgraph.syntax.certificate import Certificate, day

REFUSED = 3
"""Exit code if a file is not fit, or a server is not trusted."""
STDIN = "-"
_INDENT = 4


@click.group(
    epilog="""
\b
Examples:
  upgraph trust configmap --registry registry.example:5000=ca.pem --update-service ca.pem
  upgraph trust explain ca.pem
"""
)
def trust() -> None:
    """Authorities: give them to a cluster, and see what is in them."""


@trust.command(
    epilog="""
\b
Examples:
  upgraph trust configmap --registry registry.example:5000=ca.pem \\
      --update-service ca.pem | oc apply -f -
  upgraph trust configmap --registry a.example=a.pem --registry b.example:5000=b.pem
"""
)
@click.option(
    "--registry",
    "registries",
    multiple=True,
    metavar="HOST[:PORT]=FILE",
    help="The authority of a registry, as nodes call the registry. Can be given several times, also for one registry.",
)
@click.option(
    "--update-service",
    "update_service",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The authority of the registry from which the update service reads releases.",
)
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="Name of the ConfigMap.")
@click.option("--namespace", default=DEFAULT_NAMESPACE, show_default=True, help="Namespace of the ConfigMap.")
def configmap(
    registries: tuple[str, ...], update_service: tuple[Path, ...], name: str, namespace: str
) -> None:
    """Print the ConfigMap with which a cluster trusts its registries.

    It has the keys that nodes look for, and the one of the OpenShift Update Service. Only certificates of authorities
    are taken; a file with a private key is refused. Applying it replaces all keys of a ConfigMap of this name.
    """
    keys: dict[str, list[Authority]] = {}
    for text in registries:
        host, _, file = text.partition("=")
        if not file:
            raise click.UsageError(f"--registry is HOST[:PORT]=FILE, not {text!r}")
        keys.setdefault(key_of_registry(host), []).extend(_fit(Path(file)))
    for path in update_service:
        keys.setdefault(UPDATE_SERVICE_KEY, []).extend(_fit(path))
    if not keys:
        raise click.UsageError("name a certificate with --registry or --update-service")
    made = TrustedCa(keys, name, namespace)
    show_findings(made.findings(datetime.now(UTC)))
    click.echo(made.manifest, nl=False)
    patch = f'{{"spec":{{"additionalTrustedCA":{{"name":"{name}"}}}}}}'
    click.echo(
        f"then: oc patch image.config.openshift.io/cluster --type=merge -p '{patch}'   # once for a cluster",
        err=True,
    )


@trust.command(
    epilog="""
\b
Examples:
  upgraph trust explain registry.pem
  upgraph trust explain /etc/docker/certs.d
  upgraph trust explain registry.example:5000 --ca registry.pem
  oc get configmap registry-ca -n openshift-config -o yaml | upgraph trust explain -

Exit codes: 0 it can be used, 2 it cannot be read, 3 a file has no certificate or a private key, or the server is not
trusted, 4 the server cannot be reached.
"""
)
@click.argument("subject", metavar="FILE|DIRECTORY|HOST:PORT|-")
@output_option((Format.TEXT, Format.JSON, Format.YAML))
@setting_options("ca")
def explain(subject: str, output: Format, config: tuple[Path, ...], **flags: object) -> int:
    """Show every certificate of a file or of a server, what else is in the file, and what is missing.

    A file may be PEM, DER or the manifest of a ConfigMap, - is standard input; a directory is read as --ca reads it. A
    server is asked for its certificates alone, through the proxy that counts for it, and nothing is sent to it.
    """
    if subject == STDIN:
        return _explain_files(authorities_in("standard input", _standard_input()), output)
    place = Path(subject)
    if place.exists():
        return _explain_files(read_authorities(place), output)
    if "/" in subject or ":" not in subject:
        raise UserError(TRUST_SUBJECT, f"{subject!r} is no file here, and no HOST:PORT")
    return _explain_server(subject, configuration(config, flags).ca, output)


def _standard_input() -> bytes:
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UserError(CA_BUNDLE, f"standard input: larger than {MAX_FILE_BYTES} bytes")
    return content


def _fit(path: Path) -> tuple[Authority, ...]:
    return tuple(one for file in read_authorities(path) for one in fit_authorities(file))


def _explain_files(files: Sequence[AuthorityFile], output: Format) -> int:
    if output is Format.TEXT:
        for file in files:
            _show_file(file)
    else:
        emit_document([_document(file) for file in files], output)
    return REFUSED if any(file.has_private_key or not file.authorities for file in files) else 0


def _document(file: AuthorityFile) -> dict[str, object]:
    return {
        "name": file.name,
        "trustedFor": file.trusted_for,
        "certificates": [_facts(one.certificate) for one in file.authorities],
        "chains": file.chains,
        "missing": file.missing,
        "remarks": file.remarks,
    }


def _facts(one: Certificate) -> dict[str, object]:
    return {
        "subject": one.subject,
        "issuer": one.issuer,
        "notBefore": day(one.not_before),
        "notAfter": day(one.not_after),
        "names": one.names,
        "authority": one.is_authority,
        "sha256": one.sha256,
    }


def _show_file(file: AuthorityFile) -> None:
    click.secho(f"{printable(file.name)}, trusted for {file.trusted_for}", bold=True)
    for number, one in enumerate(file.authorities, start=1):
        _show_certificate(number, one.certificate)
    for chain in file.chains if len(file.authorities) > 1 else ():
        click.echo(f"  chain: {' <- '.join(chain)}")
    for name in file.missing:
        click.echo(f"  not in the file: the authority {name}")
    for remark in file.remarks:
        click.echo(f"  {printable(remark)}")


def _show_certificate(number: int, one: Certificate) -> None:
    moment = datetime.now(UTC)
    ended = " (it has ended)" if one.not_after is not None and one.not_after < moment else ""
    early = " (it has not begun)" if one.not_before is not None and one.not_before > moment else ""
    kind = "an authority" if one.is_authority else "no authority: it is good for a server of its names alone"
    facts = (
        ("issuer", "itself" if one.is_self_issued else one.issuer),
        ("valid", f"{day(one.not_before)} to {day(one.not_after)}{ended}{early}"),
        ("names", ", ".join(one.names) or "none"),
        ("kind", kind),
        ("SHA-256", one.sha256),
    )
    click.echo(f"  {number}. {one.subject or '(a certificate without a subject)'}")
    for name, value in facts:
        click.echo(f"{' ' * _INDENT} {name:8} {value}")


def _explain_server(subject: str, ca: Sequence[Path], output: Format) -> int:
    key = RegistryKey.parse(subject)
    host, _, port = key.host.rpartition(":")
    number = int(port) if port.isdigit() else HTTPS_PORT
    trusted, proxies = Trust(ca, os.environ), Proxies.of(os.environ)
    try:
        seen = asyncio.run(examine_tls(host.strip("[]"), number, trust=trusted, proxies=proxies))
    except OSError as error:
        said = error.strerror or str(error) or "no answer in time"
        raise RemoteError(UNREACHABLE, f"{subject}: {said}") from error
    order = _wrong_order(seen.offered)
    if output is Format.TEXT:
        click.secho(printable(str(seen)), bold=True)
        for place, one in enumerate(seen.offered, start=1):
            _show_certificate(place, one)
        for remark in order:
            click.echo(f"  {remark}")
    else:
        certificates = [_facts(one) for one in seen.offered]
        document = {
            "server": subject,
            "trusted": seen.trusted,
            "seen": str(seen),
            "certificates": certificates,
        }
        emit_document({**document, "remarks": order}, output)
    return 0 if seen.trusted else REFUSED


def _wrong_order(offered: Sequence[Certificate]) -> tuple[str, ...]:
    """Places at which a certificate is not followed by its authority, as TLS wants it."""
    return tuple(
        f"{one.subject} is followed by {behind.subject}, not by its authority {one.issuer}"
        for one, behind in pairwise(offered)
        if one.issuer != behind.subject
    )
