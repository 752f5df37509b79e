"""The tags of a repository, page by page. Pure: bodies and ``Link`` headers in, one complete list out.

A part of a list looks like deleted releases, so everything that puts completeness in doubt is an error:
links that lead elsewhere or round in circles, pages without end. A name that cannot be a tag puts only
itself in doubt; it stays in the list, and whoever asks for it is refused.
"""

import re

import msgspec
from yarl import URL

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import MAX_TAGS

PAGE_TAGS = 1000
"""Tags asked for in one page; a registry may give fewer."""
MAX_PAGES = 1000
MAX_PAGE_BYTES = 16 * 1024 * 1024

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""Grammar of a tag (distribution specification)."""

MAX_LISTED_CHARACTERS = 200
"""Part of an endless name that is kept: longer than any tag or digest, so that it is never taken for one."""

_LINK = re.compile(r'<([^<>]*)>((?:[ \t]*;[ \t]*[A-Za-z-]+[ \t]*=[ \t]*(?:"[^"]*"|[^",;\s]+))*)')
_REL = re.compile(r';[ \t]*rel[ \t]*=[ \t]*(?:"([^"]*)"|([^",;\s]+))', re.IGNORECASE)


class _Page(msgspec.Struct, frozen=True):
    tags: list[str] | None


class Pages:
    """Which page of a listing to read next. Links that put completeness in doubt are refused.

    Args:
        source: name of the repository, for messages.
        first: path and query of the first page; later ones have the same path.
        repository: where links may lead.
    """

    def __init__(self, source: str, first: str, repository: Repository) -> None:
        self.next: str | None = first
        """Path and query of the page to read next; None: the listing is complete."""
        self._source = source
        self._path = first.partition("?")[0]
        self._host = URL(repository.url).host
        self._seen = {first}

    def advance(self, link: str | None) -> None:
        """Take the ``Link`` header of the page that ``next`` asked for.

        Raises:
            RemoteError: the listing cannot become complete.
        """
        following = self._following(link)
        if following is not None:
            if following in self._seen:
                raise self.broken(f"the pages lead in a circle, to {following[:200]!r} again")
            if len(self._seen) >= MAX_PAGES:
                raise self.broken(f"more than {MAX_PAGES} pages")
            self._seen.add(following)
        self.next = following

    def broken(self, reason: str) -> RemoteError:
        """The error for a listing that cannot be used."""
        return RemoteError(problems.BROKEN_LISTING, f"{self._source}: {reason}")

    def _following(self, link: str | None) -> str | None:
        try:
            target = next_link(link)
        except ValueError as error:
            raise self.broken(f"the link to the next page cannot be read: {error}") from error
        if target is None:
            return None
        try:
            url = URL(target, encoded=True)
        except ValueError as error:
            raise self.broken(f"the link to the next page is no address: {target[:200]!r}") from error
        if url.host is not None and url.host != self._host:
            raise self.broken(f"the link to the next page leads to another host, {url.host}")
        if not url.raw_query_string or not all("!" <= c <= "~" for c in url.raw_query_string):
            raise self.broken(f"the link to the next page has no usable query: {target[:200]!r}")
        # Only the query counts: behind a proxy a registry does not know the scheme, port and path it is reached by.
        return f"{self._path}?{url.raw_query_string}"


class TagListing:
    """A listing of tags while it is read.

    Args:
        source: name of the repository, for messages.
        path: path of the listing at the registry.
        repository: where links may lead.
    """

    def __init__(self, source: str, path: str, repository: Repository) -> None:
        self._pages = Pages(source, f"{path}?n={PAGE_TAGS}", repository)
        self._tags: set[str] = set()

    @property
    def next(self) -> str | None:
        """Path and query of the page to read next; None: the listing is complete."""
        return self._pages.next

    def add(self, body: bytes, link: str | None) -> None:
        """Take the page that ``next`` asked for.

        Raises:
            RemoteError: the page is not valid, or the listing cannot become complete.
        """
        try:
            tags = msgspec.json.decode(body, type=_Page).tags or []
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._pages.broken(f"a page is not the JSON that was expected: {error}") from error
        self._tags.update(tag[:MAX_LISTED_CHARACTERS] for tag in tags)
        if len(self._tags) > MAX_TAGS:
            raise self._pages.broken(f"more than {MAX_TAGS} tags")
        self._pages.advance(link)

    def tags(self) -> list[str]:
        """All tags, sorted, without repeats; also names that do not match ``TAG``."""
        return sorted(self._tags)


def next_link(header: str | None) -> str | None:
    """The target of the link with ``rel=next`` (RFC 8288), or without ``rel``; None if there is none.

    Raises:
        ValueError: the header is not valid, so there may be more pages that cannot be found.
    """
    if header is None or not header.strip():
        return None
    links = _LINK.findall(header)
    if not links:
        raise ValueError(repr(header[:200]))
    for target, parameters in links:
        rel = _REL.search(parameters)
        if rel is None or "next" in (rel[1] or rel[2] or "").lower().split():
            return str(target)
    return None
