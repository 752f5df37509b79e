"""Problems of the operator room: what an UpdateService asks for, and what it becomes in a cluster."""

from upgraph.errors.problem import Problem

UPDATE_SERVICE_INVALID = Problem(
    "update-service-invalid",
    "An UpdateService cannot be used",
    "Nothing can be made from it. What already runs under its name keeps running as it is.",
    "Correct the field that is named; kubectl explain updateservice.spec tells what each may hold. An object that the "
    "definition of the resource would refuse comes from an older definition: apply that of this operator "
    "(upgraph operator manifests --crd-only).",
)
