"""What only several settings together can tell: that sources are named, and that nothing contradicts."""

from upgraph.errors import UserError
from upgraph.errors.problems.service import SETTING_INVALID, SOURCE_MISSING
from upgraph.service.configuration import (
    DISK_SCHEMES,
    REGISTRY_SCHEMES,
    SCRAPE_SCHEME,
    SETTINGS,
    Configuration,
    address,
    saved_scrape,
)
from upgraph.service.setting import masked

_DIRECTORY_OR_KEYRING = "Name a directory, which `upgraph signatures fetch` makes, or verify releases with --require-signatures KEYRING."

_NAME_SIGNATURES = "Say with --signatures SOURCE where signatures are."


def check(configuration: Configuration) -> None:
    """Check what only several settings together can tell.

    Raises:
        UserError: a source is missing, or settings contradict each other.
    """
    check_listeners(configuration)
    _check_staleness(configuration)
    _check_signatures(configuration)
    if (configuration.tls_cert is None) != (configuration.tls_key is None):
        raise UserError(SETTING_INVALID, "--tls-cert and --tls-key go together, and one of them is missing")
    if configuration.bundle:
        if configuration.releases or configuration.graph_data or configuration.upstream:
            seen = "a bundle is given together with releases, graph-data or upstream; it holds all of a graph"
            raise UserError(SETTING_INVALID, seen)
        return
    if configuration.upstream:
        if configuration.releases or configuration.graph_data:
            seen = (
                "upstream is given together with releases or graph-data; a graph is either fetched or built"
            )
            raise UserError(SETTING_INVALID, seen)
        return
    check_releases(configuration)
    if not configuration.graph_data:
        raise UserError(SOURCE_MISSING, "no source of graph data is configured (--graph-data)")


def _check_staleness(configuration: Configuration) -> None:
    if configuration.max_stale is not None and configuration.max_stale < configuration.scrape_interval:
        seen = (
            f"max-stale is {configuration.max_stale:g} s and scrape-interval {configuration.scrape_interval:g} s, "
            "so the service would not be ready between two good scrapes"
        )
        raise UserError(SETTING_INVALID, seen)


def _check_signatures(configuration: Configuration) -> None:
    _check_graph_data_signature(configuration)
    if not configuration.require_signatures:
        is_judged = bool(configuration.require_graph_data_signature)
        if configuration.signatures is not None and configuration.served_signatures is None and not is_judged:
            seen = f"signatures are at {configuration.signatures}, which is no directory, so they cannot be served"
            raise UserError(SETTING_INVALID, seen, remedy=_DIRECTORY_OR_KEYRING)
        return
    if configuration.upstream:
        seen = "require-signatures is given together with upstream, whose graph is taken as it is"
        raise UserError(SETTING_INVALID, seen)
    if configuration.signatures is None and configuration.bundle is None:
        seen = "require-signatures is given without signatures, so no release could ever be verified"
        raise UserError(SETTING_INVALID, seen, remedy=_NAME_SIGNATURES)


def _check_graph_data_signature(configuration: Configuration) -> None:
    if not configuration.require_graph_data_signature:
        return
    if not (configuration.graph_data or "").startswith((*REGISTRY_SCHEMES, *DISK_SCHEMES)):
        what = masked(configuration.graph_data or "") or "a bundle or another server"
        seen = f"require-graph-data-signature is given, and graph data comes from {what}, which has no digest to sign"
        remedy = "Read graph data from an image: --graph-data docker://HOST/REPOSITORY:TAG, oci:... or oci-archive:..."
        raise UserError(SETTING_INVALID, seen, remedy=remedy)
    if configuration.signatures is None:
        seen = "require-graph-data-signature is given without signatures, so no graph data could ever be verified"
        raise UserError(SETTING_INVALID, seen, remedy=_NAME_SIGNATURES)


def check_releases(configuration: Configuration) -> None:
    """Check what concerns the sources of releases alone.

    Raises:
        UserError: there is none, it has no known scheme, or nobody says where clusters pull from.
    """
    if not configuration.releases:
        raise UserError(SOURCE_MISSING, "no source of releases is configured (--releases)")
    images = [source for source in configuration.releases if saved_scrape(source) is None]
    for source in images:
        if not source.startswith((*REGISTRY_SCHEMES, *DISK_SCHEMES)):
            accepted = ", ".join((*REGISTRY_SCHEMES, *DISK_SCHEMES, SCRAPE_SCHEME))
            raise UserError(
                SETTING_INVALID, f"the source of releases {masked(source)!r} begins with none of {accepted}"
            )
    others = [source for source in images if not source.startswith(REGISTRY_SCHEMES)]
    if others and not configuration.payload_repository:
        seen = f"releases come from {others[0]}, which is no registry, and --payload-repository is missing"
        remedy = "Say with --payload-repository HOST/REPOSITORY where clusters pull these releases from."
        raise UserError(SOURCE_MISSING, seen, remedy=remedy)


def check_listeners(configuration: Configuration) -> None:
    """Check that no two listeners have the same address.

    Raises:
        UserError: two have.
    """
    taken: dict[str, str] = {}
    for field in ("listen", "status_listen", "builder_listen", "graph_data_listen"):
        where = getattr(configuration, field)
        if not where or address(where)[1] == 0:
            continue
        if where in taken:
            seen = f"--{SETTINGS[field].name} and --{taken[where]} are both {where}"
            raise UserError(SETTING_INVALID, seen)
        taken[where] = SETTINGS[field].name
