"""The authority of an address is told in a form that the API takes."""

from upgraph.oci import TlsExamination
from upgraph.operator.observing.serving_ca import serving_ca
from upgraph.syntax.certificate import Certificate


def test_an_end_that_cannot_be_read_is_left_out() -> None:
    root = Certificate("CN=Root", "CN=Root", "AB:CD", None, None, ())
    found = serving_ca(TlsExamination("h", 443, "", (root,)), (), cluster_is_judge=False)
    assert found is not None
    assert (found.fingerprint, found.not_after) == ("abcd", "")
