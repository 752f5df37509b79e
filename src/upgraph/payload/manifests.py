"""The manifests of a release, as far as a Cluster Version Operator looks at them before it applies any.

A file may hold several documents, empty ones included. One that cannot be used makes the operator refuse the
whole release, after it was downloaded to a cluster: so it is found here, with its line.
Source: the payload loader of the Cluster Version Operator and ``ParseManifests`` of library-go.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from upgraph.errors import Finding, Problem, Severity
from upgraph.errors.problems.payload import IMAGE_UNLISTED, MANIFEST_INVALID, MANIFEST_TWICE
from upgraph.payload.references import ImageReferences
from upgraph.syntax import SyntaxFault
from upgraph.syntax.yaml import Items, Limits, Table, Value, parse_all

LIMITS = Limits(depth=100, nodes=1_000_000, characters=16 * 1024 * 1024)
"""What is read of one file: schemas of resources nest deeply and are long."""

_CONTAINERS = ("initContainers", "containers")
_PULL_SPEC = re.compile(r"[A-Za-z0-9][^\s{}$]*")
"""What may be a pull spec, but no place that something else fills in."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One object of a manifest."""

    file: str
    line: int
    api_version: str
    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]
    """What its containers run, as it stands there."""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What tells objects apart; the version of an API does not."""
        group = self.api_version.rpartition("/")[0]
        return group, self.kind, self.namespace, self.name


def read_manifest(file: str, content: bytes) -> tuple[tuple[ManifestObject, ...], tuple[Finding, ...]]:
    """The objects in a file, and what is wrong with it."""
    try:
        documents = parse_all(content, limits=LIMITS)
    except SyntaxFault as fault:
        return (), (_finding(file, fault.line, f"it cannot be read: {fault.seen}"),)
    except RecursionError:
        return (), (_finding(file, None, "it cannot be read: it is nested too deep"),)
    manifests, findings = [], []
    for number, document in enumerate(documents, start=1):
        if document == "":
            continue
        made = _manifest(file, number, document)
        if isinstance(made, Finding):
            findings.append(made)
        else:
            manifests.append(made)
    return tuple(manifests), (*findings, *_repeated(file, manifests))


def unlisted_images(manifests: tuple[ManifestObject, ...], references: ImageReferences) -> Iterator[Finding]:
    """Images in manifests that the release does not list: they are not mirrored with it."""
    listed = {component.pull_spec for component in references.components}
    for manifest in manifests:
        for image in manifest.images:
            if image not in listed and _PULL_SPEC.fullmatch(image):
                seen = f"{manifest.kind} {manifest.name} runs {image[:_SHOWN]!r}, which image-references do not list"
                yield Finding(Severity.WARNING, IMAGE_UNLISTED, seen, manifest.file, manifest.line)


def _manifest(file: str, number: int, document: Value) -> ManifestObject | Finding:
    if not isinstance(document, Table):
        return _finding(file, None, f"document {number} is no object of Kubernetes but a list or a text")
    line = min(document.lines.values(), default=1)
    metadata = document.values.get("metadata", "")
    about = metadata.values if isinstance(metadata, Table) else {}
    fields = {
        "apiVersion": document.values.get("apiVersion", ""),
        "kind": document.values.get("kind", ""),
        "metadata.name": about.get("name", ""),
    }
    lacking = [name for name, value in fields.items() if not (isinstance(value, str) and value)]
    if lacking:
        return _finding(file, line, f"document {number} has no {' and no '.join(lacking)}")
    version, kind, name = (str(value) for value in fields.values())
    return ManifestObject(
        file, line, version, kind, _text(about.get("namespace", "")), name, tuple(_images(document))
    )


def _repeated(file: str, manifests: list[ManifestObject]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str, str]] = set()
    for manifest in manifests:
        if manifest.identity in seen:
            where = f" in {manifest.namespace}" if manifest.namespace else ""
            text = f"{manifest.kind} {manifest.name}{where} stands there twice"
            yield _finding(file, manifest.line, text, MANIFEST_TWICE)
        seen.add(manifest.identity)


def _images(value: Value) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Items):
            waiting += reversed(one.values)
        elif isinstance(one, Table):
            for key in _CONTAINERS:
                yield from _run_by(one.values.get(key, ""))
            waiting += reversed(one.values.values())


def _run_by(containers: Value) -> Iterator[str]:
    for container in containers.values if isinstance(containers, Items) else ():
        image = container.values.get("image", "") if isinstance(container, Table) else ""
        if isinstance(image, str) and image:
            yield image


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _finding(file: str, line: int | None, seen: str, problem: Problem = MANIFEST_INVALID) -> Finding:
    return Finding(Severity.ERROR, problem, seen, file, line)
