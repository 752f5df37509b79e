"""Sources of releases by their names in the configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path

from upgraph.oci import (
    ArchiveSource,
    DirectorySource,
    ImageSource,
    LayoutSource,
    MirroredSource,
    Place,
    Repository,
    parse_pull_spec_repository,
    read_mirrors,
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
        UserError: it names none, or its credentials, certificates or mirrors cannot be read.
    """
    named = configuration.payload_repository
    saved = saved_scrape(text)
    if saved is not None:
        return SavedSource(saved, parse_pull_spec_repository(named) if named else None)
    scheme, _, path = text.partition(":")
    if scheme in _ON_DISK:
        return ReleaseSource(_ON_DISK[scheme](Path(path)), parse_pull_spec_repository(named or ""))
    repository = Repository.parse(text)
    named = parse_pull_spec_repository(named) if named else repository.name
    mirrors = read_mirrors(Path(file).expanduser() for file in configuration.mirrors)
    places = mirrors.places(repository)
    if places == (Place((repository,)),):
        return ReleaseSource(_client(repository, configuration), named)
    mirrored = MirroredSource(str(repository), [_open_place(place, configuration) for place in places])
    return ReleaseSource(mirrored, named, mirrored.take_findings)


def _open_place(place: Place, configuration: Configuration) -> ImageSource:
    clients = [_client(repository, configuration) for repository in place.repositories]
    # Which way an insecure place answers is nothing to report.
    return clients[0] if len(clients) == 1 else MirroredSource(clients[0].name, clients)


def _client(repository: Repository, configuration: Configuration) -> RegistryClient:
    return RegistryClient(
        repository,
        credentials=Credentials.load(configuration.authfile),
        ssl_context=ssl_context(configuration.ca),
        concurrency=configuration.concurrency,
    )


def scrape_settings(configuration: Configuration) -> ScrapeSettings:
    """How sources are scraped under this configuration."""
    return ScrapeSettings(
        verification=Verification.WHOLE_LAYER if configuration.verify_layers else Verification.PREFIX,
        concurrency=configuration.concurrency,
        shrink_limit=configuration.shrink_limit,
    )
