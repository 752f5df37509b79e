"""What a user has asked is read from the log of an API server, whoever else has asked."""

import json
from pathlib import Path

from tools.cluster.audit import Request, requests


def test_requests_of_nobody_are_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    asked = {"resource": "pods", "namespace": "site", "name": "first"}
    events = [
        # Whoever was refused for his login has no name.
        {"auditID": "1", "verb": "get", "user": {}, "objectRef": asked, "responseStatus": {"code": 401}},
        {"auditID": "2", "verb": "get", "user": {"username": "mate"}, "objectRef": asked}
        | {"responseStatus": {"code": 200}},
    ]
    log.write_text("".join(f"{json.dumps(one)}\n" for one in events))
    assert list(requests(log, "mate")) == [Request("get", "pods", "site", "first", 200)]
