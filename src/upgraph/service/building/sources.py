"""Sources of releases and of graph data by their names in the configuration."""

from collections.abc import Mapping
from pathlib import Path

from upgraph.graphdata import GraphDataSource, Reach, RemoteGraphData, open_source
from upgraph.oci import Access, LayoutSource, RegistryClient, Repository, parse_pull_spec_repository
from upgraph.payload import Verification
from upgraph.service.building.gatherer import ReleaseSource
from upgraph.service.building.scrape import ScrapeSettings
from upgraph.service.configuration import Configuration


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


def open_releases(text: str, configuration: Configuration, access: Access) -> ReleaseSource:
    """The source of releases that ``text`` names.

    Raises:
        UserError: it names none.
    """
    named = configuration.payload_repository
    scheme, _, path = text.partition(":")
    if scheme == "oci":
        return ReleaseSource(LayoutSource(Path(path)), parse_pull_spec_repository(named or ""))
    repository = Repository.parse(text)
    client = _open_registry(repository, configuration, access)
    return ReleaseSource(client, parse_pull_spec_repository(named) if named else repository.name)


def open_graph_data(configuration: Configuration, access: Access) -> GraphDataSource | RemoteGraphData:
    """The source of graph data that a configuration names.

    Raises:
        UserError: it names none.
    """
    reach = Reach(
        registry=lambda repository: _open_registry(repository, configuration, access),
        downloads=access.session,
        path=configuration.graph_data_path,
    )
    return open_source(configuration.graph_data or "", reach)


def _open_registry(repository: Repository, configuration: Configuration, access: Access) -> RegistryClient:
    return RegistryClient(repository, access=access, concurrency=configuration.concurrency)


def scrape_settings(configuration: Configuration) -> ScrapeSettings:
    """How sources are scraped under this configuration."""
    return ScrapeSettings(
        verification=Verification.WHOLE_LAYER if configuration.verify_layers else Verification.PREFIX,
        concurrency=configuration.concurrency,
        shrink_limit=configuration.shrink_limit,
    )
