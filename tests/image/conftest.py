"""The image, built from what `make deps` and `make image` fetch, and containers of it run by a real runtime.

Containers share a network and a process tree of their own, as those of a pod do: fixed ports meet nobody, and
whatever happens to the tests, all of it ends with them.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import ROOT_REASON
from tools import image as building
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayoutWriter, digest_of, gzipped, tar_layer
from upgraph.testing.real_registry import program

PATIENCE_SECONDS = 180.0
"""Longest wait for something that must happen; what decides a test is never how long it took."""
LOOK_SECONDS = 0.05
COMMAND_SECONDS = 120
REVISION = "0123456789abcdef0123456789abcdef01234567"

# In a process and mount space of its own: a loopback that is up, and control groups in the form that the
# runtime understands, also where the machine has them in the older one.
_SETTLE = """
ip link set lo up
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] ||
    { umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup; } || exit 1
mount -t tmpfs tmpfs /run
echo settled
exec cat
"""
_HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"

T = TypeVar("T")


def until(look: Callable[[], T], *, what: Callable[[], str]) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain for {what()}")


@dataclass(frozen=True)
class Image:
    """An image in a store of its own."""

    name: str
    digest: str
    """Of the image as a registry shows it."""
    store: Path
    """The configuration of the store."""


@pytest.fixture(scope="session")
def build_image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Image]:
    """Builds the image from nothing but what is fetched, each time in an empty store."""
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    parts = building.Parts(building.native())
    if not (parts.packages.exists() and parts.tar.exists()):
        pytest.fail("what the image is made of is not there: run `make parts`")

    def build() -> Image:
        place = tmp_path_factory.mktemp("image")
        store = place / "storage.conf"
        lines = [
            "[storage]",
            'driver = "overlay"',
            f'graphroot = "{place}/store"',
            f'runroot = "{place}/run"',
        ]
        store.write_text("\n".join(lines) + "\n")
        made_of = building.Origin(building.origin().version, REVISION, 1_700_000_000)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CONTAINERS_STORAGE_CONF", str(store))
            building.prepare(place / "context", parts, made_of)
            base = building.base(parts)
            bases = building.Bases(base, base)
            name = building.build(place / "context", parts.architecture, bases, made_of)
            return Image(name, building.export(name, place / "image.tar"), store)

    return build


@pytest.fixture(scope="session")
def image(build_image: Callable[[], Image]) -> Image:
    return build_image()


def shell_image(directory: Path, *, start: Mapping[str, object]) -> Path:
    """An OCI layout with the image ``shell``: a shell, ``cp`` and ``mkdir`` of this machine.

    Args:
        directory: where it is made.
        start: ``Entrypoint`` and ``Cmd``.
    """
    tar = tar_layer(_programs(["/bin/sh", "/bin/cp", "/bin/mkdir"]))
    config = {
        "architecture": building.native().name,
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "WorkingDir": "/", **start},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
    }
    with LayoutWriter(directory) as layout:
        layer = layout.blob(gzipped(tar), OCI_LAYER_GZIP)
        layout.image(config=config, layers=[layer], tag="shell")
    return directory


def _programs(wanted: Sequence[str]) -> Iterator[LayerFile]:
    """Programs of this machine with the libraries that they are linked with, where they are looked for."""
    found = set(wanted)
    for path in wanted:
        linked = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
        found.update(word for word in linked.split() if word.startswith("/"))
    for path in sorted(found):
        yield LayerFile(path.lstrip("/"), Path(path).read_bytes(), 0o755)


@dataclass(frozen=True)
class Got:
    """What curl brought; status 0 if nobody answered."""

    status: int
    body: str


@dataclass(frozen=True)
class Volume:
    """A directory of this machine, and where a container finds it."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Command:
    """What a container runs, and as whom."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[Volume] = ()
    user: int = 1000650000
    """As OpenShift chooses one for a namespace; it has no name in the image."""


@dataclass
class Container:
    """A container that runs."""

    pod: "Pod"
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """All it has said."""
        return self.log.read_text()

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the first process and as its user, as `kubectl exec` does."""
        return self.pod.execute(self.name, *command)

    def wait(self) -> int:
        """Wait for its end; gives the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """Stop it as a kubelet does; gives the exit code."""
        self.pod.kill(self.name, signal.SIGTERM)
        return self.wait()


@dataclass
class Pod:
    """A network, a process tree and the root of one image, which containers share."""

    holder: int
    """The first process of the process tree; all end with it."""
    directory: Path
    image: Image
    root: Path
    """Of the image, as the pod sees it."""
    stack: ExitStack

    @property
    def content(self) -> Path:
        """The root of the image, as this process sees it."""
        return Path(f"/proc/{self.holder}/root", *self.root.parts[1:])

    @property
    def network(self) -> tuple[str, ...]:
        """What comes before a command that belongs to the network of the pod."""
        return ("nsenter", f"--target={self.holder}", "--net", "--")

    @property
    def _all(self) -> tuple[str, ...]:
        return ("nsenter", f"--target={self.holder}", "--net", "--mount", "--pid", "--")

    @property
    def _runtime(self) -> tuple[str, ...]:
        # Each pod keeps its own account of containers: one that was killed stays in it.
        return (*self._all, "crun", f"--root={self.directory / 'crun'}", "--cgroup-manager=disabled")

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the first process of a container."""
        command = [*self._runtime, "kill", name, number.name]
        subprocess.run(command, check=True, timeout=COMMAND_SECONDS)

    def execute(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container."""
        user = json.loads((self.directory / name / "config.json").read_text())["process"]["user"]
        line = [*self._runtime, "exec", f"--user={user['uid']}:{user['gid']}", name, *command]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)

    def buildah(self, *arguments: str) -> str:
        """Ask the store of the image; what it mounts is gone when the pod is."""
        command = [*self._all, "env", f"CONTAINERS_STORAGE_CONF={self.image.store}", "buildah", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def curl(self, url: str) -> Got:
        """Ask from beside the containers."""
        command = [program("curl"), "-s", "-g", "--max-time", "10", "-w", "\n%{http_code}", url]
        done = subprocess.run(
            [*self.network, *command], capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
        body, _, status = done.stdout.rpartition("\n")
        return Got(int(status or 0), body)

    def run(self, name: str, command: Command) -> Container:
        """Start a container with a root that cannot be written and no rights at all."""
        bundle = self.directory / name
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(self._configuration(command)))
        log = bundle / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self._runtime, "run", f"--bundle={bundle}", name],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.stack.callback(_end, process)
        return Container(self, name, process, log)

    def _configuration(self, command: Command) -> dict[str, object]:
        config = json.loads(self.buildah("inspect", "--type=image", self.image.name))["OCIv1"]["config"]
        environment = {**dict(entry.split("=", 1) for entry in config.get("Env", ())), **command.environment}
        hosts = self.directory / "hosts"
        hosts.write_text(_HOSTS)
        volumes = [Volume(hosts, "/etc/hosts"), *command.volumes]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": command.user, "gid": 0},
                "args": list(command.arguments),
                "env": [f"{name}={value}" for name, value in environment.items()],
                "cwd": config.get("WorkingDir", "/"),
                "capabilities": {},
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.root), "readonly": True},
            "mounts": [*_SYSTEM, *(_bind(volume) for volume in volumes)],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
        }


_SYSTEM = (
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777", "size=65536k"]},
)


def _bind(volume: Volume) -> dict[str, object]:
    options = ["rbind", "rw" if volume.writable else "ro"]
    return {
        "destination": volume.target,
        "type": "bind",
        "source": str(volume.source),
        "options": options,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()


@contextmanager
def _sandbox() -> Iterator[int]:
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
    process = subprocess.Popen(
        [*command, "sh", "-c", _SETTLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "settled\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        yield int(children.split()[0])
    finally:
        # Its end of input ends it; `unshare` itself would not pass on a signal.
        process.communicate(timeout=COMMAND_SECONDS)


@pytest.fixture
def pod(image: Image, tmp_path: Path) -> Iterator[Pod]:
    """A pod without containers."""
    directory = tmp_path / "pod"
    directory.mkdir()
    with _sandbox() as holder, ExitStack() as stack:
        made = Pod(holder, directory, image, Path(), stack)
        container = made.buildah("from", "--pull-never", image.name)
        stack.callback(made.buildah, "rm", container)
        made.root = Path(made.buildah("mount", container))
        yield made
