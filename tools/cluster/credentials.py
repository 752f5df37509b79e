"""Make what the parts of a control plane know each other by: certificates, tokens, kubeconfigs.

All of it is made anew for each cluster and is worth nothing after it.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from upgraph.testing.certificates import Authority, Certificates, make_authority

USERS = {
    "admin": "system:masters",
    "kwok": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
"""Users that log in with a token of the file, with the group that each belongs to."""
PORT = 6443
"""Where the API server listens."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of one control plane, in a folder."""

    folder: Path
    server: str
    """The address of the API server."""
    authority: Authority
    serving: Certificates
    accounts: Authority
    """Signs the tokens of service accounts."""
    tokens: Path
    """The file of tokens, as the API server reads it."""

    def kubeconfig(self, name: str, token: str) -> Path:
        """Write a kubeconfig for who has ``token``; JSON is YAML too."""
        path = self.folder / f"{name}.kubeconfig"
        cluster = {
            "server": f"https://{self.server}:{PORT}",
            "certificate-authority": str(self.authority.certificate),
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=2))
        return path

    def kubeconfig_of(self, user: str) -> Path:
        """Where the kubeconfig of one of ``USERS`` lies."""
        return self.folder / f"{user.removeprefix('system:')}.kubeconfig"


def make_credentials(folder: Path, *, server: str, also: list[str]) -> Credentials:
    """Make everything in ``folder``.

    Args:
        folder: an existing one.
        server: the address of the API server.
        also: further addresses at which it is reached.

    Raises:
        RuntimeError: openssl failed.
    """
    names = [f"IP:{address}" for address in (server, "127.0.0.1", *also)]
    services = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    names += [f"DNS:{name}" for name in ("localhost", *services)]
    places = {name: folder / name for name in ("serving", "accounts")}
    for place in places.values():
        place.mkdir()
    authority = make_authority(folder, name="cluster")
    made = Credentials(
        folder,
        server,
        authority,
        serving=authority.issue(places["serving"], names=",".join(names)),
        accounts=make_authority(places["accounts"], name="accounts"),
        tokens=folder / "tokens.csv",
    )
    _give_tokens(made)
    return made


def make_ingress_certificate(folder: Path, *, domain: str) -> tuple[Path, Certificates]:
    """Make a certificate for all hosts below ``domain``; gives that of its authority too.

    Args:
        folder: one that is made.
        domain: without a wildcard.

    Raises:
        RuntimeError: openssl failed.
    """
    folder.mkdir()
    authority = make_authority(folder, name="ingress-operator")
    return authority.certificate, authority.issue(folder, names=f"DNS:*.{domain}")


def _give_tokens(made: Credentials) -> None:
    lines = []
    for user, group in USERS.items():
        token = secrets.token_hex(16)
        lines.append(f"{token},{user},{user},{group}".removesuffix(","))
        made.kubeconfig(user.removeprefix("system:"), token)
    made.tokens.touch(mode=0o600)
    made.tokens.write_text("\n".join(lines) + "\n")
