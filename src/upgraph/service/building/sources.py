"""Sources of releases and of graph data by their names in the configuration."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from upgraph.graphdata import GraphDataSource, Reach, RemoteGraphData, open_source
from upgraph.oci import (
    DISK_SOURCES,
    Access,
    FollowedRepository,
    ImageName,
    ImageSource,
    Mirrors,
    OnDisk,
    RegistryClient,
    Repository,
    findings_of,
    parse_pull_spec_repository,
    read_mirrors,
)
from upgraph.payload import Verification
from upgraph.service.building.following import ReleaseSource, Source
from upgraph.service.building.saved_source import Acceptance, SavedSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.building.signed_graph_data import open_admission
from upgraph.service.configuration import Configuration, saved_scrape
from upgraph.signing import SignatureReach


def access_of(configuration: Configuration, environment: Mapping[str, str]) -> Access:
    """How a service under this configuration reaches others.

    Raises:
        UserError: credentials, certificates or a proxy cannot be used.
    """
    return Access.of(
        environment,
        authfile=configuration.authfile,
        # An upstream server is asked without credentials, so none have to be in order.
        search=configuration.authfile_search and not configuration.upstream,
        ca=configuration.ca,
    )


def open_releases(text: str, configuration: Configuration, access: Access) -> Source:
    """The source of releases that ``text`` names.

    Raises:
        UserError: it names none, or its mirrors cannot be read.
    """
    named = configuration.payload_repository
    saved = saved_scrape(text)
    if saved is not None:
        return SavedSource(saved, acceptance(configuration).repository)
    scheme, _, path = text.partition(":")
    if scheme in DISK_SOURCES:
        return ReleaseSource(DISK_SOURCES[scheme](Path(path)), parse_pull_spec_repository(named or ""))
    repository = Repository.parse(text)
    named = parse_pull_spec_repository(named) if named else repository.name
    images = open_registry(repository, configuration, access)
    return ReleaseSource(images, named, is_remote=True, take_notices=partial(findings_of, images))


def open_graph_data(configuration: Configuration, access: Access) -> GraphDataSource | RemoteGraphData:
    """The source of graph data that a configuration names.

    Raises:
        UserError: it names none, or its mirrors or the keys for it cannot be read.
    """
    required = configuration.require_graph_data_signature
    reach = Reach(
        registry=lambda repository: open_registry(repository, configuration, access),
        access=access,
        path=configuration.graph_data_path,
        admission=partial(open_admission, configuration, signature_reach(configuration, access))
        if required
        else None,
    )
    return open_source(configuration.graph_data or "", reach)


def signature_reach(configuration: Configuration, access: Access) -> SignatureReach:
    """How places of signatures are reached under a configuration."""
    return SignatureReach(
        access, lambda name: open_images(name, configuration, access), configuration.concurrency
    )


def open_images(name: ImageName, configuration: Configuration, access: Access) -> ImageSource:
    """Where the image of a name lies, through mirrors if there are rules for it. Nothing is contacted yet.

    Raises:
        UserError: the files of mirrors cannot be read.
    """
    if isinstance(name.place, OnDisk):
        return name.place.source()
    return open_registry(name.place, configuration, access)


def open_registry(repository: Repository, configuration: Configuration, access: Access) -> ImageSource:
    """A repository of a registry, read through the mirrors of a configuration, which may change meanwhile.

    Raises:
        UserError: the mirrors cannot be read.
    """

    def client(place: Repository) -> RegistryClient:
        return RegistryClient(place, access=access, concurrency=configuration.concurrency)

    files = _mirror_files(configuration)
    return FollowedRepository(repository, files, client) if files else client(repository)


def mirrors_of(configuration: Configuration) -> Mirrors:
    """The rules of the files with mirrors.

    Raises:
        UserError: a file cannot be used.
    """
    return read_mirrors(_mirror_files(configuration))


def _mirror_files(configuration: Configuration) -> list[Path]:
    return [Path(file).expanduser() for file in configuration.mirrors]


def acceptance(configuration: Configuration) -> Acceptance:
    """What is taken of releases that were saved elsewhere.

    Raises:
        UserError: the name of the repository is not valid.
    """
    named = configuration.payload_repository
    return Acceptance(parse_pull_spec_repository(named) if named else None, configuration.wants_whole_layers)


def scrape_settings(configuration: Configuration) -> ScrapeSettings:
    """How sources are scraped under this configuration."""
    return ScrapeSettings(
        verification=Verification.WHOLE_LAYER if configuration.wants_whole_layers else Verification.PREFIX,
        concurrency=configuration.concurrency,
        shrink_limit=configuration.shrink_limit,
    )
