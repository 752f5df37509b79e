"""Rules of this repository that no linter knows: each takes sources and names what breaks it.

They are naive on purpose. A rule that needs an exception for a good reason gets one here, with the
reason, rather than a mark in the code. ``tests/house`` applies them and shows that each one can fail.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent

LINES_OF_FILE = {"tests": 600}
"""Most lines of a file by top folder, where it is not the usual limit: tables of cases may be long."""
LINES_OF_ANY_FILE = 400
LINES_OF_FUNCTION = 50
"""Most lines of a function without its docstring."""

NAMES_WITHOUT_MEANING = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})

FORBIDDEN_TEXT = {
    r"(?<![\w.])/wor[k]/": "the path of one machine",
    r"\.\./share[d]/": "the path of one machine",
    r"py[p]i\.org|pythonhoste[d]\.org": "the address of a package index, which is the user's to choose",
}
"""Patterns that no file may contain, with the reason. They are spelled so as not to match themselves."""
PLACES_OF_THE_GATE = frozenset({".ci/run"})
"""The one file that may know where the gate keeps its data."""

_FOLDERS = (".ci", "benchmarks", "changelog.d", "docs", "fuzz", "requirements", "src", "tests", "tools")
_MADE = frozenset({"__pycache__", "_build"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One text file; ``path`` is relative to the root of the repository."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text, self.path)


def repository(root: Path = ROOT) -> list[Source]:
    """Every text file of the repository, sorted by path; what tools leave behind is passed over."""
    top = [path for path in root.iterdir() if path.is_file() and not path.name.startswith(".coverage")]
    below = [path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    found = []
    for path in sorted(path for path in top + below if not _MADE.intersection(path.parts)):
        content = path.read_bytes()
        if b"\0" not in content:
            found.append(Source(path.relative_to(root).as_posix(), content.decode()))
    return found


def python(sources: Iterable[Source], folder: str = "") -> list[Source]:
    """The Python files below ``folder``."""
    return [source for source in sources if source.path.startswith(folder) and source.path.endswith(".py")]


def without_docstring(sources: Iterable[Source]) -> list[str]:
    """A module says in its docstring what it is for."""
    return [source.path for source in sources if not ast.get_docstring(source.tree)]


def wrong_exports(sources: Iterable[Source]) -> list[str]:
    """``__all__`` of a package below ``upgraph`` names all that the package offers; ruff sorts it."""
    found = []
    for source in sources:
        package = PurePosixPath(source.path).parent.parts[1:]
        if not source.path.endswith("/__init__.py") or len(package) < 2:
            continue
        offered = sorted(set(_offered(source.tree, ".".join(package))))
        declared = sorted(_declared(source.tree))
        if declared != offered:
            found.append(f"{source.path}: offers {offered}, declares {declared}")
    return found


def _offered(tree: ast.Module, package: str) -> Iterator[str]:
    """Public names that a package defines or takes from its own modules."""
    for node in tree.body:
        match node:
            case ast.ImportFrom(module=str(module), names=names) if f"{module}.".startswith(f"{package}."):
                found = [alias.asname or alias.name for alias in names]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found = [name]
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found = [name]
            case _:
                found = []
        yield from (name for name in found if not name.startswith("_"))


def _declared(tree: ast.Module) -> list[str]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                return [str(name.value) for name in names if isinstance(name, ast.Constant)]
    return []


def long_files(sources: Iterable[Source]) -> list[str]:
    """Long files hide the seam at which they should be cut."""
    found = []
    for source in sources:
        limit = LINES_OF_FILE.get(PurePosixPath(source.path).parts[0], LINES_OF_ANY_FILE)
        lines = len(source.text.splitlines())
        if lines > limit:
            found.append(f"{source.path}: {lines} lines, at most {limit}")
    return found


def long_functions(sources: Iterable[Source]) -> list[str]:
    """A function fits on a screen."""
    return [
        f"{source.path}:{function.lineno}: {function.name} has {lines} lines, at most {LINES_OF_FUNCTION}"
        for source in sources
        for function in ast.walk(source.tree)
        if isinstance(function, _Function) and (lines := _lines(function)) > LINES_OF_FUNCTION
    ]


def _lines(function: _Function) -> int:
    first = function.body[0]
    docstring = 0
    if ast.get_docstring(function) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def names_without_meaning(sources: Iterable[Source]) -> list[str]:
    """A module is called by what it holds."""
    return [
        source.path
        for source in sources
        if NAMES_WITHOUT_MEANING.intersection(PurePosixPath(source.path).with_suffix("").parts)
    ]


def forbidden_text(sources: Iterable[Source]) -> list[str]:
    """The repository speaks of the product, not of the machines it was made on."""
    return [
        f"{source.path}:{number}: {reason}"
        for source in sources
        if source.path not in PLACES_OF_THE_GATE
        for number, line in enumerate(source.text.splitlines(), start=1)
        for pattern, reason in FORBIDDEN_TEXT.items()
        if re.search(pattern, line)
    ]


def unused_problems(sources: Iterable[Source]) -> list[str]:
    """Every problem of the catalogue is reported somewhere: users read about faults that can happen."""
    catalogue = [source for source in sources if "/errors/problems/" in source.path]
    used = {
        name
        for source in sources
        if source not in catalogue
        for node in ast.walk(source.tree)
        for name in _names(node)
    }
    return [
        f"{source.path}: {name}" for source in catalogue for name in _problems(source) if name not in used
    ]


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
            return [name]
        case _:
            return []


def _problems(source: Source) -> Iterator[str]:
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Problem"))):
                yield name


def unknown_references(sources: Iterable[Source], known: frozenset[str]) -> list[str]:
    """A reference that code compares with exists in the catalogue, or the same file makes it up."""
    return [
        f"{source.path}:{line}: {reference}"
        for source in sources
        for line, reference in _compared_references(source.tree)
        if reference not in known | _own_references(source.tree)
    ]


def _compared_references(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Compare(
                left=ast.Attribute(attr="reference"), comparators=[ast.Constant(value=str(text))]
            ):
                yield node.lineno, text


def _own_references(tree: ast.Module) -> set[str]:
    own = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Problem"), args=[ast.Constant(value=str(text)), *_]):
                own.add(text)
    return own
