"""Where the API has what is asked for: paths and selections of requests."""

from urllib.parse import quote

from upgraph.errors import UserError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Scope
from upgraph.kube.objects import Kind


def version_path(kind: Kind) -> str:
    """Where a version of a group says which kinds it has."""
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def collection_path(kind: Kind, namespace: str) -> str:
    """Where all objects of a kind are.

    Args:
        kind: the kind.
        namespace: empty for all namespaces, and for what belongs to the cluster.

    Raises:
        UserError: this can be no name of a namespace.
    """
    inside = f"namespaces/{_segment(namespace)}/" if kind.namespaced and namespace else ""
    return f"{version_path(kind)}/{inside}{kind.plural}"


def object_path(kind: Kind, namespace: str, name: str) -> str:
    """Where one object is.

    Raises:
        UserError: these can be no names of an object and a namespace.
    """
    return f"{collection_path(kind, namespace)}/{_segment(name)}"


def selection(scope: Scope) -> dict[str, str]:
    """The parameters that choose from a collection."""
    chosen = {
        "labelSelector": scope.labels,
        "fieldSelector": "" if scope.name is None else f"metadata.name={_segment(scope.name)}",
    }
    return {name: value for name, value in chosen.items() if value}


def _segment(name: str) -> str:
    # What Kubernetes refuses as a part of a path: it would lead to another object than the one that is named.
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        raise UserError(problems.KUBE_REFUSED, f"{name[:100]!r} can be no name of an object")
    return quote(name, safe=":")
