"""The steps to all servers of a configuration, each server and each repository once, however many sources use it."""

from collections.abc import Iterator, Mapping, Sequence

from upgraph.oci import Access, Repository
from upgraph.service.doctor.check import Step
from upgraph.service.doctor.host import Host, clock_step, way_to
from upgraph.service.doctor.images import RegistryPlace


class Ways:
    """Gives the steps to a server or into a repository the first time that somebody asks for them.

    Args:
        access: how others are reached.
        access_step: tells whether that can be used; everything here needs it.
    """

    def __init__(self, access: Access, access_step: Step) -> None:
        self._access = access
        self._access_step = access_step
        self._hosts: dict[str, tuple[Step, ...]] = {}
        self._clocks: set[str] = set()
        self._places: dict[Repository, tuple[Step, ...]] = {}
        self._users: dict[Step, set[Step | None]] = {}

    @property
    def spares(self) -> Mapping[Step, frozenset[Step]]:
        """For steps that lead to one of several places only: what shows that another place stood in."""
        return {
            step: frozenset(user for user in users if user is not None)
            for step, users in self._users.items()
            if None not in users
        }

    def to(self, url: str) -> Iterator[Step]:
        """The steps to the server of an address, if they were not given before."""
        key = _key(url, self._access)
        if key not in self._hosts:
            self._hosts[key] = way_to(Host.of(url, self._access), self._access_step)
            yield from self._hosts[key]

    def end(self, url: str) -> Step:
        """The last step to the server of an address."""
        return self._hosts[_key(url, self._access)][-1]

    def into(self, repository: Repository) -> Iterator[Step]:
        """The steps to the permission to read a repository, if they were not given before."""
        if repository in self._places:
            return
        yield from self.to(repository.url)
        steps = RegistryPlace(repository, self._access).steps(self.end(repository.url), self._access_step)
        self._places[repository] = steps
        yield from steps
        yield from self.clock(f"{repository.url}/v2/", steps[0])

    def clock(self, url: str, needed: Step) -> Iterator[Step]:
        """The step that compares clocks with the server of an address, if it was not given before."""
        key = _key(url, self._access)
        if key not in self._clocks:
            self._clocks.add(key)
            yield clock_step(Host.of(url, self._access), url, needed)

    def login(self, repository: Repository) -> Step:
        """The step that gets the permission to read a repository."""
        return self._places[repository][-1]

    def note_user(self, places: Sequence[Repository], user: Step) -> None:
        """Note that a step reads from any of these places."""
        for place in places:
            for step in (*self._hosts[_key(place.url, self._access)], *self._places[place]):
                self._users.setdefault(step, set()).add(user if len(places) > 1 else None)


def _key(url: str, access: Access) -> str:
    host = Host.of(url, access)
    return f"{host.scheme}://{host.place}"
