"""Make a base image's root file system from Debian packages: Python, the C library, certificates, and no shell.

For sites that can pull no base image but have a Debian mirror. mmdebstrap resolves, fetches and verifies the
packages; it calls this file as its hook, which takes out of them what the service needs and writes one tar.
No package runs a script, so the tar of another architecture needs no emulation, and the same packages give
the same bytes.
"""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

SUITE = "bookworm"
"""The Debian release; its Python has to be the one that the image's wheels are made for."""
EPOCH = 1_750_000_000
"""Seconds since 1970: no file is newer. It is fixed, so that the base changes with its packages alone."""
MAKE_SECONDS = 600
"""Longest time for fetching the packages and making the tar."""

WANTED = ("base-files", "ca-certificates", "gpgv", "libpython3.11-stdlib", "libstdc++6", "python3.11-minimal")
KEPT = frozenset(
    {
        *WANTED,
        "gcc-12-base",
        "libbz2-1.0",
        "libc6",
        "libcrypt1",
        "libexpat1",
        "libffi8",
        "libgcc-s1",
        "libgcrypt20",
        "libgpg-error0",
        "liblzma5",
        "libpython3.11-minimal",
        "libsqlite3-0",
        "libssl3",
        "libuuid1",
        "media-types",
        "zlib1g",
    }
)
"""What is left of all that the wanted packages depend on: not the tools that install packages, nor shells."""

_LEFT_OUT = (
    "usr/bin/c_rehash",
    "usr/lib/*/gconv/*",
    "usr/lib/*/audit/*",
    "usr/lib/python3.11/ensurepip/*",
    "usr/lib/python3.11/idlelib/*",
    "usr/lib/python3.11/lib-dynload/_ctypes_test.*",
    "usr/lib/python3.11/lib-dynload/_curses*",
    "usr/lib/python3.11/lib-dynload/_dbm.*",
    "usr/lib/python3.11/lib-dynload/_test*",
    "usr/lib/python3.11/lib-dynload/nis.*",
    "usr/lib/python3.11/lib-dynload/readline.*",
    "usr/lib/python3.11/lib-dynload/xx*",
    "usr/lib/python3.11/lib2to3/*",
    "usr/lib/python3.11/pydoc_data/*",
    "usr/lib/python3.11/test/*",
    "usr/sbin/update-ca-certificates",
    "usr/share/bug/*",
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/local",
    "var/lock",
    "var/mail",
)
"""Patterns of ``PurePath.match`` against each file and the folders above it."""
_AUTHORITIES = "usr/share/ca-certificates/"
_FOLDERS = {"dev": 0o755, "proc": 0o555, "root": 0o700, "run": 0o755, "sys": 0o555, "tmp": 0o1777}
_ACCOUNTS = {
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
}
"""What a script of a package would make. The programs of the image run as any user, also without a name."""
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


class Tree:
    """The files of an image by path; a later one takes the place of an earlier one."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def add(self, info: tarfile.TarInfo, content: bytes = b"") -> None:
        """Add one member, as root's and with a time that does not depend on this machine."""
        info.name = info.name.removeprefix("./").rstrip("/")
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = min(int(info.mtime), EPOCH)
        info.size = len(content)
        info.pax_headers = {}
        self._members[info.name] = (info, content)

    def file(self, path: str, content: bytes) -> None:
        """Add a file, and the folders above it that are missing."""
        for above in map(str, PurePosixPath(path).parents[:-1]):
            if above not in self._members:
                self.folder(above)
        info = tarfile.TarInfo(path)
        info.mode, info.mtime = 0o644, EPOCH
        self.add(info, content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link, and the folders above it that are missing."""
        self.file(path, b"")
        info, _ = self._members[path]
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Add a folder."""
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.mtime = tarfile.DIRTYPE, mode, EPOCH
        self.add(info)

    def below(self, prefix: str) -> list[bytes]:
        """The contents of the files below ``prefix``, by path."""
        return [
            content
            for path, (info, content) in sorted(self._members.items())
            if path.startswith(prefix) and info.isfile()
        ]

    def write(self, target: Path) -> None:
        """Write a tar, parents first."""
        with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
            for _, (info, content) in sorted(self._members.items()):
                tar.addfile(info, io.BytesIO(content))


def make(target: Path, architecture: str, mirror: str | None) -> None:
    """Write the root file system of ``architecture`` (Debian's name) to ``target``.

    Args:
        target: the tar; it is there whole or not at all.
        architecture: for example ``amd64``.
        mirror: a line of ``sources.list`` or an address; None: what mmdebstrap takes for the suite.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(".part")
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}"]
    command += [f"--include={','.join(WANTED)}"]
    command += [f'--extract-hook={sys.executable} {Path(__file__).resolve()} "$1" {beside.resolve()}']
    # The root that mmdebstrap makes itself is of no use here: it goes where nothing is kept.
    command += [SUITE, "/dev/null", *([mirror] if mirror else [])]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    subprocess.run(command, check=True, env=environment, timeout=MAKE_SECONDS)
    beside.replace(target)


def collect(packages: Path, target: Path) -> None:
    """Write the tar of what is kept of the ``*.deb`` in ``packages``.

    Raises:
        SystemExit: a package that has to be there is not.
    """
    tree = Tree()
    for path, mode in _FOLDERS.items():
        tree.folder(path, mode)
    found = set()
    for package in sorted(packages.glob("*.deb")):
        name = package.name.partition("_")[0]
        if name in KEPT:
            found.add(name)
            _unpack(package, tree)
            # Where scanners look for what an image without a package manager consists of.
            tree.file(f"var/lib/dpkg/status.d/{name}", _dpkg_deb("--field", package))
    if missing := sorted(KEPT - found):
        sys.exit(f"{SUITE} has no {', '.join(missing)}: the lists in {Path(__file__).name} need another look")
    for path, text in _ACCOUNTS.items():
        tree.file(path, text.encode())
    tree.file(_BUNDLE, b"".join(tree.below(_AUTHORITIES)))
    # Where OpenSSL looks; the link belongs to the package of its command line.
    tree.link("usr/lib/ssl/cert.pem", f"/{_BUNDLE}")
    tree.write(target)


def _unpack(package: Path, tree: Tree) -> None:
    with tarfile.open(fileobj=io.BytesIO(_dpkg_deb("--fsys-tarfile", package))) as tar:
        for info in tar:
            if not _is_kept(info):
                continue
            opened = tar.extractfile(info) if info.isfile() else None
            tree.add(info, opened.read() if opened else b"")


def _is_kept(info: tarfile.TarInfo) -> bool:
    path = PurePosixPath(info.name)
    if path == PurePosixPath():
        return False
    if path.is_relative_to("usr/share/doc"):
        # Licenses stay with what they are of.
        return info.isdir() or path.name == "copyright"
    return not any(part.match(pattern) for part in (path, *path.parents) for pattern in _LEFT_OUT)


def _dpkg_deb(action: str, package: Path) -> bytes:
    command = ["dpkg-deb", action, str(package)]
    return subprocess.run(command, check=True, capture_output=True, timeout=MAKE_SECONDS).stdout


if __name__ == "__main__":
    collect(Path(sys.argv[1]) / "var/cache/apt/archives", Path(sys.argv[2]))
