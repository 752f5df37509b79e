"""The listener for clusters, as every process that answers them has it."""

import resource

from upgraph.service.answering import edge
from upgraph.service.answering.clients import Limits, Traffic
from upgraph.service.answering.edge import InForce, Meter
from upgraph.service.answering.server import Listener, Sharing
from upgraph.service.answering.signatures import SignatureDirectory, Signatures
from upgraph.service.answering.tls import Certificate
from upgraph.service.configuration import Configuration, address

FILES_KEPT = 128
"""Open files that are kept for everything but connections."""
LISTENERS = 4
"""Listeners that may share the open files of the process."""


def clients_listener(
    configuration: Configuration, in_force: InForce, meter: Meter, sharing: Sharing, traffic: Traffic
) -> Listener:
    """What answers clusters.

    Args:
        configuration: says where it listens; there has to be a place.
        in_force: the snapshot to answer with.
        meter: counts requests.
        sharing: whether other processes listen there as well.
        traffic: counts connections.

    Raises:
        UserError: the certificate cannot be used.
    """
    app = edge.policy_engine(
        in_force, edge_settings(configuration), meter, _open_signatures(configuration, in_force)
    )
    return Listener(
        *address(configuration.listen or ""),
        app,
        limits(),
        certificate_of(configuration),
        traffic,
        sharing,
    )


def edge_settings(configuration: Configuration) -> edge.Settings:
    """What an administrator decided about all faces."""
    return edge.Settings(
        prefix=configuration.path_prefix, mandatory=frozenset(configuration.mandatory_parameters)
    )


def certificate_of(configuration: Configuration) -> Certificate | None:
    """What is shown to clients over TLS; None: plain HTTP.

    Raises:
        UserError: it cannot be used.
    """
    chain, key = configuration.tls_cert, configuration.tls_key
    return None if chain is None or key is None else Certificate(chain, key)


def limits() -> Limits:
    """What one listener grants: as many connections as the system allows this process, up to the usual limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    free = Limits().connections if most == resource.RLIM_INFINITY else (most - FILES_KEPT) // LISTENERS
    return Limits(connections=max(1, min(Limits().connections, free)))


def _open_signatures(configuration: Configuration, in_force: InForce) -> Signatures | None:
    """Where signatures come from; a directory that is named is stronger than the bundle."""
    if (directory := configuration.served_signatures) is not None:
        return SignatureDirectory(directory)
    return edge.BundledSignatures(in_force) if configuration.bundle is not None else None
