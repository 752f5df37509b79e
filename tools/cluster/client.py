"""Ask the API server of a test cluster, with the standard library alone.

What is tested has a client of its own. The harness must not stand on it: a fault in it would then look like a
fault of the cluster, or hide in both.
"""

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = dict[str, Any]
"""A JSON object of the API."""
ANSWER_SECONDS = 30.0
"""Longest wait for an answer."""
WATCH_SECONDS = 3600.0
"""Longest silence of a watch; the server ends each one after an hour at most."""
ANSWER_BYTES = 64 << 20
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused something."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        """Of HTTP."""


@dataclass(frozen=True, slots=True)
class Client:
    """A user of an API server."""

    host: str
    port: int
    authority: Path
    """The certificate that has signed that of the server."""
    token: str

    @classmethod
    def of(cls, kubeconfig: Path) -> "Client":
        """The user of a file that :func:`tools.cluster.credentials.kubeconfig` has written."""
        content = json.loads(kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        host, _, port = cluster["server"].removeprefix("https://").rpartition(":")
        authority = Path(cluster["certificate-authority"])
        return cls(host, int(port), authority, content["users"][0]["user"]["token"])

    def get(self, path: str) -> Object:
        """Read an object or a list.

        Raises:
            ApiError: it was refused.
            OSError: nobody answers.
        """
        return self._ask("GET", path)

    def find(self, path: str) -> Object | None:
        """Read an object; None if it is not there. Other errors as for :meth:`get`."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def create(self, path: str, content: Object) -> Object:
        """Add an object to the list at ``path``. Errors as for :meth:`get`."""
        return self._ask("POST", path, content)

    def patch(self, path: str, content: Object) -> Object:
        """Merge ``content`` into an object. Errors as for :meth:`get`."""
        return self._ask("PATCH", path, content, MERGE)

    def delete(self, path: str) -> Object:
        """Remove an object. Errors as for :meth:`get`."""
        return self._ask("DELETE", path)

    def is_ready(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            connection = self._connect(ANSWER_SECONDS)
            try:
                connection.request("GET", "/readyz", headers=self._headers)
                return connection.getresponse().status == 200
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return False

    def watch(self, path: str) -> Iterator[tuple[str, Object]]:
        """What happens to the objects of the list at ``path``, after one ``ADDED`` for each that is there.

        Ends when the server ends it. Errors as for :meth:`get`.
        """
        connection = self._connect(WATCH_SECONDS)
        try:
            connection.request("GET", f"{path}?watch=true", headers=self._headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ApiError(answer.status, _message(answer.read(ANSWER_BYTES)))
            while line := answer.readline(ANSWER_BYTES):
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            connection.close()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}

    def _connect(self, seconds: float) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection(self.host, self.port, timeout=seconds, context=context)

    def _ask(
        self, method: str, path: str, content: Object | None = None, form: str = "application/json"
    ) -> Object:
        connection = self._connect(ANSWER_SECONDS)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {**self._headers, "Content-Type": form})
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES)
        except http.client.HTTPException as error:
            raise OSError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(answer.status, _message(text))
        found: Object = json.loads(text)
        return found


def _message(text: bytes) -> str:
    """What a refusal says; an error of the way to the server may be no JSON."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace")[:500]
