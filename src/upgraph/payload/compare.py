"""What is different between two releases. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from upgraph.payload.references import Component
from upgraph.payload.whole import Payload


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same; what is missing on a side is None."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """From one release to another. Everything by name."""

    can_update: bool
    """Whether the second names the first among the versions that can be updated to it."""
    metadata: tuple[Change, ...]
    previous_added: tuple[str, ...]
    previous_removed: tuple[str, ...]
    versions: tuple[Change, ...]
    """Versions of what the components bring."""
    components: tuple[Change, ...]
    """Components with another digest, or pull spec if they have none; the repository does not count."""
    manifests: tuple[Change, ...]
    """Manifests with another content; their digests are given."""

    @property
    def is_empty(self) -> bool:
        """Whether the two are the same in all that is compared."""
        return not (
            self.metadata
            or self.previous_added
            or self.previous_removed
            or self.versions
            or self.components
            or self.manifests
        )


def compare(before: Payload, after: Payload) -> Difference:
    """What is different in ``after``."""
    old, new = before.metadata.document, after.metadata.document
    old_previous, new_previous = set(old.previous), set(new.previous)
    return Difference(
        can_update=old.version.base in {version.base for version in new.previous},
        metadata=_changes(old.metadata, new.metadata),
        previous_added=tuple(version.text for version in sorted(new_previous - old_previous)),
        previous_removed=tuple(version.text for version in sorted(old_previous - new_previous)),
        versions=_changes(before.references.versions, after.references.versions),
        components=_changes(_contents(before), _contents(after)),
        manifests=_changes(_digests(before), _digests(after)),
    )


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _contents(payload: Payload) -> dict[str, str]:
    return {one.name: _content(one) for one in payload.references.components}


def _content(component: Component) -> str:
    return component.digest or component.pull_spec


def _digests(payload: Payload) -> dict[str, str]:
    return {name: file.digest for name, file in payload.manifests.items()}
