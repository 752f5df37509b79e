"""``upgraph signatures``: signatures of releases verified, fetched, carried and made."""

import click

from upgraph.cli.signatures.examine import list_releases, verify
from upgraph.cli.signatures.keyring import keyring
from upgraph.cli.signatures.sign import sign
from upgraph.cli.signatures.travel import fetch, pack, push

__all__ = ["fetch", "keyring", "list_releases", "pack", "push", "sign", "signatures", "verify"]


@click.group(
    epilog="""
\b
Examples:
  upgraph signatures verify registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --signatures /media/usb/signatures --keyring release-keys.asc
  upgraph signatures pack signatures -o signatures.yaml
"""
)
def signatures() -> None:
    """Verify, fetch, carry and make signatures of releases."""


for _command in (fetch, keyring, list_releases, pack, push, sign, verify):
    signatures.add_command(_command)
