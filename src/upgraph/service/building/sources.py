"""Sources of releases by their names in the configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path

from upgraph.oci import (
    ArchiveSource,
    DirectorySource,
    ImageSource,
    LayoutSource,
    Repository,
    parse_pull_spec_repository,
)
from upgraph.oci.credentials import Credentials
from upgraph.oci.distribution import RegistryClient
from upgraph.oci.trust import ssl_context
from upgraph.payload import Verification
from upgraph.service.building.following import ReleaseSource, Source
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.configuration import Configuration, saved_scrape

_ON_DISK: Mapping[str, Callable[[Path], ImageSource]] = {
    "oci": LayoutSource,
    "oci-archive": ArchiveSource,
    "dir": DirectorySource,
}


def open_releases(text: str, configuration: Configuration) -> Source:
    """The source of releases that ``text`` names.

    Raises:
        UserError: it names none, or its credentials or certificates cannot be read.
    """
    named = configuration.payload_repository
    saved = saved_scrape(text)
    if saved is not None:
        return SavedSource(saved, parse_pull_spec_repository(named) if named else None)
    scheme, _, path = text.partition(":")
    if scheme in _ON_DISK:
        return ReleaseSource(_ON_DISK[scheme](Path(path)), parse_pull_spec_repository(named or ""))
    repository = Repository.parse(text)
    client = RegistryClient(
        repository,
        credentials=Credentials.load(configuration.authfile),
        ssl_context=ssl_context(configuration.ca),
        concurrency=configuration.concurrency,
    )
    return ReleaseSource(client, parse_pull_spec_repository(named) if named else repository.name)


def scrape_settings(configuration: Configuration) -> ScrapeSettings:
    """How sources are scraped under this configuration."""
    return ScrapeSettings(
        verification=Verification.WHOLE_LAYER if configuration.verify_layers else Verification.PREFIX,
        concurrency=configuration.concurrency,
        shrink_limit=configuration.shrink_limit,
    )
