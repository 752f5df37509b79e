"""A directory for one round with git: an empty repository, and how git is called in it to speak to another machine.

git goes the way of all connections: it is given the authorities and the proxy that we would use. Of the person who
runs it, it sees what logins need and nothing else: ``~/.netrc`` for HTTP, and for ssh the keys, the agent and the
settings that ssh itself looks for. No configuration of git is read, and nobody is asked for anything.
"""

import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems.graphdata import GIT_FETCH, TOO_LARGE
from upgraph.graphdata.bounded_run import Bounds, run_bounded
from upgraph.graphdata.git import ISOLATION, QUIET_OPTIONS, git_program
from upgraph.graphdata.git_address import GitAddress
from upgraph.oci import Access

STALL_SECONDS = 30
"""A connection without a byte for so long is given up."""

_SSH = (
    f"ssh -oBatchMode=yes -oConnectTimeout={STALL_SECONDS} -oServerAliveInterval=10 -oServerAliveCountMax=3"
)
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class GitWay:
    """How git reaches a repository.

    Args:
        address: the repository.
        access: trust and proxies; credentials of registries are no matter of git.
        environment: of which PATH, HOME, SSH_AUTH_SOCK and GIT_SSH_COMMAND reach git.
    """

    address: GitAddress
    access: Access
    environment: Mapping[str, str]


class GitWorkplace:
    """A context manager; what it made is gone afterwards.

    Args:
        way: how the repository is reached.

    Raises:
        UserError: git is not installed.
    """

    def __init__(self, way: GitWay) -> None:
        self._way = way
        self._program = git_program(way.address.name)
        self._path = Path()

    @property
    def repository(self) -> Path:
        """The repository, a bare one."""
        return self._path / "data"

    def __enter__(self) -> Self:
        try:
            self._path = Path(tempfile.mkdtemp(prefix="upgraph-git-"))
            self._prepare()
        except OSError as error:
            self._remove()
            seen = f"{self._way.address.name}: nothing can be fetched to {tempfile.gettempdir()}: {error.strerror}"
            remedy = "Make it writable and see that there is room, or name another directory in TMPDIR."
            raise RemoteError(GIT_FETCH, seen, remedy=remedy) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    async def git(self, *command: str, bounds: Bounds) -> bytes:
        """What git answers.

        Raises:
            RemoteError: it failed, or took too long.
            DataError: it was sent more than may be.
        """
        given = [part for name, value in self._options().items() for part in ("-c", f"{name}={value}")]
        line = (self._program, *QUIET_OPTIONS, *given, f"--git-dir={self.repository}", *command)
        ended = await run_bounded(line, self._variables(), bounds)
        if ended.fault is None and ended.status == 0:
            return ended.output
        name = self._way.address.name
        if self._is_full(bounds.file):
            raise DataError(TOO_LARGE, f"{name}: git was sent more than {bounds.file} bytes", remedy=_SMALLER)
        reason = ended.fault or ended.complaint or f"git ended with the status {ended.status}"
        raise RemoteError(GIT_FETCH, f"{name}: {reason}", retryable=True)

    def take_format(self, commit: str) -> None:
        """Make the repository one of the kind that a commit is from: SHA-1, or SHA-256."""
        if len(commit) == _SHA256_DIGITS:
            format_ = "\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
            (self.repository / "config").write_text(f"[core]\n{format_}")

    def _is_full(self, limit: int) -> bool:
        """Whether a file was cut off at its limit; what git says of that differs from one version to the next."""
        packs = self.repository / "objects" / "pack"
        return packs.is_dir() and any(file.stat().st_size >= limit for file in packs.iterdir())

    def _remove(self) -> None:
        if self._path.is_absolute():
            shutil.rmtree(self._path, ignore_errors=True)

    def _prepare(self) -> None:
        # Written here: `git init` would copy what templates the system has.
        for folder in ("objects", "refs"):
            (self.repository / folder).mkdir(parents=True)
        (self.repository / "HEAD").write_text("ref: refs/heads/none\n")
        (self.repository / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        (self._path / "none").mkdir()
        address = self._way.address
        if address.scheme == "ssh":
            return
        self._authorities.write_text(self._way.access.trust.bundle(address.host, address.port))
        if address.login:
            self._logins.touch(mode=0o600)
            self._logins.write_text(address.origin.replace("://", f"://{address.login}@") + "\n")

    @property
    def _authorities(self) -> Path:
        return self._path / "authorities.pem"

    @property
    def _logins(self) -> Path:
        return self._path / "login"

    def _options(self) -> dict[str, str]:
        options = {
            "core.bigFileThreshold": "8m",  # larger files are passed on in pieces, not kept in memory
            "core.hooksPath": str(self._path / "none"),
            "credential.helper": "",
            "fetch.unpackLimit": "1",  # one file, whose size can be limited
            "gc.auto": "0",
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(STALL_SECONDS),
            "maintenance.auto": "false",
        }
        if self._way.address.login:
            # For this host alone, whatever a redirect says, and not among the arguments, which all can read.
            helper = f"store --file={shlex.quote(str(self._logins))}"
            options[f"credential.{self._way.address.origin}.helper"] = helper
        return options

    def _variables(self) -> dict[str, str]:
        outer, address = self._way.environment, self._way.address
        made = {
            **ISOLATION,
            "GIT_ALLOW_PROTOCOL": address.protocols,
            "GIT_HTTP_PROXY_AUTHMETHOD": "basic",
            "HOME": outer.get("HOME", ISOLATION["HOME"]),
            "PATH": outer.get("PATH", os.defpath),
        }
        if address.scheme == "ssh":
            made["GIT_SSH_COMMAND"] = outer.get("GIT_SSH_COMMAND") or _SSH
            with suppress(KeyError):
                made["SSH_AUTH_SOCK"] = outer["SSH_AUTH_SOCK"]
            return made
        made["GIT_SSL_CAINFO"] = made["GIT_PROXY_SSL_CAINFO"] = str(self._authorities)
        # An empty one, because otherwise the one counts as well that curl was built with.
        made["GIT_SSL_CAPATH"] = str(self._path / "none")
        return made | self._proxy()

    def _proxy(self) -> dict[str, str]:
        address = self._way.address
        proxy = self._way.access.proxies.way(address.scheme, address.host, address.port).proxy
        if proxy is None:
            return {}
        login = ":".join(quote(part, safe="") for part in proxy.login)
        place = proxy.url.replace("://", f"://{login}@") if login else proxy.url
        return {f"{address.scheme}_proxy": place}


_SMALLER = (
    "Name a branch or a tag rather than a commit, so that one commit is fetched and not the history; or pack the"
    " graph data into a tarball."
)
