"""The volumes of one pod on this node: directories that are made, followed and mounted."""

import os
from collections.abc import Callable
from pathlib import Path

from tools.cluster.node.bundle import Mount
from tools.cluster.node.environment import PERSISTENT_VOLUME, Facts, Objects
from tools.cluster.node.specification import Container, NotStartableError, PodSpec, Volume
from tools.cluster.node.volume_files import FollowingDirectory, Tokens, files_of, sources_of
from upgraph.kube.kinds import PERSISTENT_VOLUME_CLAIM
from upgraph.kube.objects import Key, Object

_EMPTY_MODE = 0o777
_GROUP_MODE = 0o2777


class PodVolumes:
    """The volumes of a pod.

    Args:
        directory: for those that live as long as the pod; it is made.
        spec: of the pod.
        facts: what is known of the pod now.
        objects: what the cluster has.
    """

    def __init__(self, directory: Path, spec: PodSpec, facts: Callable[[], Facts], objects: Objects) -> None:
        self._directory = directory
        self._spec = spec
        self._facts = facts
        self._objects = objects
        self._following: dict[str, FollowingDirectory] = {}
        self._paths: dict[str, Path] = {}

    def make(self, tokens: Tokens) -> None:
        """Make what is not there yet.

        Raises:
            NotStartableError: what a volume needs is not there yet; call again later.
        """
        for volume in self._spec.volumes:
            if volume.name not in self._paths:
                self._paths[volume.name] = self._made(volume, tokens)

    def follow(self, tokens: Tokens) -> None:
        """Write the files as the cluster has them now. What has gone stays as it was, as the kubelet leaves it."""
        for volume in self._spec.volumes:
            directory = self._following.get(volume.name)
            if directory is None:
                continue
            try:
                directory.write(files_of(volume, self._facts(), self._objects, tokens))
            except NotStartableError:
                continue

    def mounts(self, container: Container) -> list[Mount]:
        """Where a container finds its volumes.

        Raises:
            NotStartableError: a volume or a path in it does not exist.
        """
        return [self._mount(container, at) for at in range(len(container.volume_mounts))]

    def _mount(self, container: Container, at: int) -> Mount:
        wanted = container.volume_mounts[at]
        if wanted.name not in self._paths:
            raise NotStartableError("CreateContainerConfigError", f"there is no volume {wanted.name!r}")
        source = self._paths[wanted.name]
        if wanted.sub_path:
            source = (source / wanted.sub_path).resolve()
            if not source.is_relative_to(self._paths[wanted.name].resolve()):
                raise NotStartableError(
                    "CreateContainerConfigError", f"{wanted.sub_path!r} leads outside the volume"
                )
            if not source.exists():
                if wanted.name in self._following:
                    raise NotStartableError(
                        "CreateContainerConfigError", f"the volume has no {wanted.sub_path!r}"
                    )
                self._make_empty(source)
        is_writable = not wanted.read_only and wanted.name not in self._following
        return Mount(source, wanted.mount_path, writable=is_writable)

    def _made(self, volume: Volume, tokens: Tokens) -> Path:
        path = self._directory / volume.name
        if sources_of(volume) is not None:
            files = files_of(volume, self._facts(), self._objects, tokens)
            self._following[volume.name] = FollowingDirectory(path, self._spec.security_context.fs_group)
            self._following[volume.name].write(files)
            return path
        if volume.empty_dir is not None:
            self._make_empty(path)
            return path
        if volume.host_path is not None:
            return _existing(Path(volume.host_path.path), volume.host_path.type)
        if volume.persistent_volume_claim is not None:
            return self._claimed(volume.persistent_volume_claim.claim_name)
        if volume.ephemeral is not None:
            return self._claimed(f"{self._facts().pod['metadata']['name']}-{volume.name}")
        raise NotStartableError("ContainerCreating", f"the volume {volume.name!r} has no source")

    def _make_empty(self, path: Path) -> None:
        path.mkdir(parents=True)
        group = self._spec.security_context.fs_group
        if group is not None:
            os.chown(path, -1, group)
        path.chmod(_EMPTY_MODE if group is None else _GROUP_MODE)

    def _claimed(self, name: str) -> Path:
        claim = self._objects.get(PERSISTENT_VOLUME_CLAIM, Key(self._facts().namespace, name))
        bound = "" if claim is None else claim["spec"].get("volumeName", "")
        volume = self._objects.get(PERSISTENT_VOLUME, Key("", bound)) if bound else None
        if volume is None:
            raise NotStartableError("ContainerCreating", f"the claim {name!r} is bound to no volume")
        path = _existing(_path_of(volume), "DirectoryOrCreate")
        if (group := self._spec.security_context.fs_group) is not None:
            os.chown(path, -1, group)
            path.chmod(_GROUP_MODE)
        return path


def _path_of(volume: Object) -> Path:
    spec = volume["spec"]
    for kind in ("hostPath", "local"):
        if kind in spec:
            return Path(spec[kind]["path"])
    name = volume["metadata"]["name"]
    raise NotStartableError(
        "ContainerCreating", f"this node for tests does not know the kind of the volume {name}"
    )


def _existing(path: Path, kind: str) -> Path:
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise NotStartableError("ContainerCreating", f"{path} is not there")
    return path
