"""To whom an object belongs (``metadata.ownerReferences``): what is deleted with its owner, and what must not be touched."""

from upgraph.errors import UserError
from upgraph.errors.problems import kube as problems
from upgraph.kube.objects import Object, key_of, uid_of


def controller_reference(owner: Object) -> Object:
    """The reference that makes an object belong to its controller, and go when that goes.

    The owner is in the same namespace or belongs to the cluster. Where the cluster enforces permissions of owner references,
    as OpenShift does, ``blockOwnerDeletion`` needs the right to update ``finalizers`` of the owner.

    Args:
        owner: the owner as it was read.
    """
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The reference to the controller of an object, if it has one."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((one for one in references if one.get("controller")), None)


def controller_uid(obj: Object) -> tuple[str, ...]:
    """An index: the uid of the controller of an object."""
    found = controller_of(obj)
    return () if found is None else (str(found.get("uid", "")),)


def refuse_foreign(found: Object, owner: Object) -> None:
    """Make sure that an object may be managed for an owner: it belongs to it, or to nobody.

    Args:
        found: the object as it is in the cluster.
        owner: for whom it is to be managed.

    Raises:
        UserError: it belongs to another one; :data:`KUBE_OWNED`. So does what an earlier owner of the same name left, which
            the cluster is about to delete.
    """
    controller = controller_of(found)
    if controller is None or controller.get("uid") == uid_of(owner):
        return
    of_whom = f"{controller.get('kind')} {controller.get('name')} (uid {controller.get('uid')})"
    seen = f"{found.get('kind')} {key_of(found)} belongs to {of_whom}, not to {owner.get('kind')} {key_of(owner)}"
    raise UserError(problems.KUBE_OWNED, seen)
