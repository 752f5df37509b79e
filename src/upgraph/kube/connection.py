"""How a cluster is reached: its proxy, what is trusted there, how we log in, and how long we wait."""

import logging
from collections.abc import Callable

import httpx2
from lightkube.config.client_adapter import user_auth
from lightkube.config.kubeconfig import SingleConfig

import upgraph
from upgraph.errors import UserError
from upgraph.errors.problems import kube as problems
from upgraph.kube.configuration import ApiProxy, ClusterAddress
from upgraph.kube.failures import translated
from upgraph.kube.identity import files_of, tls_context
from upgraph.kube.renewal import RenewedTransport

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Largest answer; an object may have about 1.5 MiB, with what its managers note about it."""
ANSWER_SECONDS = 30.0
"""Longest time for one request with its answer."""
CONNECT_SECONDS = 5.0
"""Longest wait for a connection."""
TIMEOUT = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
MAX_IDLE = 16
"""Most connections that are kept for the next request."""

_HEADERS = {"User-Agent": f"upgraph/{upgraph.__version__}", "Accept": "application/json"}

# It tells of every request at the level at which we tell of what happens. Who asks says what went wrong.
logging.getLogger("httpx2").setLevel(logging.WARNING)

Route = Callable[[ClusterAddress], ApiProxy | None]
"""Says which proxy is on the way to a cluster."""


def directly(address: ClusterAddress) -> ApiProxy | None:  # noqa: ARG001  # a Route
    """The way without a proxy."""
    return None


def open_connection(address: ClusterAddress, route: Route = directly) -> httpx2.AsyncClient:
    """A client for one cluster, which opens and keeps connections as they are needed. Its owner closes it.

    Args:
        address: which cluster, and who we are there. A token file is read again when its token is refused, and files of
            certificates when they have changed.
        route: the proxy of the environment, if the configuration names none.

    Raises:
        UserError: the configuration names no user, or its certificates or keys cannot be used.
    """
    config = _usable(address)
    proxy = _proxy(address, route)
    with translated(f"the configuration of {address}"):
        transport = RenewedTransport(lambda: _transport(address, config, proxy), files_of(config))
        return httpx2.AsyncClient(
            base_url=config.cluster.server,
            auth=user_auth(config.user),
            # What is compressed could be small here and huge when it is unpacked.
            headers={**_HEADERS, "Accept-Encoding": "identity"},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=False,
        )


def _transport(
    address: ClusterAddress, config: SingleConfig, proxy: httpx2.Proxy | None
) -> httpx2.AsyncHTTPTransport:
    with translated(f"the configuration of {address}"):
        return httpx2.AsyncHTTPTransport(
            verify=tls_context(config),
            proxy=proxy,
            trust_env=False,
            # Each watch holds one. How many requests go at a time is limited by who sends them.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=MAX_IDLE),
        )


def _usable(address: ClusterAddress) -> SingleConfig:
    config = address.config
    if config is None or config.user is None:
        raise UserError(
            problems.KUBECONFIG, f"{address.origin}: the context {address.context!r} names no user"
        )
    return config


def _proxy(address: ClusterAddress, route: Route) -> httpx2.Proxy | None:
    proxy = address.proxy or route(address)
    if proxy is None:
        return None
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx2.Proxy(proxy.url, headers=headers)
