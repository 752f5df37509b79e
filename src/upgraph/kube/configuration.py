"""Which cluster is meant, and who we are there: kubeconfig files and service accounts of pods, as kubectl has them.

lightkube reads these files too, but passes over what it does not know. A field that would change where a request
goes or in whose name is refused here rather than left out: a pull secret must not be sent to another place than kubectl
would send it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError
from msgspec import MsgspecError

from upgraph.errors import UserError
from upgraph.errors.problems.kube import KUBECONFIG
from upgraph.kube.exec_login import ExecLogin, run_login
from upgraph.syntax import yaml
from upgraph.syntax.fault import SyntaxFault

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest kubeconfig; one of a hundred clusters with certificates has about 1 MiB."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own identity."""

_IN_CLUSTER = "the service account of this pod"
_NOT_HONOURED = {
    "cluster": ("tls-server-name",),
    "user": ("auth-provider", "as", "as-uid", "as-groups", "as-user-extra"),
}
_SWITCHES = ("insecure-skip-tls-verify", "disable-compression", "provideClusterInfo")


@dataclass(frozen=True, slots=True)
class ApiProxy:
    """A proxy on the way to an API server."""

    url: str
    authorization: str | None = field(default=None, repr=False)
    """Value of the header Proxy-Authorization."""


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """A cluster and an identity in it. Its text form has no secret."""

    server: str
    """Base address of its API."""
    context: str
    """The name of the context, or who we are otherwise."""
    origin: str
    """The file that says so."""
    proxy: ApiProxy | None = None
    """What the file itself names."""
    config: SingleConfig | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.server} ({self.context})"

    @property
    def host(self) -> str:
        """Host of the server, an IPv6 address without brackets."""
        return urlsplit(self.server).hostname or ""

    @property
    def port(self) -> int:
        """Port of the server."""
        parts = urlsplit(self.server)
        return parts.port or (443 if parts.scheme == "https" else 80)


def find_cluster(
    environment: Mapping[str, str],
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    account: Path = SERVICE_ACCOUNT,
) -> ClusterAddress:
    """The cluster that kubectl would talk to.

    Args:
        environment: with ``KUBECONFIG`` and ``HOME``, in a pod also with the address of the cluster.
        kubeconfig: the file that is meant; without it ``KUBECONFIG``, ``~/.kube/config``, the account of the pod.
        context: name of the context; by default the current one of the file.
        account: where a pod finds its own identity.

    Raises:
        UserError: there is no configuration, or it cannot be used.
    """
    file = kubeconfig or _usual_file(environment)
    if file is not None:
        return _from_file(file, context, environment)
    if context is not None:
        raise _refusal("--context was given, but there is no kubeconfig in which it could be")
    if not (account / "token").exists():
        raise _refusal("no kubeconfig is named or at ~/.kube/config, and this is no pod of a cluster")
    return _from_account(account, environment)


def _usual_file(environment: Mapping[str, str]) -> Path | None:
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    there = [file for file in named if file.exists()]
    if len(there) > 1:
        listed = ", ".join(map(str, there))
        raise _refusal(
            f"KUBECONFIG names several files, which are not merged: {listed}; name one with --kubeconfig"
        )
    if named:
        return (there or named)[0]
    usual = Path(environment.get("HOME", "/")) / ".kube" / "config"
    return usual if usual.exists() else None


def _from_file(file: Path, context: str | None, environment: Mapping[str, str]) -> ClusterAddress:
    document = _document(file)
    try:
        chosen = context or str(document.get("current-context", ""))
        if not chosen:
            raise _refusal(f"{file}: it has no current-context; choose one with --context")
        found = KubeConfig.from_dict(document, fname=file.absolute()).get(chosen)
    except (ConfigError, MsgspecError, KeyError, TypeError, ValueError, AttributeError) as error:
        # The texts name fields, never values of a login.
        said = (
            f"{type(error).__name__}: {error}" if isinstance(error, KeyError | AttributeError) else str(error)
        )
        raise _refusal(f"{file}: {said[:300]}") from None
    if found is None:
        raise _refusal(f"{file}: there is no context {chosen!r}")
    fields = {
        "cluster": _named(document, "clusters", found.context.cluster).get("cluster"),
        "user": _named(document, "users", found.context.user or "").get("user"),
    }
    _refuse_others(file, fields)
    found = _logged_in(file, found, fields["user"], environment)
    return ClusterAddress(found.cluster.server, chosen, str(file), _own_proxy(file, fields["cluster"]), found)


def _logged_in(file: Path, found: SingleConfig, user: object, environment: Mapping[str, str]) -> SingleConfig:
    """The configuration, with the token of the program that it names for that."""
    if found.user is None or found.user.exec is None:
        return found
    call = ExecLogin.of(user.get("exec") if isinstance(user, dict) else None, file)
    token = run_login(call, environment, server=found.cluster.server)
    found.user.exec, found.user.token = None, token
    return found


def _from_account(account: Path, environment: Mapping[str, str]) -> ClusterAddress:
    host, port = (environment.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    if not host or not port.isdigit():
        raise _refusal("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not say where the cluster is")
    cluster = {"server": server, "certificate-authority": str(account / "ca.crt")}
    user = {"tokenFile": str(account / "token")}
    config = KubeConfig.from_dict(
        {
            "clusters": [{"name": "pod", "cluster": cluster}],
            "users": [{"name": "pod", "user": user}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
        }
    )
    return ClusterAddress(server, _IN_CLUSTER, str(account), None, config.get("pod"))


def _document(file: Path) -> dict[str, object]:
    try:
        # Unlike other files this may well be a pipe: kubectl users write --kubeconfig <(command).
        with file.expanduser().open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _refusal(f"{file}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise _refusal(f"{file}: larger than {MAX_FILE_BYTES} bytes")
    try:
        document = _plain(yaml.parse(content))
    except SyntaxFault as fault:
        raise _refusal(f"{file}: {fault}") from None
    if not isinstance(document, dict) or not isinstance(document.get("clusters"), list):
        raise _refusal(f"{file}: it is no kubeconfig, as it has no list of clusters")
    return document


def _plain(value: yaml.Value, key: str = "") -> object:
    if isinstance(value, yaml.Items):
        return [_plain(one) for one in value.values]
    if isinstance(value, yaml.Table):
        return {name: _plain(one, name) for name, one in value.values.items() if not _is_null(one)}
    return value == "true" if key in _SWITCHES else value


def _is_null(value: yaml.Value) -> bool:
    return isinstance(value, str) and value in {"", "null", "~"}


def _named(document: Mapping[str, object], kind: str, name: str) -> dict[str, object]:
    listed = document.get(kind)
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("name") == name:
            return one
    return {}


def _refuse_others(file: Path, fields: Mapping[str, object]) -> None:
    for kind, names in _NOT_HONOURED.items():
        given = fields[kind]
        for name in names:
            if isinstance(given, dict) and name in given:
                raise _refusal(f"{file}: {name} of the {kind} is not supported")


def _own_proxy(file: Path, cluster: object) -> ApiProxy | None:
    url = cluster.get("proxy-url") if isinstance(cluster, dict) else None
    if url is None:
        return None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise _refusal(f"{file}: proxy-url is neither an http nor an https address")
    return ApiProxy(url)


def _refusal(seen: str) -> UserError:
    return UserError(KUBECONFIG, seen)
