"""What a registry means when it refuses to take something: statuses of writing as errors that say what to do."""

from http import HTTPStatus

import aiohttp

from upgraph.errors import Problem, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.registry.transport import Transport

_DENIED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED})
_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)


async def upload_failure(
    transport: Transport, response: aiohttp.ClientResponse, blob: Descriptor
) -> RemoteError:
    """The error for an answer that does not take a blob."""
    what = f"{blob.digest}, {blob.size} bytes, {_named(blob.media_type)}"
    return await _failure(transport, response, problems.UPLOAD_REFUSED, what)


async def manifest_failure(
    transport: Transport, response: aiohttp.ClientResponse, media_type: str
) -> RemoteError:
    """The error for an answer that does not take a manifest."""
    return await _failure(transport, response, problems.MANIFEST_REFUSED, _named(media_type))


async def _failure(
    transport: Transport, response: aiohttp.ClientResponse, refused: Problem, what: str
) -> RemoteError:
    failure = await transport.failure(response)
    if failure.status in _DENIED:
        return RemoteError(problems.PUSH_DENIED, failure.seen, status=failure.status)
    if failure.status in _REFUSED:
        return RemoteError(refused, f"{failure.seen}: {what}", status=failure.status)
    return failure


def _named(media_type: str) -> str:
    return f"media type {media_type[:160] or 'not stated'}"
