"""Volumes as files: what ConfigMaps, Secrets, fields and tokens become, and how a directory follows them.

A directory is changed as the kubelet changes it: the files lie in a directory of their own, ``..data`` is a link to it,
and what users see are links through ``..data``. One rename of that link changes all files at once.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.cluster.node.environment import Facts, Objects, texts
from tools.cluster.node.specification import (
    FieldsProjection,
    KeyFile,
    KeysProjection,
    NotStartableError,
    Projection,
    TokenProjection,
    Volume,
)
from upgraph.kube.kinds import CONFIG_MAP, SECRET
from upgraph.kube.objects import Key, Kind

_DATA = "..data"
_DIRECTORY_MODE = 0o755
_GROUP_READS = 0o440


@dataclass(frozen=True, slots=True)
class File:
    """A file of a volume."""

    content: bytes
    mode: int


Files = dict[str, File]
"""By path inside the volume."""
Tokens = Mapping[TokenProjection, bytes]


def sources_of(volume: Volume) -> tuple[Projection, ...] | None:
    """What a volume that follows objects consists of; None for a volume of another type."""
    if (one := volume.config_map) is not None:
        return (Projection(config_map=KeysProjection(one.name, one.items, one.optional)),)
    if (secret := volume.secret) is not None:
        return (Projection(secret=KeysProjection(secret.secret_name, secret.items, secret.optional)),)
    if (fields := volume.downward_api) is not None:
        return (Projection(downward_api=FieldsProjection(fields.items)),)
    return None if volume.projected is None else volume.projected.sources


def default_mode(volume: Volume) -> int:
    """The mode of files that have none of their own."""
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return next((one.default_mode for one in sources if one is not None), 0o644)


def files_of(volume: Volume, facts: Facts, objects: Objects, tokens: Tokens) -> Files:
    """The files of a volume as the cluster has them now.

    Raises:
        NotStartableError: what a file comes from is not there.
    """
    mode = default_mode(volume)
    found: Files = {}
    for source in sources_of(volume) or ():
        for kind, keys in ((CONFIG_MAP, source.config_map), (SECRET, source.secret)):
            if keys is not None:
                found.update(_of_keys(kind, keys, facts.namespace, objects, mode))
        if source.downward_api is not None:
            for item in source.downward_api.items:
                content = facts.field(item.field_ref.field_path).encode()
                found[item.path] = File(content, mode if item.mode is None else item.mode)
        if (token := source.service_account_token) is not None:
            found[token.path] = File(tokens[token], mode)
    for path in found:
        _check(path)
    return found


def _of_keys(kind: Kind, keys: KeysProjection, namespace: str, objects: Objects, mode: int) -> Files:
    found = objects.get(kind, Key(namespace, keys.name))
    if found is None and not keys.optional:
        raise _refusal(f'{kind.kind.lower()} "{keys.name}" not found')
    values = texts(kind, found or {})
    items = keys.items or [KeyFile(key, key) for key in sorted(values)]
    missing = [item.key for item in items if item.key not in values]
    if missing and not keys.optional:
        raise _refusal(f"references non-existent {kind.kind.lower()} key: {missing[0]}")
    return {
        item.path: File(values[item.key], mode if item.mode is None else item.mode)
        for item in items
        if item.key in values
    }


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or parts[0].startswith(".."):
        raise _refusal(f"{path!r} is no path inside a volume")


def _refusal(message: str) -> NotStartableError:
    return NotStartableError("ContainerCreating", message)


class FollowingDirectory:
    """A directory whose files are replaced all at once.

    Args:
        path: it is made.
        group: of the files, which may then read them; None: they are root's alone.
    """

    def __init__(self, path: Path, group: int | None) -> None:
        self.path = path
        self._group = group
        self._current = ""
        path.mkdir(parents=True)
        self._own(path, _DIRECTORY_MODE)

    def write(self, files: Files) -> None:
        """Have these files and no others; nothing happens where they are there."""
        wanted = f"..{_fingerprint(files)}"
        if wanted == self._current:
            return
        self._fill(self.path / wanted, files)
        beside = self.path / "..data_tmp"
        beside.symlink_to(wanted)
        beside.replace(self.path / _DATA)
        tops = {PurePosixPath(path).parts[0] for path in files}
        for top in sorted(tops):
            if not (self.path / top).is_symlink():
                (self.path / top).symlink_to(f"{_DATA}/{top}")
        for there in self.path.iterdir():
            if not there.name.startswith("..") and there.name not in tops:
                there.unlink()
        if self._current:
            shutil.rmtree(self.path / self._current)
        self._current = wanted

    def _fill(self, directory: Path, files: Files) -> None:
        directory.mkdir()
        self._own(directory, _DIRECTORY_MODE)
        for path, file in sorted(files.items()):
            target = directory / path
            for above in reversed(target.relative_to(directory).parents[:-1]):
                (directory / above).mkdir(exist_ok=True)
                self._own(directory / above, _DIRECTORY_MODE)
            target.write_bytes(file.content)
            self._own(target, file.mode | (_GROUP_READS if self._group is not None else 0))

    def _own(self, path: Path, mode: int) -> None:
        if self._group is not None:
            os.chown(path, -1, self._group)
        path.chmod(mode)


def _fingerprint(files: Files) -> str:
    state = hashlib.sha256()
    for path, file in sorted(files.items()):
        state.update(f"{len(path)}:{path}:{file.mode}:{len(file.content)}:".encode())
        state.update(file.content)
    return state.hexdigest()[:24]


def tokens_wanted(volumes: Iterable[Volume]) -> list[TokenProjection]:
    """The tokens that the volumes of a pod have."""
    return [
        source.service_account_token
        for volume in volumes
        for source in sources_of(volume) or ()
        if source.service_account_token is not None
    ]
