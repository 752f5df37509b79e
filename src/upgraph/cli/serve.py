"""``upgraph serve``: the update service in the foreground."""

import logging
import signal
from pathlib import Path

import click
import uvloop

from upgraph.cli.settings import configuration, setting_options
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check
from upgraph.service.log import start_logging
from upgraph.service.running import Addresses, run

_log = logging.getLogger(__name__)

_EXAMPLES = """
\b
Examples:
  upgraph serve --releases docker://registry.example:5000/ocp/release \\
      --graph-data /srv/graph-data --ca /etc/pki/registry.pem \\
      --authfile /run/secrets/pull-secret.json --listen :8081
  upgraph serve --releases oci:/srv/releases --payload-repository registry.example/ocp/release \\
      --graph-data graph-data.tar.gz --state-dir /var/lib/upgraph
  upgraph serve site.tar --listen :8081
  upgraph serve --config /etc/upgraph/upgraph.toml
"""


@click.command(epilog=_EXAMPLES)
@click.argument("place", required=False, metavar="[BUNDLE]")
@setting_options()
def serve(place: str | None, config: tuple[Path, ...], **flags: object) -> None:
    """Serve update graphs to clusters, from a site bundle or from sources.

    BUNDLE is what `upgraph bundle create` made; it holds all that a site needs. Otherwise release images and graph
    data are read from the sources that are given. All are read again when they change.
    The last good graph is served whatever happens to the sources. SIGHUP has them read at once.
    """
    serve_configuration(configuration(config, flags | {"bundle": place or flags["bundle"]}))


def serve_configuration(chosen: Configuration) -> None:
    """Serve under a configuration until the process is told to end.

    Raises:
        UserError: the configuration cannot be used.
    """
    check(chosen)
    # A signal that asks for a scrape must not end a service that is still starting.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    start_logging(chosen.log_format, chosen.log_level)
    uvloop.run(run(chosen, lambda addresses: announce(chosen, addresses)))


def announce(chosen: Configuration, addresses: Addresses) -> None:
    """Say where the service listens."""
    scheme = "https" if chosen.tls_cert else "http"
    places = (
        ("clusters are answered", addresses.clients, "graph"),
        ("policy engines are answered", addresses.builder_clients, "graph"),
        ("graph data is served", addresses.graph_data, "graph-data"),
    )
    for what, bound, path in places:
        if bound:
            _log.info("%s on %s://%s%s/%s", what, scheme, bound, chosen.path_prefix, path)
    _log.info("status is on http://%s/status", addresses.status)
