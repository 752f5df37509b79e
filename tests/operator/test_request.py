"""An UpdateService that is asked for on the command line: what is sent, and what is refused beyond the definition."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.operator.resource.quantity import amount
from upgraph.operator.resource.request import refuse_faults, route_fault, wanted_object
from upgraph.operator.resource.update_service import UpdateService, parse_update_service
from upgraph.testing.misshapen_update_services import AMOUNTS, IMAGES, VALUES, WELL_SHAPED
from upgraph.testing.update_services import ACCEPTED, NAMESPACE, OUT_OF_BOUNDS, REFUSED, Example, Refused


def read(name: str = "service", **spec: object) -> UpdateService:
    return parse_update_service(Example("", spec, name).object())


@pytest.mark.parametrize("example", [*ACCEPTED, *WELL_SHAPED], ids=lambda example: example.id)
def test_what_is_sent_is_what_was_read(example: Example) -> None:
    asked = example.object()
    service = parse_update_service(asked)
    sent = wanted_object(NAMESPACE, example.name, service.spec)
    assert sent["spec"] == {field: value for field, value in asked["spec"].items() if value != {}}
    assert {**sent, "spec": None} == {**asked, "spec": None}


@pytest.mark.parametrize("example", [*ACCEPTED, *WELL_SHAPED], ids=lambda example: example.id)
def test_what_can_work_is_not_refused(example: Example) -> None:
    refuse_faults(parse_update_service(example.object()))


@pytest.mark.parametrize(
    "refused", [*REFUSED, *VALUES, *AMOUNTS, *IMAGES, *OUT_OF_BOUNDS], ids=lambda refused: refused.example.id
)
def test_what_can_never_work_is_refused_once(refused: Refused) -> None:
    with pytest.raises(UserError) as caught:
        refuse_faults(parse_update_service(refused.example.object()))
    assert caught.value.seen.count(f"{refused.path}: ") == 1
    assert refused.says in caught.value.seen


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"signatures": {"source": "http://[::1"}}, "is no address", id="half an address"),
        pytest.param({"versions": {"allow": ["4.18.3-rc..1"]}}, "spec.versions.allow[0]", id="version"),
        pytest.param({"versions": {"allow": [f"{2**64}.1.0"]}}, "beyond 64 bits", id="large version"),
        pytest.param({"releases": "[2001::db8::1]/a"}, "spec.releases", id="half an IPv6 address"),
        pytest.param(
            {"resources": {"requests": {"example.com/card": 2}, "limits": {"example.com/card": 1}}},
            "requests.example.com/card 2 is more than limits.example.com/card 1",
            id="amounts of devices",
        ),
    ],
)
def test_what_the_definition_cannot_say_is_refused_as_well(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        refuse_faults(read(**spec))
    assert said in caught.value.seen


def test_a_route_whose_name_is_too_long_is_refused() -> None:
    with pytest.raises(UserError, match="a name may have 32"):
        refuse_faults(read("a" * 33, exposure={"type": "Route"}))


def test_a_route_with_a_host_of_its_own_may_have_a_longer_name() -> None:
    service = read("a" * 40, exposure={"type": "Route", "host": "updates.example"})
    refuse_faults(service)
    assert route_fault(service) is None


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("150m", "0.15"),
        ("1Gi", "1073741824"),
        ("1.5G", "1500000000"),
        (2, "2"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("2E", "2e18"),
    ],
)
def test_an_amount_is_read_as_kubernetes_reads_it(quantity: str | float, number: str) -> None:
    assert amount(quantity) == Decimal(number)


@given(number=st.integers(0, 10**12), unit=st.sampled_from(["m", "", "k", "Ki", "M", "Mi", "Gi"]))
def test_more_of_the_same_unit_is_more(number: int, unit: str) -> None:
    less, more = amount(f"{number}{unit}"), amount(f"{number + 1}{unit}")
    assert less is not None
    assert more is not None
    assert less < more


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    assert amount(text) is None or amount(text) == amount(text.strip())
