"""What the container runtime is told about a container (``config.json`` of the OCI runtime specification). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.node.accounts import accounts, groups
from tools.cluster.node.specification import Capabilities, Container, NotStartableError, PodSecurityContext

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_USUAL_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""What containerd and CRI-O leave to a container that says nothing (CRI-O somewhat less)."""
_HIDDEN = ("/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/timer_list", "/sys/firmware")
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys")
_SYSTEM: tuple[dict[str, object], ...] = (
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {
        "destination": "/dev/pts",
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
    },
    {
        "destination": "/dev/shm",  # noqa: S108 - of the container
        "type": "tmpfs",
        "source": "shm",
        "options": ["nosuid", "nodev", "mode=1777", "size=65536k"],
    },
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "nodev", "ro"]},
)


@dataclass(frozen=True, slots=True)
class User:
    """In whose name a container runs."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the machine, and where the container finds it."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What a container runs."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: str
    user: User


@dataclass(frozen=True, slots=True)
class Place:
    """Where it runs."""

    root: Path
    network: Path
    """The file of its network namespace."""
    hostname: str
    mounts: Sequence[Mount]


def user_of(container: Container, pod: PodSecurityContext, image_user: str, root: Path) -> User:
    """In whose name a container runs.

    Args:
        container: what it says itself counts more than what its pod says.
        pod: the rights of the pod.
        image_user: ``USER`` of the image: numbers or names, with or without group.
        root: the files of the image, which know the names.

    Raises:
        NotStartableError: the user is root where that is excluded, or cannot be known.
    """
    own = container.security_context
    wanted = pod.run_as_user if own.run_as_user is None else own.run_as_user
    group = pod.run_as_group if own.run_as_group is None else own.run_as_group
    excluded = pod.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root
    name, _, group_name = image_user.partition(":")
    if wanted is None and excluded and name and not name.isdigit():
        message = f"container has runAsNonRoot and image has non-numeric user ({name})"
        raise NotStartableError("CreateContainerConfigError", f"{message}, cannot verify user is non-root")
    uid, gid = _numbers(root, str(wanted) if wanted is not None else name or "0")
    if group is not None:
        gid = group
    elif wanted is None and group_name:
        gid = int(group_name) if group_name.isdigit() else groups(root).get(group_name, 0)
    if excluded and uid == 0:
        chosen = "container's runAsUser breaks non-root policy"
        message = "container has runAsNonRoot and image will run as root" if wanted is None else chosen
        raise NotStartableError("CreateContainerConfigError", message)
    further = [*pod.supplemental_groups, *([] if pod.fs_group is None else [pod.fs_group])]
    return User(uid, gid, tuple(further))


def _numbers(root: Path, user: str) -> tuple[int, int]:
    known = accounts(root)
    if user.isdigit():
        return int(user), next((gid for uid, gid in known.values() if uid == int(user)), 0)
    if user not in known:
        raise NotStartableError("CreateContainerError", f"unable to find user {user}: no matching entries")
    return known[user]


def image_environment(entries: Sequence[str]) -> dict[str, str]:
    """The variables of an image, and the search path that every container has."""
    named = dict(entry.partition("=")[::2] for entry in entries)
    return {"PATH": _DEFAULT_PATH, **named}


def capabilities(wanted: Capabilities, uid: int) -> dict[str, list[str]]:
    """Capabilities by set. Only root has them; for other users they are the most that a program may give them."""
    dropped = set(wanted.drop)
    kept = set() if "ALL" in dropped else set(_USUAL_CAPABILITIES - dropped)
    bounding = sorted(f"CAP_{name}" for name in kept | set(wanted.add))
    held = bounding if uid == 0 else []
    return {"bounding": bounding, "effective": held, "permitted": held}


def configuration(container: Container, task: Task, place: Place) -> dict[str, object]:
    """The configuration for the runtime."""
    rights = container.security_context
    return {
        "ociVersion": "1.0.2",
        "hostname": place.hostname,
        "process": {
            "user": {
                "uid": task.user.uid,
                "gid": task.user.gid,
                "additionalGids": list(task.user.groups),
            },
            "args": list(task.arguments),
            "env": [f"{name}={value}" for name, value in sorted(task.environment.items())],
            "cwd": task.directory,
            "capabilities": capabilities(rights.capabilities, task.user.uid),
            "noNewPrivileges": not rights.allow_privilege_escalation,
        },
        "root": {"path": str(place.root), "readonly": rights.read_only_root_filesystem},
        "mounts": [*_SYSTEM, *(_bind(mount) for mount in place.mounts)],
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", "path": str(place.network)},
            ],
            "maskedPaths": list(_HIDDEN),
            "readonlyPaths": list(_READ_ONLY),
        },
    }


def _bind(mount: Mount) -> dict[str, object]:
    return {
        "destination": mount.target,
        "type": "bind",
        "source": str(mount.source),
        "options": ["rbind", "rw" if mount.writable else "ro"],
    }
