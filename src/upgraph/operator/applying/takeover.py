"""Takes over what another operator has made for an UpdateService that is ours now.

Where the OpenShift Update Service Operator was before, its objects have the names and the owner that ours have, and are used
on: selectors stay, addresses stay, pods that answer go only after new ones answer. But it has written whole objects, and
what it has written stays beside what we apply, its two containers in every pod for example. So its fields become ours first.

Who that was is not told by a name: whoever has made an object belong to the UpdateService is an operator, and nobody else is.
What administrators have added stays theirs.
"""

from upgraph.errors import RemoteError
from upgraph.kube.api import Api
from upgraph.kube.inheritance import inherited, owners_in
from upgraph.kube.kinds import DEPLOYMENT, POD, ROUTE
from upgraph.kube.objects import Key, Kind, Object, uid_of, version_of
from upgraph.kube.ownership import controller_of
from upgraph.operator.desired.metadata import APPLIED
from upgraph.operator.resource.names import ASKING_POD
from upgraph.operator.resource.update_service import UPDATE_SERVICE


def is_of_another(kind: Kind, found: Object) -> bool:
    """Whether an object is there that was never applied here."""
    if kind == ROUTE:
        # Its host may be noted as that of whoever has made it, although the cluster has chosen it.
        return False
    return APPLIED not in (found["metadata"].get("annotations") or {})


async def take_over(api: Api, kind: Kind, key: Key, owner: str) -> None:
    """Make the fields ours that an operator before us has written into an object of an UpdateService.

    Args:
        api: the cluster.
        kind: of the object.
        key: of the object, which was there.
        owner: the identity of the UpdateService.

    Raises:
        RemoteError: it was not possible; retryable where somebody else has changed the object at that moment.
    """
    found = await api.get(kind, key)
    fields = inherited(found, api.manager, lambda written: owner in owners_in(written))
    if fields is None:
        return
    metadata = {"resourceVersion": version_of(found), "managedFields": fields}
    await api.patch(kind, key, {"metadata": metadata})
    if kind == DEPLOYMENT:
        await _end_asking_pod(api, key.namespace)


async def _end_asking_pod(api: Api, namespace: str) -> None:
    key = Key(namespace, ASKING_POD)
    try:
        pod = await api.get(POD, key)
        controller = controller_of(pod)
        if controller is not None and controller.get("kind") == UPDATE_SERVICE.kind:
            await api.delete(POD, key, uid=uid_of(pod))
    except RemoteError as error:
        if error.status != 404:
            raise
