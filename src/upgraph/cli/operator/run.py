"""``upgraph operator run``: the operator in the foreground, in a pod or beside a cluster."""

import asyncio
import logging
import os
import secrets
import signal
import socket
from pathlib import Path

import click
import uvloop

from upgraph.cli.cluster_access import cluster_options, proxy_of_environment
from upgraph.cli.operator.pull_spec import is_pull_spec
from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems.kube import KUBE_LEASE_LOST
from upgraph.errors.problems.reconcile import OPERATOR_NOT_READY, OPERATOR_SETTING
from upgraph.kube import find_cluster
from upgraph.kube.api import Api
from upgraph.kube.client import open_api
from upgraph.kube.configuration import ClusterAddress
from upgraph.kube.election import Election
from upgraph.kube.events import Recorder
from upgraph.kube.objects import Key
from upgraph.operator.controller import Controller, Setup
from upgraph.operator.inputs.values import ProxySettings
from upgraph.operator.installation.parameters import DEFAULT_NAMESPACE, OPERATOR
from upgraph.operator.metrics import OperatorMetrics
from upgraph.operator.resource.update_service import UPDATE_SERVICE
from upgraph.service.answering.health import Unready
from upgraph.service.answering.probes import Probes
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.configuration import address
from upgraph.service.log import start_logging

FIELD_MANAGER = "upgraph-operator"
"""The name under which the cluster notes what the operator writes."""
COMPONENT = "updateservice.operator.openshift.io/upgraph-operator"
"""The name under which Events are told."""
NAMESPACE_VARIABLE = "POD_NAMESPACE"
OPERAND_VARIABLE = "RELATED_IMAGE_OPERAND"
_EXAMPLES = """
\b
Examples:
  upgraph operator run --leader-elect
  upgraph operator run --kubeconfig site.kubeconfig --namespace openshift-update-service \\
      --operand registry.example:5000/upgraph/upgraph@sha256:...
"""

_log = logging.getLogger(__name__)


@click.command(epilog=_EXAMPLES)
@cluster_options
@click.option(
    "--namespace",
    envvar=NAMESPACE_VARIABLE,
    default=DEFAULT_NAMESPACE,
    show_default=True,
    metavar="NAME",
    help=f"Whose UpdateServices are looked after. By default that of the pod ({NAMESPACE_VARIABLE}).",
)
@click.option(
    "--operand",
    envvar=OPERAND_VARIABLE,
    metavar="PULLSPEC",
    help=f"The image of the service, best by digest ({OPERAND_VARIABLE}).",
)
@click.option(
    "--leader-elect", is_flag=True, help="Wait for a Lease, so that of several processes one does the work."
)
@click.option(
    "--status-listen",
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Address of probes and metrics.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def run(  # noqa: PLR0913  # each is an option of the command
    *,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str,
    operand: str | None,
    leader_elect: bool,
    status_listen: str,
    log_format: str,
    log_level: str,
) -> None:
    """Look after the UpdateServices of a namespace until SIGTERM or SIGINT.

    In a pod nothing has to be given. Outside of a cluster the operator works as well, but cannot reach the pods, so the
    status of an UpdateService does not say what its service offers.
    """
    if not operand:
        seen = f"neither --operand nor {OPERAND_VARIABLE} names the image of the service"
        raise UserError(OPERATOR_SETTING, seen)
    if not is_pull_spec(operand):
        seen = f"--operand or {OPERAND_VARIABLE} is {operand!r}, which is no pull spec such as registry.example/upgraph:1"
        raise UserError(OPERATOR_SETTING, seen)
    start_logging(log_format, log_level)
    cluster = find_cluster(os.environ, kubeconfig=kubeconfig, context=context)
    setup = Setup(namespace=namespace, operand=operand, proxies=_proxies())
    try:
        where = address(status_listen)
    except ValueError as error:
        raise UserError(OPERATOR_SETTING, f"--status-listen is {status_listen!r}, but {error}") from error
    uvloop.run(_serve(cluster, setup, where, elect=leader_elect))


def _proxies() -> ProxySettings:
    """The proxy of this process, as OLM gives it to operators."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return ProxySettings(*(os.environ.get(name) or os.environ.get(name.lower(), "") for name in names))


async def _serve(cluster: ClusterAddress, setup: Setup, where: tuple[str, int], *, elect: bool) -> None:
    stop, listens = asyncio.Event(), asyncio.Event()

    def listening_at(bound: tuple[Bound, ...]) -> None:
        _log.info("probes and metrics are at %s", bound[0])
        listens.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_api(
        cluster, manager=FIELD_MANAGER, kinds=[UPDATE_SERVICE], route=proxy_of_environment
    ) as api:
        operator = _Operator(api, setup, elect=elect)
        probes = Probes(operator.metrics.exposition, operator.unready)

        async def work() -> None:
            # Only then: a port that is taken ends the operator before anything is written.
            await listens.wait()
            _log.info("looking after the UpdateServices of %s in %s", setup.namespace, cluster)
            await operator.run()

        listening = asyncio.create_task(serve([Listener(*where, probes)], stop, listening_at))
        working = asyncio.create_task(work())
        for task in (listening, working):
            task.add_done_callback(lambda _: stop.set())
        await stop.wait()
        working.cancel()
        for outcome in await asyncio.gather(listening, working, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


class _Operator:
    """The process: a controller for as long as it leads."""

    def __init__(self, api: Api, setup: Setup, *, elect: bool) -> None:
        self.metrics = OperatorMetrics()
        self._api = api
        self._setup = setup
        self._elect = elect
        self._identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}"
        self._controller: Controller | None = None
        self._election: Election | None = None

    def unready(self) -> Unready | None:
        """Why nothing is done although it should be; one that waits while another has the Lease is as it should be."""
        if self._controller is not None:
            waits = self._controller.world.waits
        else:
            fault = None if self._election is None else self._election.fault
            waits = () if fault is None else (fault.seen,)
        return Unready(OPERATOR_NOT_READY, "; ".join(waits)) if waits else None

    async def run(self) -> None:
        """Work, as the leader if there are others."""
        if not self._elect:
            await self._work()
        while self._elect:
            lease = Key(self._setup.namespace, OPERATOR)
            self._election = Election(self._api, lease, self._identity, report=_report)
            try:
                await self._election.lead(self._work)
            except RemoteError as error:
                if error.problem is not KUBE_LEASE_LOST:
                    raise
                _report(error)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        events = Recorder(self._api, COMPONENT, self._identity, loop.time)
        self._controller = Controller(self._api, self._setup, events, self.metrics)
        self.metrics.leads(now=True)
        try:
            await self._controller.run()
        finally:
            self._controller = None
            self.metrics.leads(now=False)


def _report(error: Exception) -> None:
    seen, reference = getattr(error, "seen", str(error)), getattr(error, "reference", None)
    _log.warning("%s", seen, extra={"reference": reference})
