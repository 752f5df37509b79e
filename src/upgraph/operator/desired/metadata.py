"""What all objects of an UpdateService have in common: whose they are, what they are for, and what they were made from."""

import hashlib
from collections.abc import Mapping

import msgspec

from upgraph.kube.objects import Kind, Object
from upgraph.operator.inputs.own import MANAGED_BY, MANAGER
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.resource.update_service import UPDATE_SERVICE

APPLIED = "updateservice.operator.openshift.io/applied"
"""Annotation with a digest of what was applied last. Where it differs, something is to be taken away again."""
DESCRIPTION = "kubernetes.io/description"
"""Annotation that says for people what an object is for."""
NO_LABELS: Mapping[str, str] = {}


def new_object(
    inputs: Inputs, kind: Kind, name: str, description: str, labels: Mapping[str, str] = NO_LABELS
) -> Object:
    """An object that goes when its UpdateService goes. Its content follows.

    Args:
        inputs: of its UpdateService.
        kind: what it is.
        name: of it.
        description: what it is for, in a sentence.
        labels: besides those that all have.
    """
    names = inputs.names
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": names.namespace,
            "labels": {
                **labels,
                "app.kubernetes.io/name": "upgraph",
                "app.kubernetes.io/instance": names.name,
                MANAGED_BY: MANAGER,
            },
            "annotations": {DESCRIPTION: description},
            "ownerReferences": [_owner(inputs)],
        },
    }


def sealed(obj: Object) -> Object:
    """The object with the digest of itself, by which it is seen later that it was made from something else."""
    content = msgspec.json.encode(obj, order="deterministic")
    metadata = obj["metadata"]
    annotations = metadata["annotations"] | {APPLIED: hashlib.sha256(content).hexdigest()}
    return obj | {"metadata": metadata | {"annotations": annotations}}


def _owner(inputs: Inputs) -> Object:
    return {
        "apiVersion": UPDATE_SERVICE.api_version,
        "kind": UPDATE_SERVICE.kind,
        "name": inputs.service.metadata.name,
        "uid": inputs.service.metadata.uid,
        "controller": True,
    }
