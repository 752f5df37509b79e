"""Puts the names of an UpdateService into the commands that its conditions tell, so that they can be pasted. Pure.

The catalogue of problems words its commands for every UpdateService, with NAME and NAMESPACE. Who reads a condition has one
before them. A name that only they can choose, such as that of a Secret to be made, stays as it is.
"""

from dataclasses import replace

from upgraph.kube.conditions import Condition
from upgraph.operator.resource.names import Names


def with_names(condition: Condition, names: Names) -> Condition:
    """A condition whose message has the names of one UpdateService in its commands."""
    message, place = condition.message, f"-n {names.namespace}"
    for general, own in (
        ("-n NAMESPACE", place),
        ("deployment/NAME", f"{place} deployment/{names.deployment}"),
        ("-l app=NAME", f"{place} -l app={names.deployment}"),
        ("get updateservice NAME", f"get updateservice {names.name}"),
        ("ingress NAME-route", f"ingress {place} {names.route}"),
    ):
        message = message.replace(general, own)
    return replace(condition, message=message)
