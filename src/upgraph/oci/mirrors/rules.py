"""Where a repository is read when it has mirrors: rules, and which of them holds. Pure.

The rules are those of ``registries.conf`` (containers-registries.conf(5)), to which the mirror sets of
OpenShift are translated as the Machine Config Operator does. The longest prefix wins; a prefix ends at a
``/`` or at the end of the name, so a rule for a host does not hold for the same host with a port.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.reference import Repository


class Pull(StrEnum):
    """What container engines pull from a mirror. What we read there is the same; it decides the order."""

    ALL = "all"
    DIGESTS = "digest-only"
    TAGS = "tag-only"


@dataclass(frozen=True, slots=True)
class Mirror:
    """One mirror of a rule."""

    location: str
    """``host[:port][/path]``: what takes the place of the prefix."""
    pull: Pull = Pull.ALL
    insecure: bool = False
    """Whether it may also be asked without TLS."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the repositories whose names begin with a prefix."""

    prefix: str
    """``host[:port][/path]``, or ``*.domain`` for all hosts below a domain."""
    file: str
    """Where it was read, for messages."""
    location: str = ""
    """What takes the place of the prefix at the source itself; empty: nothing does."""
    mirrors: tuple[Mirror, ...] = ()
    blocked: bool = False
    """Whether the source itself must not be contacted."""
    insecure: bool = False
    """Whether the source itself may also be asked without TLS."""

    def rest_of(self, name: str) -> str | None:
        """What follows the prefix in ``host[:port]/path``; None if the rule does not hold for it."""
        if self.prefix.startswith("*."):
            host = name.partition("/")[0].partition(":")[0]
            return name[len(host) :] if host.endswith(self.prefix[1:]) else None
        rest = name[len(self.prefix) :]
        holds = name.startswith(self.prefix) and rest[:1] in {"", "/"}
        return rest if holds else None


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a repository can be read."""

    repositories: tuple[Repository, ...]
    """The ways to ask it, in their order: with TLS, and where it is called insecure also without."""


class Mirrors:
    """All rules in force.

    Args:
        rules: of all files, in their order. Rules with one prefix become one rule with all their mirrors.

    Raises:
        UserError: two rules of one prefix contradict each other.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        joined: dict[str, Rule] = {}
        for rule in rules:
            before = joined.get(rule.prefix)
            joined[rule.prefix] = rule if before is None else _join(before, rule)
        self._rules: Mapping[str, Rule] = joined

    def places(self, repository: Repository, *, wanted: Pull = Pull.TAGS) -> tuple[Place, ...]:
        """Where to read a repository, the best place first: its mirrors, then itself if it may be contacted.

        Args:
            repository: its canonical name.
            wanted: what is known of the images: tags, or digests alone. Mirrors that container engines do
                not use for that come after the others, and still before the source.

        Raises:
            UserError: it may not be contacted and has no mirror, or a rule makes a name that is not valid.
        """
        rule = self._find(repository.name)
        if rule is None:
            return (Place((repository,)),)
        rest = rule.rest_of(repository.name) or ""
        found: dict[str, Place] = {}
        for mirror in sorted(rule.mirrors, key=lambda mirror: mirror.pull not in {Pull.ALL, wanted}):
            name = mirror.location + rest
            if not self._is_blocked(name):
                found.setdefault(name, self._place(name, rule, insecure=mirror.insecure))
        source = rule.location + rest if rule.location else repository.name
        if not rule.blocked and not self._is_blocked(source):
            place = self._place(source, rule, insecure=rule.insecure)
            if repository.scheme == "http":
                place = Place((replace(place.repositories[0], scheme="http"),))
            found.setdefault(source, place)
        if not found:
            seen = f"{rule.file}: {repository.name} is blocked and has no mirror that is not"
            raise UserError(problems.MIRRORS_INVALID, seen)
        return tuple(found.values())

    def _find(self, name: str) -> Rule | None:
        holding = (rule for rule in self._rules.values() if rule.rest_of(name) is not None)
        return max(holding, key=lambda rule: len(rule.prefix), default=None)

    def _is_blocked(self, name: str) -> bool:
        rule = self._find(name)
        return rule is not None and rule.blocked

    def _place(self, name: str, rule: Rule, *, insecure: bool) -> Place:
        if "://" in name:
            seen = f"{rule.file}: {name!r} must have no scheme; without TLS it is called insecure"
            raise UserError(problems.MIRRORS_INVALID, seen)
        host, _, path = name.partition("/")
        own = self._find(name)
        try:
            safe = Repository(host.lower(), path)
        except UserError as error:
            raise UserError(problems.MIRRORS_INVALID, f"{rule.file}: {error.seen}") from error
        is_insecure = insecure or (own is not None and own.insecure)
        return Place((safe, replace(safe, scheme="http")) if is_insecure else (safe,))


def _join(one: Rule, other: Rule) -> Rule:
    for name in ("location", "blocked", "insecure"):
        if getattr(one, name) != getattr(other, name):
            values = f"{getattr(one, name)!r} in {one.file}, {getattr(other, name)!r} in {other.file}"
            seen = f"the rules for {one.prefix} contradict each other: {name} is {values}"
            raise UserError(problems.MIRRORS_INVALID, seen)
    return replace(one, mirrors=tuple(dict.fromkeys((*one.mirrors, *other.mirrors))))
