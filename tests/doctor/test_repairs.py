"""Commands that mend: for problems that exist, complete, and safe to copy into a shell."""

import re
import shlex

import pytest

from upgraph.errors.problems import every_problem
from upgraph.oci import Access, Repository
from upgraph.service.doctor.host import Host
from upgraph.service.doctor.images import RegistryPlace
from upgraph.service.doctor.repairs import advice, topics

REFERENCES = {problem.reference for problems in every_problem().values() for problem in problems}
CASES = re.compile(r"-(authority|name|dates|remote|proxy|plain|tls)$")


@pytest.mark.parametrize("topic", topics())
def test_commands_are_for_problems_that_exist(topic: str) -> None:
    assert topic in REFERENCES or CASES.sub("", topic) in REFERENCES


@pytest.mark.parametrize("topic", topics())
def test_every_command_can_be_filled_in_and_read_by_a_shell(topic: str) -> None:
    words = {**RegistryPlace(Repository.parse("docker://a.example:5000/b/c"), Access()).words}
    words |= {"file": shlex.quote("/a b/c"), "user": "1000", "proxy": "http://proxy.example:3128"}
    made, bare = advice(topic, words), advice(topic, dict.fromkeys(words, "x"))
    assert len(made.repair) + len(made.verify) == len(bare.repair) + len(bare.verify) > 0
    for command in (*made.repair, *made.verify):
        assert shlex.split(command, comments=True)
        assert not re.search(r"\$[a-z_]", command)


def test_what_is_not_known_leaves_its_commands_out() -> None:
    assert advice("name-unresolved", {}).verify == ()


def test_a_host_cannot_bring_a_command_of_its_own() -> None:
    words = Host("https", "a;reboot", 443, Access()).words
    assert advice("name-unresolved", words).verify == ("getent hosts 'a;reboot'",)
