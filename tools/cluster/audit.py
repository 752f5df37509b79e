"""What service accounts have asked of the API server: tests count it, and see what was refused.

Administrators and the parts of the control plane are left out, so the log stays small.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NOBODY = {
    "level": "None",
    "userGroups": [
        "system:masters",
        "system:nodes",
        "system:unauthenticated",
        "system:serviceaccounts:kube-system",
    ],
}
_PARTS = {
    "level": "None",
    "users": ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"],
}
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [_NOBODY, _PARTS, {"level": "Metadata"}],
}
"""Of the API server."""


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """One request, as the API server has answered it."""

    verb: str
    resource: str
    """``resource.group/subresource``; the core group has no name."""
    namespace: str
    name: str
    status: int
    """Of HTTP."""


def requests(log: Path, user: str) -> Iterator[Request]:
    """All that ``user`` has asked, in the order of the answers; a watch counts when it begins.

    Args:
        log: of the API server.
        user: ``system:serviceaccount:NAMESPACE:NAME``.
    """
    seen = set()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["user"].get("username") != user or event["auditID"] in seen:
            continue
        seen.add(event["auditID"])
        yield _request(event["verb"], event.get("objectRef", {}), event["responseStatus"]["code"])


def _request(verb: str, asked: dict[str, str], status: int) -> Request:
    kind = f"{asked.get('resource', '')}.{asked.get('apiGroup', '')}".removesuffix(".")
    sub = asked.get("subresource")
    return Request(
        verb, f"{kind}/{sub}" if sub else kind, asked.get("namespace", ""), asked.get("name", ""), status
    )
