"""Permission to use a registry: which Authorization header to send, and getting a new one.

The first request goes without any. A 401 says what the registry wants, and that is remembered: a
token is then renewed shortly before it ends, or as soon as it is refused. However many requests wait,
one asks; and when the answer is a refusal, they all get it without asking again for a while, because
every wrong login counts towards locking the account.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.credentials.login import Login
from upgraph.oci.credentials.lookup import Credentials, Lookup
from upgraph.oci.http.timing import is_look
from upgraph.oci.images.reference import Repository
from upgraph.oci.registry.challenge import Challenge, parse_challenges

CLIENT_ID = "upgraph"
PULL = "pull"
PULL_AND_PUSH = "pull,push"
MAX_SCOPES = 8
"""Most repositories of one token; blobs of others are sent instead of mounted."""
DEFAULT_TOKEN_SECONDS = 60.0
"""Life of a token that does not say (distribution specification, token authentication)."""
MAX_TOKEN_SECONDS = 24 * 3600.0
RENEWAL_SECONDS = 30.0
"""A token is renewed so long before it ends, or for short lives when a quarter of it remains."""
REFUSAL_SECONDS = 30.0
"""For so long a refusal is taken as the answer to other requests as well."""
MAX_TOKEN_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What to ask of a token service, or of the registry to try a login."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent as a form with POST, as the query with GET."""
    authorization: str | None = field(default=None, repr=False)


