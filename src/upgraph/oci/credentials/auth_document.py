"""The text of a file with credentials, and what is changed in it: the entry of one registry, nothing else.

podman and docker write a file anew and lose what they do not know: members of other programs, the address of
an entry. Here the rest of the text stays as it is, and what comes out is read once more before anybody uses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from upgraph.oci.credentials import json_text
from upgraph.oci.credentials.auth_file import EMPTY, AuthFile, parse_auth_file, refusal
from upgraph.oci.credentials.login import Login, normal_key

NO_LOGINS = "{}"
"""A file without logins."""
_LOGINS = "auths"
_HELPERS = "credHelpers"
_STORE = "credsStore"
_OUR_MEMBERS = frozenset({_LOGINS, _HELPERS, _STORE})
_CLIENT_CONFIGURATION = "config.json"


@dataclass(frozen=True, slots=True)
class AuthDocument:
    """A file with credentials, and the text in it. Its text form has no secret.

    Raises:
        UserError: it is not valid, or has an old form that is read but not written.
    """

    path: Path
    """What it is called in messages."""
    text: str = field(default=NO_LOGINS, repr=False)
    file: AuthFile = field(init=False)
    """What it says."""

    def __post_init__(self) -> None:
        parsed = parse_auth_file(self.path, self.text.encode())
        object.__setattr__(self, "file", parsed)
        try:
            top = json_text.members(self.text)
            self.entries  # noqa: B018  # looked at for what it raises
        except ValueError as error:
            raise refusal(self.path, f"not valid: {error}") from None
        if top and not _OUR_MEMBERS & top.keys() and self.path.name != _CLIENT_CONFIGURATION:
            reason = "it has the form of .dockercfg, with the keys at the top, which is read but not written"
            raise refusal(self.path, reason)

    @classmethod
    def of(cls, path: Path, content: bytes) -> "AuthDocument":
        """The document with this content.

        Raises:
            UserError: it is not valid.
        """
        if not content.strip():
            raise refusal(path, EMPTY)
        try:
            return cls(path, content.decode())
        except UnicodeDecodeError:
            raise refusal(path, "not valid: it is not text in UTF-8") from None

    @property
    def logins(self) -> Mapping[str, Login]:
        """By normal key."""
        return self.file.logins

    @property
    def entries(self) -> Mapping[str, object]:
        """What stands under each key, in the order of the text."""
        return json_text.members(self.text, _LOGINS)

    @property
    def other_members(self) -> Mapping[str, object]:
        """What stands beside the entries."""
        return {name: value for name, value in json_text.members(self.text).items() if name != _LOGINS}

    def with_login(self, login: Login) -> "AuthDocument":
        """With a user name and a password under the key of ``login``; what stood there before is gone.

        Raises:
            UserError: the result would not hold that login, and all others as before.
        """
        return self.with_entry(login.key, {"auth": login.basic.removeprefix("Basic ")})

    def with_entry(self, key: str, entry: object) -> "AuthDocument":
        """With an entry, as it stands in another file. Errors as for :meth:`with_login`."""
        changed = AuthDocument(self.path, json_text.with_member(self.text, (_LOGINS, key), entry))
        self._check_others(changed, normal_key(key))
        return changed

    def without(self, key: str) -> "AuthDocument":
        """Without a key, in whatever spelling; its programs would find an old one otherwise."""
        gone = normal_key(key)
        text = json_text.without_members(self.text, (_LOGINS,), lambda name: normal_key(name) == gone)
        changed = AuthDocument(self.path, text)
        self._check_others(changed, gone)
        return changed

    def _check_others(self, changed: "AuthDocument", key: str) -> None:
        before, after = dict(self.logins), dict(changed.logins)
        before.pop(key, None)
        after.pop(key, None)
        if before != after:
            raise RuntimeError(f"a change of {key} in {self.path} would touch other logins")
