"""What is wrong with the address for clusters although it may well answer: who signs it, and what nobody signs with. Pure."""

from collections.abc import Iterator

from upgraph.errors.problems.reconcile import CERTIFICATE_UNUSED, ROUTE_TERMINATION, URI_UNTRUSTED
from upgraph.kube.objects import key_of
from upgraph.operator.desired.exposure import CERTIFIED, way_of
from upgraph.operator.inputs.view import at
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.resource.trouble import Trouble

_INSTEAD = {
    "None": "the service is reached by its Service alone, which has no TLS",
    "HTTPRoute": "an HTTPRoute has the certificate of the listener of its Gateway",
}
_TO_PODS = ("reencrypt", "passthrough")
"""Terminations with which pods have to speak TLS."""
_NOT_SHOWN = (
    "Its certificate has been shown nowhere, so it is not in the status. Have it given by whoever signs certificates at your site "
    "and give it to every cluster, or put it under ca.crt into the Secret of spec.exposure.tlsSecret, and the status has it: "
    "upgraph problem uri-untrusted says how a cluster comes to trust it."
)
"""What is to be done about an authority of which nothing but the name is known."""


def of_address(known: Known) -> Iterator[Trouble]:
    """The troubles."""
    way, secret = way_of(known.inputs), known.inputs.service.spec.exposure.tls_secret
    if secret is not None and way not in CERTIFIED:
        seen = f"the Secret {secret} of spec.exposure.tlsSecret is used by nothing: {_INSTEAD[way]}"
        yield Trouble("CertificateUnused", CERTIFICATE_UNUSED, seen)
    route = known.inputs.live.route if way == "Route" else None
    termination = at(route, "spec", "tls").get("termination")
    if route is not None and termination in _TO_PODS:
        seen = f"the Route {key_of(route)} has the termination {termination}"
        yield Trouble("RouteTermination", ROUTE_TERMINATION, seen)
    authority = None if known.at_address is None else known.at_address.authority
    if authority is not None and authority.trusted is False:
        said = f"the certificate of {known.exposed.uri} is signed by {authority.subject}, which this cluster does not trust"
        yield Trouble("ServingCAUntrusted", URI_UNTRUSTED, said, "" if authority.certificate else _NOT_SHOWN)
