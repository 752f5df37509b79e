"""Which cluster a command asks, and the way there. What speaks to Kubernetes is loaded when a cluster is asked."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from upgraph.oci import Proxies

if TYPE_CHECKING:
    from upgraph.kube import ApiProxy, ClusterAddress
    from upgraph.kube.api import Api

F = TypeVar("F", bound=Callable[..., Any])

MANAGER = "upgraph"
"""The name under which clusters note what commands change."""


def cluster_options(function: F) -> F:
    """The options that say which cluster is meant."""
    decorated: F = click.option("--context", metavar="NAME", help="Context of the kubeconfig.")(function)
    return click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="How the cluster is reached. By default as for kubectl: KUBECONFIG, ~/.kube/config, or the service"
        " account of this pod.",
    )(decorated)


@asynccontextmanager
async def connected(kubeconfig: Path | None, context: str | None) -> "AsyncIterator[Api]":
    """The API of the cluster that kubectl would talk to, for as long as the block lasts.

    Raises:
        UserError: there is no configuration, or it cannot be used.
    """
    from upgraph.kube import find_cluster  # noqa: PLC0415
    from upgraph.kube.client import open_api  # noqa: PLC0415
    from upgraph.operator.resource.update_service import UPDATE_SERVICE  # noqa: PLC0415

    address = find_cluster(os.environ, kubeconfig=kubeconfig, context=context)
    async with open_api(address, manager=MANAGER, kinds=(UPDATE_SERVICE,), route=proxy_of_environment) as api:
        yield api


def proxy_of_environment(address: "ClusterAddress") -> "ApiProxy | None":
    """The proxy that the environment names for the way to a cluster."""
    from upgraph.kube import ApiProxy  # noqa: PLC0415

    scheme = address.server.partition(":")[0]
    proxy = Proxies.of(os.environ).way(scheme, address.host, address.port).proxy
    return None if proxy is None else ApiProxy(proxy.url, proxy.authorization)
