"""Credentials for registries, from the files that ``podman login``, ``docker login`` or a pull secret give.

Either one file is named, or the places are searched where podman, skopeo, oc and docker keep theirs. The
first file with a login for the repository wins; files are never merged. In one file the order is: the helper
that ``credHelpers`` names for the host, the longest key of ``auths``, the helper of ``credsStore``.

A file is read again when it has changed and a login is needed, because pull secrets are rotated under a
running service. A changed file that cannot be used leaves the last good reading in force.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import Finding, Severity, UserError
from upgraph.oci.credentials.auth_file import AuthFile, Stamp, read_auth_file, stamp_of
from upgraph.oci.credentials.credential_helper import ask_helper
from upgraph.oci.credentials.login import Login, normal_host


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of credentials may be."""

    path: Path
    origin: str
    """Who says so: a setting, a variable, or the program that keeps its file there."""
    required: bool = False
    """Whether it is an error that it is not there."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A file that was looked at for a repository, and what came of it."""

    place: Place
    outcome: str
    is_there: bool = True

    def __str__(self) -> str:
        return f"{self.place.path} ({self.place.origin}): {self.outcome}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The login for a repository, and how it was found. Its text form has no secret."""

    login: Login | None
    looked_at: tuple[LookedAt, ...] = ()
    """In their order; the last one has the login, if there is one."""

    @property
    def file(self) -> Path | None:
        """The file that has the login."""
        return self.looked_at[-1].place.path if self.login is not None else None

    def __str__(self) -> str:
        if self.login is not None:
            user = f"user {self.login.username!r}" if self.login.username else "a token"
            return f"{user} from key {self.login.key!r} of {self.file}"
        there = [str(one.place.path) for one in self.looked_at if one.is_there]
        if there:
            return f"no login, as no key of {', '.join(there)} matches"
        if self.looked_at:
            absent = ", ".join(str(one.place.path) for one in self.looked_at)
            return f"no login, as no file with credentials is configured and none of these is there: {absent}"
        return "no login, as no file with credentials is configured"


@dataclass(slots=True)
class _Watched:
    """A place, what was last read there, and what is wrong with it now."""

    place: Place
    file: AuthFile | None = None
    stamp: Stamp | None = None
    fault: UserError | None = None

    def refresh(self) -> None:
        """Read the file if it has changed."""
        stamp = stamp_of(self.place.path)
        if stamp is not None and stamp == self.stamp and self.fault is None:
            return
        try:
            self.file = read_auth_file(self.place.path)
            self.stamp, self.fault = self.file.stamp, None
        except UserError as error:
            if (
                isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError))
                and not self.place.required
            ):
                # Nobody has logged in there, or has logged out.
                self.file, self.stamp, self.fault = None, None, None
            else:
                self.fault = error