class _TokenBody(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    header: str = field(repr=False)
    renew_at: float
    """When to get a new one, on the clock of the process."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    until: float
    """For how long it holds, on the clock of the process."""
    error: RemoteError
    credentials: tuple[object, ...]
    """The state of the files with which it came."""
    is_of_login: bool
    """Whether a login was shown: another one that is refused may lock the account."""


Ask = Callable[[TokenRequest], Awaitable[bytes]]
"""Sends a request to a token service and gives the body of its answer, or raises RemoteError."""


class Authorization:
    """The permission of one client to pull from one repository, or to push to it.

    Args:
        repository: the one.
        credentials: where a login is found.
        clock: seconds that only grow.
        actions: what is asked for, in the words of token services: ``pull`` or ``pull,push``.
    """

    def __init__(
        self,
        repository: Repository,
        credentials: Credentials,
        *,
        clock: Callable[[], float],
        actions: str = PULL,
    ) -> None:
        self._repository = repository
        self._scopes: tuple[str, ...] = (f"repository:{repository.path}:{actions}",)
        self._credentials = credentials
        self._clock = clock
        self._turn = asyncio.Lock()
        self._challenges: tuple[Challenge, ...] = ()
        self._grant: _Grant | None = None
        self._found = Lookup(None)
        self._refusal: _Refusal | None = None

    async def header(self, ask: Ask) -> str | None:
        """What to send now: None before the registry has asked for anything."""
        grant = self._grant
        self._heed_refusal()
        if grant is None or self._clock() < grant.renew_at:
            return None if grant is None else grant.header
        return await self._renewed(grant.header, ask)

    async def renew(self, challenges: list[str], refused: str | None, ask: Ask) -> str:
        """Another header, after the registry answered 401 to ``refused``.

        Raises:
            RemoteError: there is none to be had.
        """
        self._challenges = parse_challenges(challenges)
        return await self._renewed(refused, ask)

    def include(self, path: str) -> None:
        """Ask for pulling from this other repository of the registry as well, from the next token on.

        A registry gives a blob of it to ours only to who may read both.
        """
        scope = f"repository:{path}:{PULL}"
        if scope in self._scopes or len(self._scopes) >= MAX_SCOPES:
            return
        self._scopes = (*self._scopes, scope)
        if self._grant is not None and self._grant.renew_at < float("inf"):
            self._grant = _Grant(self._grant.header, self._clock())

    def exclude_others(self) -> None:
        """Ask for our repository alone again, and forget that more was refused."""
        self._scopes = self._scopes[:1]
        self._grant = self._refusal = None

    def refused(self, reason: str) -> RemoteError:
        """The registry refused even a fresh header: remember and report it."""
        return self._remember(self._unauthorized(reason))

    async def _renewed(self, old: str | None, ask: Ask) -> str:
        async with self._turn:
            grant = self._grant
            if grant is not None and grant.header != old and self._clock() < grant.renew_at:
                return grant.header
            self._heed_refusal()
            try:
                self._grant = await self._granted(old, ask)
            except RemoteError as error:
                if not error.retryable:
                    self._remember(error)
                raise
            self._refusal = None
            return self._grant.header

    async def _granted(self, old: str | None, ask: Ask) -> _Grant:
        self._found = await self._credentials.lookup(self._repository.host, self._repository.path)
        login = self._found.login
        offered = {challenge.scheme: challenge for challenge in reversed(self._challenges)}
        if bearer := offered.get("bearer"):
            if login is not None and login.registry_token:
                return self._fixed(f"Bearer {login.registry_token}", old)
            return self._token(await self._ask(bearer, login, ask))
        if "basic" not in offered:
            schemes = ", ".join(sorted(offered)) or "none"
            raise self._unauthorized(f"it wants a way of login that is not known (offered: {schemes})")
        if login is None or not login.username:
            raise self._unauthorized("it wants a user name and password")
        await self._try(login, ask)
        return self._fixed(login.basic, old)

    async def _try(self, login: Login, ask: Ask) -> None:
        # One request alone tries the login, before all that wait would send a wrong one at once.
        try:
            await ask(TokenRequest("GET", f"{self._repository.url}/v2/", authorization=login.basic))
        except RemoteError as error:
            if error.status == 401:
                raise self._unauthorized("it refuses the login") from error
            if error.retryable:
                raise

    def _fixed(self, header: str, old: str | None) -> _Grant:
        if header == old:
            raise self._unauthorized("it refuses the login")
        return _Grant(header, float("inf"))

    async def _ask(self, bearer: Challenge, login: Login | None, ask: Ask) -> bytes:
        try:
            return await ask(token_request(self._repository, bearer, login, self._scopes))
        except RemoteError as error:
            if error.status in {400, 401, 403}:
                raise self._unauthorized(f"its token service refuses the login ({error.seen})") from error
            if error.status is not None and not error.retryable:
                # What is missing there is no part of an image, which is what the status would mean elsewhere.
                raise self._no_token(f"it does not give one ({error.seen})") from error
            raise

    def _token(self, body: bytes) -> _Grant:
        try:
            answer = msgspec.json.decode(body, type=_TokenBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # The cause is cut off: it could quote a part of a token.
            raise self._no_token("its answer is not the JSON that was expected") from None
        token = answer.token or answer.access_token
        if not token:
            raise self._no_token("its answer has neither token nor access_token")
        if len(token) > MAX_TOKEN_CHARACTERS or not all("!" <= c <= "~" for c in token):
            raise self._no_token("its token is too long or has characters that no header may have")
        stated = answer.expires_in or 0.0
        seconds = min(stated if stated > 0 else DEFAULT_TOKEN_SECONDS, MAX_TOKEN_SECONDS)
        return _Grant(f"Bearer {token}", self._clock() + seconds - min(RENEWAL_SECONDS, seconds / 4))

    def _no_token(self, reason: str) -> RemoteError:
        return RemoteError(problems.TOKEN, f"token service of {self._repository.host}: {reason}")

    def _unauthorized(self, reason: str) -> RemoteError:
        how = "tried " if self._found.login is not None else "tried with "
        seen = f"{self._repository}: {reason}; {how}{self._found}"
        faults = "; ".join(str(finding) for finding in self._credentials.findings)
        if faults:
            seen += f"; not all files could be used: {faults}"
        return RemoteError(problems.UNAUTHORIZED, seen, status=401)

    def _heed_refusal(self) -> None:
        refusal = self._refusal
        if refusal is None:
            return
        is_over = self._clock() >= refusal.until and not (is_look() and refusal.is_of_login)
        # Or somebody has logged in anew: the answer may be another one now.
        if is_over or self._credentials.state() != refusal.credentials:
            self._refusal = None
            return
        error = refusal.error
        raise RemoteError(error.problem, error.seen, remedy=error.remedy, status=error.status)

    def _remember(self, error: RemoteError) -> RemoteError:
        self._grant = None
        is_of_login = error.problem is problems.UNAUTHORIZED and self._found.login is not None
        until = self._clock() + REFUSAL_SECONDS
        self._refusal = _Refusal(until, error, self._credentials.state(), is_of_login)
        return error


def token_request(
    repository: Repository, bearer: Challenge, login: Login | None, scopes: Sequence[str] = ()
) -> TokenRequest:
    """How to ask for a token (distribution: token and OAuth2 authentication).

    Without ``scopes`` it allows pulling. The scope is ours, never the one of the challenge: a registry cannot make us ask for more.

    Raises:
        RemoteError: the challenge names no usable token service.
    """
    realm = bearer.parameters.get("realm", "")
    allowed = ("https://",) if repository.scheme == "https" else ("https://", "http://")
    if not realm.lower().startswith(allowed):
        seen = f"{repository}: the token service must be an https address, but is {realm[:200]!r}"
        raise RemoteError(problems.TOKEN, seen)
    service = bearer.parameters.get("service")
    wanted = scopes or (f"repository:{repository.path}:{PULL}",)
    fields = [("service", service)] if service else []
    if login is not None and login.identity_token:
        fields.append(("scope", " ".join(wanted)))
        fields += [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", login.identity_token),
        ]
        return TokenRequest("POST", realm, tuple(fields))
    fields += [("scope", scope) for scope in wanted]
    return TokenRequest(
        "GET", realm, tuple(fields), login.basic if login is not None and login.username else None
    )
