"""What an UpdateService becomes is called as in the reference operator, and a name that is too long is told in time."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from upgraph.operator.resource.names import (
    LONGEST_NAME_CHARACTERS,
    MAX_LABEL_CHARACTERS,
    Names,
    longest_name,
    route_host_fault,
)

LABELS = st.from_regex(re.compile(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", re.ASCII), fullmatch=True)
SEED = Names("openshift-update-service", "service")
SEARCHED = "host must conform to DNS 1123 naming convention and must be no more than 63 characters"


def test_the_names_are_those_of_the_reference_operator() -> None:
    assert SEED.deployment == SEED.pod_disruption_budget == SEED.network_policy == "service"
    assert SEED.config == "service-config"
    assert SEED.trusted_ca == "service-trusted-ca"
    assert SEED.pull_secret == "service-pull-secret"
    assert SEED.graph_builder_service == "service-graph-builder"
    assert SEED.policy_engine_service == "service-policy-engine"
    assert (SEED.route, SEED.legacy_route) == ("service-route", "service-policy-engine-route")


def test_two_in_one_namespace_share_no_name() -> None:
    def all_of(names: Names) -> set[str]:
        properties = [name for name, value in vars(Names).items() if isinstance(value, property)]
        return {getattr(names, name) for name in properties}

    assert not all_of(SEED) & all_of(Names(SEED.namespace, "other"))


@given(namespace=LABELS, name=LABELS)
def test_a_route_gets_a_host_exactly_if_its_label_fits(namespace: str, name: str) -> None:
    fits = len(f"{name}-route-{namespace}") <= 63
    assert (route_host_fault(Names(namespace, name)) is None) == fits


@given(namespace=LABELS)
def test_the_longest_name_fits_and_one_more_character_does_not(namespace: str) -> None:
    longest = longest_name(namespace)
    assume(longest > 0)
    assert route_host_fault(Names(namespace, "a" * longest)) is None
    said = route_host_fault(Names(namespace, "a" * (longest + 1)))
    assert said is not None
    assert said.endswith(f"in the namespace {namespace} a name may have {longest}")


def test_what_users_search_for_is_said() -> None:
    said = route_host_fault(Names("openshift-update-service", "a" * 33))
    assert said is not None
    assert SEARCHED in said
    assert "may have 32" in said


def test_a_namespace_that_leaves_no_room_is_told() -> None:
    said = route_host_fault(Names("n" * 60, "a"))
    assert said is not None
    assert "leaves no room for a name" in said


@pytest.mark.parametrize("name", ["4site", "2", "4-4"])
def test_a_name_may_begin_with_a_digit_in_a_host(name: str) -> None:
    assert route_host_fault(Names("updates", name)) is None


def test_a_name_that_is_no_label_is_told_without_a_length() -> None:
    said = route_host_fault(Names("updates", "site.one"))
    assert said is not None
    assert "may have" not in said


def test_the_longest_name_leaves_room_for_every_service() -> None:
    longest = Names("", "a" * LONGEST_NAME_CHARACTERS)
    services = (longest.policy_engine_service, longest.graph_builder_service, longest.siblings_service)
    assert max(map(len, services)) == MAX_LABEL_CHARACTERS
