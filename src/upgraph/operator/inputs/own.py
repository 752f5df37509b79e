"""Which of the objects that have the names of an UpdateService are its own: nothing else decides what becomes of it.

A name alone says nothing. Whoever may make a ConfigMap or a Route chooses its name, and the names of two UpdateServices can
meet: the Route that old releases have made for ``a`` is called as the Route of ``a-policy-engine``.
"""

from dataclasses import dataclass

from upgraph.errors.problems.reconcile import OBJECT_OF_ANOTHER
from upgraph.kube.objects import Kind, Object, key_of
from upgraph.kube.ownership import controller_of, foreign_controller
from upgraph.operator.inputs.view import View, at
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import UpdateService

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "upgraph-operator"
"""Value of the label :data:`MANAGED_BY`."""


def strangeness(found: Object, owner: str) -> str:
    """Why an object is not ours; empty if it is.

    What nobody controls is somebody's too, unless it has our label: what was written once would go when the UpdateService
    goes, and whoever may name an UpdateService could have the operator overwrite a Secret or a NetworkPolicy of that name.

    Args:
        found: the object as it is in the cluster.
        owner: the identity of the UpdateService.
    """
    other = foreign_controller(found, owner)
    if other:
        return f"belongs to {other}"
    is_marked = at(found, "metadata", "labels").get(MANAGED_BY) == MANAGER
    return "" if is_marked or controller_of(found) else "was not made for an UpdateService"


def of_another(kind: Kind, found: Object, strange: str, *, holds_pods: bool = False) -> Trouble:
    """The trouble that an object is which is not ours, in the words of :func:`strangeness`."""
    seen = f"{kind.kind} {key_of(found)} {strange}"
    return Trouble("ObjectOfAnother", OBJECT_OF_ANOTHER, seen, holds_pods=holds_pods)


@dataclass(frozen=True, slots=True)
class Own:
    """What is there of one UpdateService."""

    view: View
    service: UpdateService

    def find(self, kind: Kind, name: str) -> Object | None:
        """An object of its namespace; None if there is none, or if it is not its own."""
        found, strange = self._judged(kind, name)
        return None if strange else found

    def hindrance(self, kind: Kind, name: str) -> Trouble | None:
        """What is in the place of an object that pods are to read: they would read what somebody else has put there."""
        found, strange = self._judged(kind, name)
        return of_another(kind, found, strange, holds_pods=True) if found is not None and strange else None

    def _judged(self, kind: Kind, name: str) -> tuple[Object | None, str]:
        """What has this name, and why it is not its own."""
        metadata = self.service.metadata
        found = self.view.find(kind, metadata.namespace, name)
        return found, "" if found is None else strangeness(found, metadata.uid)
