"""Sources of releases and of graph data by their names in the configuration."""

from pathlib import Path

from upgraph.graphdata import GraphDataSource, Reach, RemoteGraphData, open_source
from upgraph.oci import LayoutSource, Repository, parse_pull_spec_repository
from upgraph.oci.credentials import Credentials
from upgraph.oci.distribution import RegistryClient
from upgraph.oci.trust import ssl_context
from upgraph.payload import Verification
from upgraph.service.building.gatherer import ReleaseSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.configuration import Configuration


def open_releases(text: str, configuration: Configuration) -> ReleaseSource:
    """The source of releases that ``text`` names.

    Raises:
        UserError: it names none, or its credentials or certificates cannot be read.
    """
    named = configuration.payload_repository
    scheme, _, path = text.partition(":")
    if scheme == "oci":
        return ReleaseSource(LayoutSource(Path(path)), parse_pull_spec_repository(named or ""))
    repository = Repository.parse(text)
    client = _open_registry(repository, configuration)
    return ReleaseSource(client, parse_pull_spec_repository(named) if named else repository.name)


def open_graph_data(configuration: Configuration) -> GraphDataSource | RemoteGraphData:
    """The source of graph data that a configuration names.

    Raises:
        UserError: it names none, or its credentials or certificates cannot be read.
    """
    reach = Reach(
        registry=lambda repository: _open_registry(repository, configuration),
        path=configuration.graph_data_path,
    )
    return open_source(configuration.graph_data or "", reach)


def _open_registry(repository: Repository, configuration: Configuration) -> RegistryClient:
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
