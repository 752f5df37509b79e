"""What ``upgraph updateservice create`` can be asked for. Rarer wishes are added to the text that ``-o yaml`` prints."""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, cast

import click

from upgraph.operator.installation.parameters import DEFAULT_NAMESPACE
from upgraph.operator.resource.update_service import (
    Credentials,
    Exposure,
    ExposureType,
    Gateway,
    Signatures,
    Trust,
    UpdateServiceSpec,
    Versions,
)

F = TypeVar("F", bound=Callable[..., Any])

_EXPOSURES = ("Auto", "Route", "HTTPRoute", "Ingress", "None")


class Wishes(TypedDict):
    """The options, as the command line gives them."""

    releases: tuple[str, ...]
    graph_data_image: str
    replicas: int
    exposure: str
    host: str | None
    tls_secret: str | None
    ingress_class: str | None
    gateway: str | None
    ca_configmap: str | None
    pull_secret: str | None
    keyring_configmap: str | None
    keyring_secret: str | None
    signatures: str | None
    versions_configmap: str | None


_OPTIONS = (
    click.option(
        "--releases",
        multiple=True,
        required=True,
        metavar="HOST/PATH",
        help="The repository in which the release images are tagged. Can be given several times.",
    ),
    click.option(
        "--graph-data-image",
        required=True,
        metavar="PULLSPEC",
        help="The image with the graph data, by tag or by digest.",
    ),
    click.option(
        "--replicas", type=click.IntRange(min=1), default=2, show_default=True, help="How many pods answer."
    ),
    click.option(
        "--exposure",
        type=click.Choice(_EXPOSURES),
        default="Auto",
        show_default=True,
        help="How clusters reach it. Auto: a Route where there are Routes, else an HTTPRoute with --gateway, else an"
        " Ingress with --host.",
    ),
    click.option("--host", metavar="NAME", help="The host in the address for clusters."),
    click.option(
        "--tls-secret", metavar="NAME", help="Secret with the certificate of the host, and its key."
    ),
    click.option("--ingress-class", metavar="NAME", help="Which controller serves the Ingress."),
    click.option(
        "--gateway", metavar="[NAMESPACE/]NAME", help="The Gateway that the HTTPRoute is attached to."
    ),
    click.option("--ca-configmap", metavar="NAME", help="ConfigMap with the authorities of the registries."),
    click.option("--pull-secret", metavar="NAME", help="Secret with the logins of the registries."),
    click.option(
        "--keyring-configmap",
        metavar="NAME",
        help="ConfigMap with public keys: releases that none of them has signed are left out.",
    ),
    click.option("--keyring-secret", metavar="NAME", help="The same in a Secret."),
    click.option(
        "--signatures",
        metavar="SOURCE",
        help="Where the signatures are: the address of a store, or docker://HOST/PATH[:TAG] of an image that"
        " `upgraph signatures push` made.",
    ),
    click.option(
        "--versions-configmap",
        metavar="NAME",
        help="ConfigMap with the versions that have been tested, under the key versions: updates into others are not"
        " recommended.",
    ),
)


def wish_options(function: F) -> F:
    """What the UpdateService is to be like."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def namespace_option(function: F) -> F:
    """In which namespace it is."""
    option: F = click.option(
        "-n",
        "--namespace",
        default=DEFAULT_NAMESPACE,
        show_default=True,
        metavar="NAME",
        help="The namespace of the operator.",
    )(function)
    return option


def spec_of(wishes: Wishes) -> UpdateServiceSpec:
    """The spec that asks for these wishes."""
    first, *more = wishes["releases"]
    return UpdateServiceSpec(
        replicas=wishes["replicas"],
        releases=first,
        graph_data_image=wishes["graph_data_image"],
        additional_releases=more,
        exposure=_exposure(wishes),
        trust=Trust(config_map=name) if (name := wishes["ca_configmap"]) else None,
        credentials=Credentials(secret=name) if (name := wishes["pull_secret"]) else None,
        signatures=Signatures(
            required=bool(wishes["keyring_configmap"] or wishes["keyring_secret"]),
            keyring_config_map=wishes["keyring_configmap"],
            keyring_secret=wishes["keyring_secret"],
            source=wishes["signatures"],
        ),
        versions=Versions(config_map=name) if (name := wishes["versions_configmap"]) else None,
    )


def _exposure(wishes: Wishes) -> Exposure:
    gateway = None
    if wishes["gateway"] is not None:
        namespace, _, name = wishes["gateway"].rpartition("/")
        gateway = Gateway(name=name, namespace=namespace or None)
    return Exposure(
        type=cast("ExposureType", wishes["exposure"]),
        host=wishes["host"],
        tls_secret=wishes["tls_secret"],
        ingress_class_name=wishes["ingress_class"],
        gateway=gateway,
    )
