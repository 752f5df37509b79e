"""An edit of graph data that changes an answer, and the answer that it changes."""

import http.client
import os
from pathlib import Path

from benchmarks.beside import GRAPH_PATH, QUERY
from benchmarks.catalogue import BrokenMeasurementError

REQUEST_SECONDS = 10.0
CHANNEL = "channels/stable-4.18.yaml"


class ChannelEdit:
    """Takes the last version out of the channel and puts it back, by turns."""

    def __init__(self, graph_data: Path) -> None:
        self._file = graph_data / CHANNEL
        self._whole = self._file.read_bytes()
        self._shorter = self._whole.rstrip(b"\n").rpartition(b"\n")[0] + b"\n"
        self._is_whole = True

    def turn(self) -> None:
        """Make the next edit. The file is replaced at once, as administrators' tools do."""
        self._put(self._shorter if self._is_whole else self._whole)
        self._is_whole = not self._is_whole

    def undo(self) -> None:
        """Leave the file as it was."""
        if not self._is_whole:
            self.turn()

    def _put(self, content: bytes) -> None:
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(self._file)


class Watched:
    """The answer for the channel, asked for over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)

    def etag(self) -> str:
        """What identifies the answer.

        Raises:
            BrokenMeasurementError: it is an error, or has no ETag.
        """
        self._connection.request("HEAD", f"{GRAPH_PATH}?{QUERY}", headers={"Accept-Encoding": "gzip"})
        response = self._connection.getresponse()
        response.read()
        etag = response.headers.get("ETag")
        if response.status != http.client.OK or not etag:
            raise BrokenMeasurementError(f"the answer has status {response.status} and ETag {etag}")
        return etag

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