class Credentials:
    """The logins of one file or of the places that are searched, or none at all.

    Its text form names files only.

    Args:
        places: where files may be, the strongest first; none: no login anywhere.
        environment: of the helpers that a file may name.

    Raises:
        UserError: a file that is required cannot be read or is not valid.
    """

    def __init__(self, places: Sequence[Place] = (), environment: Mapping[str, str] | None = None) -> None:
        self._watched = tuple(map(_Watched, places))
        self._environment = environment or {}
        for one in self._watched:
            one.refresh()
            if one.fault is not None and one.place.required:
                raise one.fault

    @classmethod
    def anonymous(cls) -> "Credentials":
        """No login anywhere."""
        return cls()

    @classmethod
    def load(cls, path: Path, environment: Mapping[str, str] | None = None) -> "Credentials":
        """The credentials in one file, or in the directory that a secret was mounted to.

        Args:
            path: the file or the directory.
            environment: of the helpers that the file may name.

        Raises:
            UserError: the file cannot be read or is not valid.
        """
        return cls((Place(path, "--authfile", required=True),), environment)

    @classmethod
    def search(cls, environment: Mapping[str, str], *, user: int | None = None) -> "Credentials":
        """The credentials in the places where podman, skopeo, oc and docker keep theirs.

        A broken file among them is a finding, unless ``REGISTRY_AUTH_FILE`` names it.

        Args:
            environment: says where the places are.
            user: number of the user in whose name files are found; by default the one of this process.

        Raises:
            UserError: the file that ``REGISTRY_AUTH_FILE`` names cannot be read or is not valid.
        """
        return cls(search_places(environment, os.getuid() if user is None else user), environment)

    def __repr__(self) -> str:
        named = ", ".join(str(one.place.path) for one in self._watched)
        return f"Credentials({named or 'anonymous'})"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Files that cannot be used, while an older reading of them, or none, is in force."""
        return tuple(
            Finding.of(one.fault, severity=Severity.ERROR if one.place.required else Severity.WARNING)
            for one in self._watched
            if one.fault is not None
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which the files have logins, sorted; what is left to helpers has none."""
        files = (one.file for one in self._watched if one.file is not None)
        return tuple(sorted({key for file in files for key in file.logins}))

    def state(self) -> tuple[Stamp | None, ...]:
        """Another value whenever a file has changed."""
        return tuple(stamp_of(one.place.path) for one in self._watched)

    async def find(self, host: str, path: str) -> Login | None:
        """The login for a repository. Raises as :meth:`lookup`."""
        return (await self.lookup(host, path)).login

    async def lookup(self, host: str, path: str) -> Lookup:
        """The login for a repository, with what was looked at on the way; changed files are read again.

        Raises:
            RemoteError: a credential helper that is named for the host failed.
        """
        looked_at: list[LookedAt] = []
        for watched in self._watched:
            watched.refresh()
            login, outcome = await self._look(watched, host, path)
            is_there = watched.file is not None or watched.fault is not None
            looked_at.append(LookedAt(watched.place, outcome, is_there))
            if login is not None:
                return Lookup(login, tuple(looked_at))
        return Lookup(None, tuple(looked_at))

    async def _look(self, watched: _Watched, host: str, path: str) -> tuple[Login | None, str]:
        file = watched.file
        if file is None:
            return None, watched.fault.seen if watched.fault else "not there"
        login, outcome = await self._in_file(file, host, path)
        return (
            login,
            f"{outcome}; an older reading, as now {watched.fault.seen}" if watched.fault else outcome,
        )

    async def _in_file(self, file: AuthFile, host: str, path: str) -> tuple[Login | None, str]:
        helper = file.helper(host)
        if not helper:
            login = file.login(host, path)
            if login is not None:
                return login, f"key {login.key!r}"
            helper = file.store
        if not helper:
            return None, f"none of its {len(file.logins)} logins is for {host}/{path} or above"
        login = await ask_helper(helper, normal_host(host), self._environment)
        return login, f"helper {helper!r} {'has' if login else 'has no'} login for {host}"


def search_places(environment: Mapping[str, str], user: int) -> tuple[Place, ...]:
    """Where credentials are looked for, in order (containers-auth.json(5), and docker behind it)."""
    places: list[Place] = []
    if named := environment.get("REGISTRY_AUTH_FILE"):
        places.append(Place(Path(named), "REGISTRY_AUTH_FILE", required=True))
    runtime = environment.get("XDG_RUNTIME_DIR")
    runtime_directory = Path(runtime) / "containers" if runtime else Path(f"/run/containers/{user}")
    places.append(Place(runtime_directory / "auth.json", "podman login"))
    home = environment.get("HOME")
    for variable, below, file, origin in (
        ("XDG_CONFIG_HOME", ".config", "containers/auth.json", "podman"),
        ("DOCKER_CONFIG", ".docker", "config.json", "docker login"),
    ):
        if chosen := environment.get(variable):
            places.append(Place(Path(chosen) / file, origin))
        elif home:
            places.append(Place(Path(home) / below / file, origin))
    if home:
        places.append(Place(Path(home) / ".dockercfg", "docker before 1.7"))
    return tuple(places)
