"""``upgraph operator manifests``: everything with which the operator is installed, as text."""

import click

from upgraph.cli.operator.pull_spec import is_pull_spec
from upgraph.errors import UserError
from upgraph.errors.problems.operator import INSTALLATION_INVALID
from upgraph.operator.installation.manifests import as_yaml, removal, warning
from upgraph.operator.installation.manifests import manifests as objects_of
from upgraph.operator.installation.parameters import (
    DEFAULT_CA_CONFIG_MAPS,
    DEFAULT_NAMESPACE,
    Flavour,
    Installation,
    refuse_names,
)
from upgraph.operator.resource.definition import definition

_EXAMPLES = """
\b
Examples:
  upgraph operator manifests --image registry.example:5000/upgraph/upgraph:0.1.0 | oc apply -f -
  upgraph operator manifests --platform kubernetes --image-pull-secret registry-login \\
      --image registry.example:5000/upgraph/upgraph:0.1.0 | kubectl apply -f -
  upgraph operator manifests --crd-only | kubectl apply --server-side -f -
  upgraph operator manifests --removal --namespace updates | oc delete --ignore-not-found -f -
"""


def _required(context: click.Context, _: click.Parameter, image: str | None) -> str | None:
    """Refuse an installation without an image, while the command line is read."""
    if image is None and not (context.params["crd_only"] or context.params["for_removal"]):
        raise click.UsageError("--image says where nodes pull the operator from; there is no public place")
    return image


@click.command(epilog=_EXAMPLES)
@click.option(
    "--image",
    metavar="PULLSPEC",
    callback=_required,
    help="The image of Upgraph in your registry, best by digest. The operator runs from it, and the services that it makes.",
)
@click.option(
    "--namespace",
    default=DEFAULT_NAMESPACE,
    show_default=True,
    metavar="NAME",
    help="Where the operator runs. It looks after the UpdateServices of this namespace alone.",
)
@click.option(
    "--platform",
    type=click.Choice([one.value for one in Flavour]),
    default=Flavour.OPENSHIFT.value,
    show_default=True,
    help="openshift adds the rights to read the configuration of the cluster and to make Routes.",
)
@click.option(
    "--ca-configmap",
    "ca_config_maps",
    multiple=True,
    default=DEFAULT_CA_CONFIG_MAPS,
    show_default=True,
    metavar="NAME",
    help="ConfigMap of openshift-config with the authorities of registries (additionalTrustedCA of the cluster), which"
    " the operator may read. Can be given several times.",
)
@click.option(
    "--image-pull-secret",
    "pull_secrets",
    multiple=True,
    metavar="NAME",
    help="Secret of the namespace with which nodes pull the image of the operator, where they have no login of their"
    " own. Can be given several times.",
)
@click.option("--crd-only", is_flag=True, is_eager=True, help="Only the definition of the resource.")
@click.option(
    "--removal",
    "for_removal",
    is_flag=True,
    is_eager=True,
    help="Only what belongs to the installation in this namespace alone, for kubectl delete --ignore-not-found: the"
    " operator, its rights on every platform, and the namespace with all that is in it. The definition of the resource and"
    " the roles of users stay for others. Needs no image.",
)
@click.option(
    "--keep-namespace",
    is_flag=True,
    help="With --removal: the namespace stays, with what is yours in it and the UpdateServices. What the operator has made for"
    " itself goes.",
)
def manifests(  # noqa: PLR0913  # each is an option of the command
    *,
    image: str | None,
    namespace: str,
    platform: str,
    ca_config_maps: tuple[str, ...],
    pull_secrets: tuple[str, ...],
    crd_only: bool,
    for_removal: bool,
    keep_namespace: bool,
) -> None:
    """Print what installs the operator: the resource, the rights and the Deployment, for kubectl apply.

    Nothing is contacted. The same options give the same text.
    """
    if crd_only and for_removal:
        raise click.UsageError(
            "--crd-only prints what all installations share, and --removal what none of them does"
        )
    if keep_namespace and not for_removal:
        raise click.UsageError("--keep-namespace belongs to --removal")
    if crd_only:
        click.echo(as_yaml([definition()]), nl=False)
        return
    if image is not None and not is_pull_spec(image):
        seen = f"--image is {image!r}, which is no pull spec such as registry.example:5000/upgraph:0.1.0"
        raise UserError(INSTALLATION_INVALID, seen)
    installation = Installation(
        image=image or "",
        namespace=namespace,
        flavour=Flavour(platform),
        ca_config_maps=ca_config_maps,
        pull_secrets=pull_secrets,
    )
    refuse_names(installation)
    if for_removal:
        click.echo(as_yaml(removal(installation, keep_namespace=keep_namespace)), nl=False)
    else:
        click.echo(warning(installation) + as_yaml(objects_of(installation)), nl=False)
