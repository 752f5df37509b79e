"""Puts the names of an UpdateService into the commands that are told about it, so that they can be pasted. Pure.

The catalogue of problems words its commands for every UpdateService, with NAME and NAMESPACE. Who reads a condition, or is
refused a command, has one before them. A name that only they can choose, such as that of a Secret to be made, stays as it is.
"""

from dataclasses import replace

from upgraph.kube.conditions import Condition
from upgraph.operator.resource.names import Names


def as_pasted(text: str, names: Names) -> str:
    """A text of the catalogue with the names of one UpdateService in its commands."""
    place = f"-n {names.namespace}"
    for general, own in (
        ("-n NAMESPACE", place),
        ("deployment/NAME", f"{place} deployment/{names.deployment}"),
        ("-l app=NAME", f"{place} -l app={names.deployment}"),
        ("get updateservice NAME", f"get updateservice {names.name}"),
        ("ingress NAME-route", f"ingress {place} {names.route}"),
    ):
        text = text.replace(general, own)
    return text


def with_names(condition: Condition, names: Names) -> Condition:
    """A condition whose message has the names of one UpdateService in its commands."""
    return replace(condition, message=as_pasted(condition.message, names))
