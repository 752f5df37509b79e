"""A cluster that is a directory of files, for tests of containers without a control plane.

One JSON file is one object, ``FOLDER/objects/*.json``; files appear by being renamed into place. What the node says goes
to ``FOLDER/status/NAMESPACE_NAME.json``. A pod that has a ``deletionTimestamp`` is gone when its file is.
"""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from tools.cluster.node.specification import TokenProjection
from tools.cluster.node.surroundings import WATCHED, Listener
from upgraph.kube.objects import Key, Kind, Object, key_of

LOOK_SECONDS = 0.05


class FolderCluster:
    """A cluster; see :class:`~tools.cluster.node.surroundings.Cluster`.

    Args:
        folder: its files.
    """

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "objects"
        self._status = folder / "status"
        self._known: dict[tuple[Kind, Key], tuple[bytes, Object]] = {}
        self._files: dict[tuple[Kind, Key], Path] = {}
        self._listeners: list[Listener] = []
        self._synced = asyncio.Event()
        for path in (self._objects, self._status):
            path.mkdir(parents=True, exist_ok=True)

    def get(self, kind: Kind, key: Key) -> Object | None:
        """One object."""
        found = self._known.get((kind, key))
        return None if found is None else found[1]

    def all(self, kind: Kind) -> Iterable[Object]:
        """All objects of a kind."""
        return [obj for (known, _), (_, obj) in sorted(self._known.items()) if known == kind]

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every change."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow the files."""
        while True:
            self._look()
            self._synced.set()
            await asyncio.sleep(LOOK_SECONDS)

    async def wait_until_known(self) -> None:
        """Wait until everything was read once."""
        await self._synced.wait()

    def _look(self) -> None:
        found: dict[tuple[Kind, Key], tuple[bytes, Object]] = {}
        for path in sorted(self._objects.glob("*.json")):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            obj = json.loads(content)
            kind = next(
                one for one in WATCHED if (one.api_version, one.kind) == (obj["apiVersion"], obj["kind"])
            )
            found[kind, key_of(obj)] = (content, obj)
            self._files[kind, key_of(obj)] = path
        before, self._known = self._known, found
        for place in sorted(before.keys() | found.keys()):
            old, new = before.get(place), found.get(place)
            if old is None or new is None or old[0] != new[0]:
                for listener in self._listeners:
                    listener(place[0], old and old[1], new and new[1])

    async def apply(self, obj: Object) -> None:
        """Nobody keeps nodes and leases here."""

    async def apply_status(self, obj: Object) -> None:
        """Write the status down."""
        key = key_of(obj)
        target = self._status / f"{key.namespace}_{key.name}.json"
        beside = target.with_suffix(".part")
        beside.write_text(json.dumps(obj.get("status")))
        beside.replace(target)

    async def finish(self, pod: Object) -> None:
        """Remove the file of a pod."""
        for (_, key), path in self._files.items():
            if key == key_of(pod):
                path.unlink(missing_ok=True)

    async def token(self, account: Key, wanted: TokenProjection, pod: Object) -> bytes:
        """A token that opens nothing."""
        return f"token of {account} for {key_of(pod).name} at {wanted.audience or 'the API'}".encode()
