"""To whom an object belongs (``metadata.ownerReferences``): what is deleted with its owner, and what must not be touched."""

from upgraph.kube.objects import Object


def controller_of(obj: Object) -> Object | None:
    """The reference to the controller of an object, if it has one."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((one for one in references if one.get("controller")), None)


def controller_uid(obj: Object) -> tuple[str, ...]:
    """An index: the uid of the controller of an object."""
    found = controller_of(obj)
    return () if found is None else (str(found.get("uid", "")),)


def foreign_controller(found: Object, owner: str) -> str:
    """Who else controls an object, in words; empty where nobody does, or the owner does.

    What another one controls must be left alone: it would change the object back, and take it along when it goes. That
    holds for what an earlier owner of the same name left, too: the cluster is about to delete it.

    Args:
        found: the object as it is in the cluster.
        owner: the uid of the owner for which it is to be managed.
    """
    controller = controller_of(found)
    if controller is None or controller.get("uid") == owner:
        return ""
    return f"{controller.get('kind')} {controller.get('name')} (uid {controller.get('uid')})"
