"""Lay out the image's own files. Runs while an image is built, with the Python of the base image.

The stage that runs this has the architecture of the building machine; what it makes is for any: wheels were
chosen for the target before, and compiled modules are the same everywhere. Modules are compiled with unchecked
hashes: they hold no time, so two builds are equal, and a root that cannot be written starts as fast as any.
"""

import configparser
import py_compile
import re
import shutil
import sys
import sysconfig
from importlib.util import cache_from_source
from pathlib import Path

HOME = Path("opt/upgraph")
"""Where the virtual environment lies, from the root of the image."""
PROGRAMS = Path("usr/bin")
"""Where the OpenShift Update Service Operator calls the programs (its Deployment names the full paths)."""

_NEVER_RUN = ("*.c", "*.h", "*.pxd", "*.pxi", "*.pyi", "*.pyx", "__pycache__", "bin", "tests")
_NEVER_READ = ("zstandard/_cffi*.so", "*.dist-info/uv_*.json")
"""A second form of a module that is there in C already and needs a package that is not; notes with times."""
_LAUNCHER = """\
#!/{python} -I
from {module} import {function}

{function}()
"""
_ENTRY = re.compile(r"([\w.]+):(\w+)")


def environment(made: Path, packages: Path) -> Path:
    """Make a virtual environment out of installed packages; gives its folder of packages."""
    home = made / HOME
    (home / "bin").mkdir(parents=True)
    python = Path(sys.executable)
    (home / "bin" / "python").symlink_to(python)
    version = "{}.{}.{}".format(*sys.version_info)
    config = f"home = {python.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    (home / "pyvenv.cfg").write_text(config)
    target = home / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    shutil.copytree(packages, target, ignore=shutil.ignore_patterns(*_NEVER_RUN))
    for pattern in _NEVER_READ:
        for file in target.glob(pattern):
            file.unlink()
    for record in target.glob("*.dist-info/RECORD"):
        _forget_what_is_gone(record)
    return target


def _forget_what_is_gone(record: Path) -> None:
    """Tools that check an installation compare it with this list."""
    lines = record.read_text().splitlines(keepends=True)
    kept = (line for line in lines if (record.parent.parent / line.split(",")[0]).exists())
    record.write_text("".join(kept))


def programs(made: Path, packages: Path) -> None:
    """Write a launcher for each program of Upgraph, as its installed metadata names them."""
    entries = configparser.ConfigParser()
    entries.read(next(packages.glob("upgraph-*.dist-info")) / "entry_points.txt")
    folder = made / PROGRAMS
    folder.mkdir(parents=True)
    for name, place in entries["console_scripts"].items():
        found = _ENTRY.fullmatch(place)
        if found is None:
            sys.exit(f"{name} = {place}: not a function of a module")
        launcher = _LAUNCHER.format(python=HOME / "bin/python", module=found[1], function=found[2])
        (folder / name).write_text(launcher)


def compile_packages(made: Path, packages: Path) -> None:
    """Compile our modules and those that we use."""
    for source in sorted(packages.rglob("*.py")):
        _compile(source, Path(cache_from_source(str(source))), Path("/") / source.relative_to(made))


def compile_library(made: Path) -> None:
    """Compile what the base image has of Python's own library only as sources: nothing could keep it later."""
    library = Path(sysconfig.get_path("stdlib"))
    for source in sorted(library.rglob("*.py")):
        compiled = Path(cache_from_source(str(source)))
        if not compiled.exists() and not {"site-packages", "test", "tests"} & set(source.parts):
            _compile(source, made / compiled.relative_to("/"), source)


def _compile(source: Path, target: Path, name: Path) -> None:
    try:
        py_compile.compile(
            str(source),
            cfile=str(target),
            dfile=str(name),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        # Some packages carry files for other versions of Python, which are never imported.
        print(f"not compiled: {error.msg.splitlines()[0]}")


def settle(made: Path) -> None:
    """Give everything the modes that let any user read it and none change it."""
    for path in made.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path.parent == made / PROGRAMS
            path.chmod(0o755 if runs else 0o644)


def main() -> None:
    """Assemble: the folder with ``site-packages`` and ``licenses``, then the one to fill, which gets the tree."""
    context, made = map(Path, sys.argv[1:])
    packages = environment(made, context / "site-packages")
    programs(made, packages)
    compile_packages(made, packages)
    compile_library(made)
    shutil.copytree(context / "licenses", made / "licenses")
    settle(made)


if __name__ == "__main__":
    main()
