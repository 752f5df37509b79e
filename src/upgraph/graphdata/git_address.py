"""The names of git repositories on other machines, and of revisions in any repository. Pure.

A name reaches a program as an argument, so nothing that git or ssh could take for an option, and no transport that
starts a program (``ext::``), gets through. A login never stays in what is shown or handed over as an argument.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from upgraph.errors import UserError
from upgraph.errors.problems.graphdata import SOURCE

DEFAULT_REVISION = "HEAD"
"""What is meant where no revision is named: what is checked out."""

_PREFIX = re.compile(r"git[+:](?=(?:https?|ssh)://)")
_ADDRESS = re.compile(r"(?:git[+:](?:https?|ssh)|ssh)://|https?://[^#?]*\.git/?(?:#|$)")
_LOCAL = re.compile(r"(?:git\+)?file://(?:localhost)?(?P<path>/[^#]*)(?:#(?P<revision>.*))?")
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]"
_USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SHORT = re.compile(rf"(?P<user>{_USER})@(?P<host>{_HOST}):(?P<path>[^-/][^#]*|/[^#]+)(?:#(?P<revision>.*))?")
_UNUSABLE = re.compile(r"^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^$")
"""What no name of a branch, tag or commit has (git-check-ref-format); the rest are expressions, or options."""
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_PROTOCOLS = {"https": "https", "http": "http:https", "ssh": "ssh"}


@dataclass(frozen=True, slots=True)
class GitAddress:
    """A revision of a repository on another machine."""

    url: str
    """What git is given: without a login where it is sent over HTTP."""
    revision: str
    scheme: str
    """``https``, ``http`` or ``ssh``."""
    host: str
    port: int
    login: str = field(default="", repr=False)
    """``user:password`` of the address, with its percent signs; empty: none."""

    @property
    def name(self) -> str:
        """How messages show it."""
        return self.url if self.revision == DEFAULT_REVISION else f"{self.url}#{self.revision}"

    @property
    def origin(self) -> str:
        """Scheme, host and port of the address, if it has a scheme."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    @property
    def protocols(self) -> str:
        """The transports that may be used, as git's ``GIT_ALLOW_PROTOCOL`` lists them: never from https to http."""
        return _PROTOCOLS[self.scheme]


def is_revision(text: str) -> bool:
    """Whether a text can be the name of a branch, a tag or a commit; an expression is none."""
    return _UNUSABLE.search(text) is None


def names_remote_git(text: str) -> bool:
    """Whether a text names a repository on another machine.

    ``https://HOST/PATH.git``, ``git+https://...`` with any path, ``ssh://[USER@]HOST/PATH`` or ``USER@HOST:PATH``, each with
    ``#REVISION`` behind it or not.
    """
    return bool(_ADDRESS.match(text) or _SHORT.fullmatch(text))


def local_git(text: str) -> tuple[str, str] | None:
    """Path and revision of the repository that a ``file://`` address names; None if it is no such address."""
    match = _LOCAL.fullmatch(text)
    return (unquote(match["path"]), match["revision"] or DEFAULT_REVISION) if match else None


def parse_git_address(text: str) -> GitAddress:
    """The repository and the revision that a text names.

    Raises:
        UserError: it names none that can be asked.
    """
    short = _SHORT.fullmatch(text)
    if short is not None:
        place = f"{short['user']}@{short['host']}:{short['path']}"
        return _checked(
            GitAddress(place, short["revision"] or DEFAULT_REVISION, "ssh", short["host"].strip("[]"), 22)
        )
    place, _, revision = _PREFIX.sub("", text).partition("#")
    try:
        parts = urlsplit(place)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise UserError(SOURCE, "the address of a git repository is not valid") from None
    at_host = parts.netloc.rpartition("@")[2]
    _check_parts(parts, at_host)
    user = f"{parts.username}@" if parts.scheme == "ssh" and parts.username else ""
    login = ""
    if parts.scheme != "ssh" and parts.username:
        login = f"{parts.username}:{parts.password or ''}"
    url = f"{parts.scheme}://{user}{at_host}{parts.path}"
    return _checked(
        GitAddress(url, revision or DEFAULT_REVISION, parts.scheme, parts.hostname or "", port, login)
    )


def _check_parts(parts: SplitResult, at_host: str) -> None:
    shown = f"{parts.scheme}://{at_host}{parts.path}"
    if not re.fullmatch(rf"(?:{_HOST})(?::\d+)?", at_host):
        raise UserError(SOURCE, f"{shown} names no host")
    if not parts.path.strip("/"):
        raise UserError(SOURCE, f"{shown} names no repository on its host")
    if parts.query:
        raise UserError(SOURCE, f"{shown}: the address of a git repository has no query")
    if parts.scheme == "ssh" and parts.password is not None:
        raise UserError(SOURCE, f"{shown}: ssh takes no password from an address", remedy="Use a key of ssh.")
    if parts.scheme == "ssh" and parts.username and not re.fullmatch(_USER, parts.username):
        raise UserError(SOURCE, f"{shown}: the name of the user is not valid")


def _checked(address: GitAddress) -> GitAddress:
    if not address.url.isprintable() or " " in address.url:
        raise UserError(SOURCE, f"{address.url!a} has characters that no address has")
    if not is_revision(address.revision):
        seen = f"{address.url}: {address.revision!r} is no name of a branch, a tag or a commit"
        raise UserError(SOURCE, seen)
    return address
