"""Logging in to a registry and out of it: the login is tried, then kept where programs look for it.

A file may say that a program keeps the logins of a host (``credHelpers``), or of all hosts (``credsStore``). Then
the program gets the login, because it would be asked before the file, or because no secret shall be in the file.
"""

import asyncio
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems import credentials as problems
from upgraph.errors.problems.oci import BROKEN_ANSWER, UNAUTHORIZED
from upgraph.oci.credentials.auth_document import AuthDocument
from upgraph.oci.credentials.auth_writing import change_auth_file, read_document
from upgraph.oci.credentials.credential_helper import make_helper_forget, tell_helper
from upgraph.oci.credentials.login import Login, lookup_keys, normal_key
from upgraph.oci.credentials.lookup import Credentials, LookedAt, Lookup, Place, search_places
from upgraph.oci.credentials.registry_key import RegistryKey
from upgraph.oci.http.access import Access
from upgraph.oci.http.retry import Retry
from upgraph.oci.http.timing import Timing
from upgraph.oci.registry.transport import Transport
from upgraph.oci.registry.turns import Turns

_ONCE = Timing(retry=Retry(attempts=1))
_API = "/v2/"


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a login is now, or was until now."""

    file: Path
    helper: str = ""
    """The credential helper that has it; empty: the file itself."""

    def __str__(self) -> str:
        return f"docker-credential-{self.helper}, which {self.file} names" if self.helper else str(self.file)


class _OneLogin(Credentials):
    """One login, which is in no file yet."""

    def __init__(self, login: Login) -> None:
        super().__init__()
        self._login = login

    async def lookup(self, host: str, path: str) -> Lookup:
        if self._login.key not in lookup_keys(host, path):
            return Lookup(None)
        return Lookup(self._login, (LookedAt(Place(Path("what was entered"), "given"), "given"),))


def login_of(key: RegistryKey, username: str, password: str) -> Login:
    """A user name and a password for a registry.

    Raises:
        UserError: one of them is missing, or cannot be sent to a registry as it is.
    """
    if not username or not password:
        missing = "user name" if not username else "password"
        raise UserError(problems.LOGIN_INPUT, f"{key}: the {missing} is empty")
    if ":" in username:
        seen = f"{key}: the user name {username!r} has a colon, where registries would cut it"
        raise UserError(problems.LOGIN_INPUT, seen)
    if any(unicodedata.category(c) == "Cc" for c in username + password):
        raise UserError(problems.LOGIN_INPUT, f"{key}: user name or password have a control character")
    return Login(str(key), username, password)


def default_place(environment: Mapping[str, str], user: int) -> Path:
    """The file into which podman, skopeo and oc write a login: the first one that is searched."""
    return search_places(environment, user)[0].path


async def check_login(key: RegistryKey, login: Login, access: Access) -> bool:
    """Show a login to its registry, as podman and oc do; false if the registry asks for none.

    Args:
        key: the registry.
        login: what to show.
        access: whom to trust, and the proxies; its credentials are not used.

    Raises:
        RemoteError: the registry or its token service refuse the login or cannot be asked.
    """
    alone = Access(_OneLogin(login), access.trust, access.proxies)
    transport = Transport(key.repository, access=alone, turns=Turns(1, _ONCE), timing=_ONCE)
    try:
        return await _shown(transport, key)
    except RemoteError as error:
        if error.problem is not UNAUTHORIZED:
            raise
        reason = error.seen.partition("; tried ")[0].replace(str(key.repository), str(key))
        seen = f"{reason}; tried user {login.username!r}; nothing was saved"
        remedy = "Check user name and password, and that the account is not locked. Then log in again."
        raise RemoteError(UNAUTHORIZED, seen, remedy=remedy, status=error.status) from error
    finally:
        await transport.close()


async def _shown(transport: Transport, key: RegistryKey) -> bool:
    async with transport.exchange("GET", _API, {}) as response:
        if response.status in {401, 403} or response.status >= 500:
            raise await transport.failure(response)
        if response.status != 200:
            seen = f"GET {key.repository.url}{_API}: status {response.status}, where a registry answers 200"
            is_tls = key.repository.scheme == "http" and response.status == HTTPStatus.BAD_REQUEST
            remedy = f"A server with TLS answers so. Leave out docker+http://: {key}" if is_tls else None
            raise RemoteError(BROKEN_ANSWER, seen, remedy=remedy, status=response.status)
        return "Authorization" in response.request_info.headers


async def save_login(place: Path, login: Login, environment: Mapping[str, str]) -> Kept:
    """Keep a login in a file, or with the helper that the file names.

    Args:
        place: the file, which is made if there is none.
        login: what to keep, under its key.
        environment: of the helper.

    Raises:
        UserError: the file cannot be used, or its helper would hide the login.
        RemoteError: the helper refuses.
    """
    document = await asyncio.to_thread(read_document, place)
    helper = _helper(document, login.key)
    if helper:
        await tell_helper(helper, login, environment)
        return Kept(place, helper)
    await asyncio.to_thread(change_auth_file, place, lambda now: now.with_login(login))
    return Kept(place)


async def forget_login(place: Path, key: RegistryKey, environment: Mapping[str, str]) -> Kept:
    """Remove the login of a registry from a file, or from the helper that the file names.

    Raises:
        UserError: the file cannot be used or has no login of the registry.
        RemoteError: the helper refuses.
    """
    document = await asyncio.to_thread(read_document, place)
    has_entry = any(normal_key(one) == str(key) for one in document.entries)
    helper = "" if has_entry and not document.file.helper(key.host) else _helper(document, str(key))
    if helper:
        await make_helper_forget(helper, key.host, environment)
        if not has_entry:
            return Kept(place, helper)
    elif not has_entry:
        known = ", ".join(sorted(document.entries)[:5]) or "no login at all"
        raise UserError(problems.NOT_LOGGED_IN, f"{place} has no login of {key}, but {known}")
    await asyncio.to_thread(change_auth_file, place, lambda now: now.without(str(key)))
    return Kept(place, helper)


def _helper(document: AuthDocument, key: str) -> str:
    """The helper that has to get the login of a key; empty: the file does.

    Raises:
        UserError: a helper for the host would be asked before the login of a path.
    """
    host, _, path = key.partition("/")
    named = document.file.helper(host)
    if path and named:
        seen = (
            f"{document.path} names docker-credential-{named} for {host}, so {key} would never be looked up"
        )
        raise UserError(problems.HELPER_FOR_HOST, seen)
    # Helpers know hosts only; the login of a path in a file with a store is looked for in the file first.
    return "" if path else named or document.file.store
