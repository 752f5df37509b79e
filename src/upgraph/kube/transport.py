"""Carries requests to an API server within limits of size and time, which the client on top does not have."""

import time
from collections.abc import Iterator

import httpx2

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Largest answer; an object may have about 1.5 MiB, with what its managers note about it."""
ANSWER_SECONDS = 30.0
"""Longest time for one request with its answer."""
CONNECT_SECONDS = 5.0
"""Longest wait for a connection."""
TIMEOUT = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)


class CappedTransport(httpx2.BaseTransport):
    """A transport whose answers end with an error where they exceed a limit.

    Args:
        inner: what really carries them.
    """

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one request.

        Raises:
            httpx2.HTTPError: as the inner transport, or the answer is compressed although nobody asked for that.
        """
        # What is compressed could be small here and huge when it is unpacked.
        request.headers["Accept-Encoding"] = "identity"
        until = time.monotonic() + ANSWER_SECONDS
        answer = self._inner.handle_request(request)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            answer.close()
            raise httpx2.DecodingError("the answer is compressed, which was not asked for", request=request)
        if not isinstance(answer.stream, httpx2.SyncByteStream):
            raise TypeError("a transport gave a stream that cannot be read")
        stream = _CappedStream(answer.stream, request, until)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


class _CappedStream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, request: httpx2.Request, until: float) -> None:
        self._inner = inner
        self._request = request
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for part in self._inner:
            received += len(part)
            if received > MAX_ANSWER_BYTES:
                seen = f"the answer has more than {MAX_ANSWER_BYTES} bytes"
                raise httpx2.DecodingError(seen, request=self._request)
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer goes on for too long", request=self._request)
            yield part

    def close(self) -> None:
        self._inner.close()
