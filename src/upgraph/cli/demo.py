"""``upgraph demo``: a whole update service with a platform of its own, on this machine and nowhere else."""

import tempfile
from pathlib import Path

import click
import uvloop

from upgraph.cli.sample import REPOSITORY, Sample, make_sample
from upgraph.errors import UserError
from upgraph.errors.problems.service import DIRECTORY_TAKEN
from upgraph.service.configuration import Configuration
from upgraph.service.log import start_logging
from upgraph.service.origins import resolve
from upgraph.service.running import Addresses, run


@click.command(
    epilog="""
\b
Examples:
  upgraph demo
  upgraph demo --directory ./sample        # keeps the sample platform, to look at or to change
"""
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the sample platform. Without it, a temporary directory that goes away at the end.",
)
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Port 0 takes a free one."
)
def demo(directory: Path | None, listen: str) -> None:
    """Serve a small sample platform, to see what clusters get.

    Makes release images for four minors and three architectures in an OCI layout and graph data with
    channels, conditional risks and a blocked edge, and serves them until Ctrl-C. Nothing is contacted.
    """
    with tempfile.TemporaryDirectory(prefix="upgraph-demo-") as temporary:
        sample = _sample(directory or Path(temporary))
        chosen = Configuration(
            releases=(f"oci:{sample.releases}",),
            payload_repository=REPOSITORY,
            graph_data=str(sample.graph_data),
            listen=resolve({"listen": listen}, {}, ()).configuration.listen,
            status_listen="127.0.0.1:0",
            scrape_interval=5.0,
            log_level="warning",
        )
        start_logging(chosen.log_format, chosen.log_level)
        announcement = _Announcement(chosen, sample.graph_data)
        uvloop.run(run(chosen, announcement.started, announcement.ready))
    click.echo("stopped")


def _sample(place: Path) -> Sample:
    """The sample platform in a directory: the one that is there, with what was changed in it, or a new one."""
    sample = Sample.below(place)
    if sample.is_complete:
        click.echo(f"using the sample platform that is in {place}")
        return sample
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise UserError(DIRECTORY_TAKEN, f"{place} is not empty and holds no sample platform")
        click.echo(f"making the sample platform in {place}")
        make_sample(sample)
    except OSError as error:
        raise UserError(DIRECTORY_TAKEN, f"{place} cannot be used: {error.strerror}") from error
    return sample


class _Announcement:
    """Says where everything is, once there is something to see."""

    def __init__(self, chosen: Configuration, graph_data: Path) -> None:
        self._chosen = chosen
        self._graph_data = graph_data
        self._addresses: Addresses | None = None

    def started(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def ready(self) -> None:
        if self._addresses is None:
            return
        graph = f"http://{self._addresses.clients}{self._chosen.path_prefix}/graph"
        status = f"http://{self._addresses.status}"
        click.echo(
            f"""
clusters ask   {graph}
status         {status}/status
metrics        {status}/metrics
graph data     {self._graph_data} (change a file and ask again)

Try in another terminal:
  curl -s '{graph}?channel=stable-4.17&arch=amd64'
  curl -s -o /dev/null -w '%{{http_code}} %{{size_download}} bytes\\n' --compressed '{graph}?channel=fast-4.16&arch=s390x'

Ctrl-C stops it."""
        )
