"""gpgv judges real and hostile messages, sees nothing of the person who runs it, and never takes long."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.signing.conftest import DIGEST, MESSAGE, PLAIN, stored, verifier
from upgraph.errors import RemoteError, UserError, VerificationError
from upgraph.signing import Gpgv, Keyring, Outcome, Policy, SignatureJudge, parse_keyring
from upgraph.signing import gpgv as module
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import (
    CHECKS,
    Sample,
    SimulatedJudge,
    simulated_ring,
    simulated_signature,
)

Check = Callable[[SignatureJudge, Sample], Awaitable[None]]
BOTH = {Policy.STRICT, Policy.CLUSTER}


def _name(check: Check) -> str:
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", CHECKS, ids=_name)
async def test_gpgv_keeps_the_contract(
    check: Check, gpgv: Gpgv, signature: bytes, alice: Keyring, bob: Keyring
) -> None:
    await check(gpgv, Sample(MESSAGE, signature, alice, bob))


@pytest.mark.parametrize("check", CHECKS, ids=_name)
async def test_the_simulated_judge_keeps_the_contract(check: Check) -> None:
    message = simulated_signature(MESSAGE, "alice")
    await check(SimulatedJudge(), Sample(MESSAGE, message, simulated_ring("alice"), simulated_ring("bob")))


CI = "sha256=edd9824f0404f1a139688017e7001370e2f3fbc088b94da84506653b473fe140"
RED_HAT = "sha256=e3f12513a4b22a2d7c0e7c9207f52128113758d9d68c7d06b11a0ac7672966f7"
GRAPH_DATA = "sha256:3d8d8b79046b7ef59e3bf3ec2cc5dc7d6f1f2ba3a4ec4ad3d0c04f4dc2e9f7ad"
FILES = {
    "red-hat": f"signatures/{RED_HAT}/signature-1",
    "ci": f"signatures/{CI}/signature-1",
    "graph-data": "graph-data-image/signature-3",
}
RINGS = {
    "redhat": "keyrings/redhat.txt",
    "simple": "keyrings/simple.txt",
    "combined": "keyrings/combined.txt",
    "hongkliu": "graph-data-image/hongkliu.asc",
}
GOOD = {
    ("red-hat", "redhat"): Outcome.GOOD,
    ("red-hat", "combined"): Outcome.GOOD,
    ("ci", "simple"): Outcome.EXPIRED_KEY,
    ("ci", "combined"): Outcome.EXPIRED_KEY,
    ("graph-data", "hongkliu"): Outcome.GOOD,
}


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("file", FILES)
async def test_real_signatures_are_good_with_their_own_keyrings_and_no_other(
    real_signatures: Path, gpgv: Gpgv, file: str, ring: str
) -> None:
    keys = parse_keyring((real_signatures / RINGS[ring]).read_bytes(), ring)
    judgement = await gpgv.judge((real_signatures / FILES[file]).read_bytes(), keys)
    assert judgement.outcome is GOOD.get((file, ring), Outcome.UNKNOWN_KEY)
    assert (judgement.content is not None) == ((file, ring) in GOOD)


@pytest.mark.parametrize(
    ("folder", "ring", "accepted"),
    [(RED_HAT, "redhat", BOTH), (CI, "simple", {Policy.CLUSTER})],
    ids=["red-hat", "expired-ci-key"],
)
async def test_policies_agree_about_real_releases_but_for_an_expired_key(
    real_signatures: Path, gpgv: Gpgv, folder: str, ring: str, accepted: set[Policy]
) -> None:
    keys = parse_keyring((real_signatures / RINGS[ring]).read_bytes(), ring)
    digest = folder.replace("=", ":")
    store = stored((real_signatures / "signatures" / folder / "signature-1").read_bytes(), digest=digest)
    assert {policy for policy in Policy if await _accepts(gpgv, keys, policy, store, digest)} == accepted


async def _accepts(judge: Gpgv, keys: Keyring, policy: Policy, store: object, digest: str = DIGEST) -> bool:
    try:
        await verifier(judge, keys, policy=policy).verify(digest, [store])  # type: ignore[list-item]  # any store
    except VerificationError:
        return False
    return True


def test_a_missing_gpgv_is_named_with_its_package() -> None:
    with pytest.raises(UserError, match="there is no gpgv in /nowhere") as caught:
        Gpgv({"PATH": "/nowhere"})
    assert "package gpgv" in caught.value.remedy


async def test_a_gpgv_that_cannot_be_started_is_no_verdict(tmp_path: Path, alice: Keyring) -> None:
    program = tmp_path / "gpgv"
    program.write_bytes(b"\x7fELF nothing that runs")
    program.chmod(0o755)
    with Gpgv({"PATH": str(tmp_path)}) as judge, pytest.raises(RemoteError, match="cannot be run") as caught:
        await judge.judge(b"\x88message", alice)
    assert caught.value.retryable


def _program(directory: Path, script: str) -> Gpgv:
    program = directory / "gpgv"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Gpgv({"PATH": str(directory)})


@pytest.mark.parametrize(
    "script",
    ["exec /bin/sleep 60", "exec /usr/bin/yes", "kill -XFSZ $$", "exec /bin/cat /dev/zero"],
    ids=["hangs", "says-much", "killed", "noise"],
)
async def test_what_takes_too_much_is_ended_and_is_a_verdict(
    tmp_path: Path, alice: Keyring, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "JUDGE_SECONDS", 0.3)
    with _program(tmp_path, script) as judge:
        async with asyncio.timeout(30):
            judgement = await judge.judge(b"\x88message", alice)
    assert judgement.outcome is Outcome.LIMIT


async def test_a_cancelled_judgement_leaves_no_process(tmp_path: Path, alice: Keyring) -> None:
    with _program(tmp_path, "echo $$ > pid; exec /bin/sleep 60") as judge:
        task = asyncio.ensure_future(judge.judge(b"\x88message", alice))
        pid = judge._home / "pid"
        async with asyncio.timeout(180):
            while not (pid.exists() and pid.read_text().strip()):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)
        number = int(pid.read_text())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


async def test_a_message_that_unpacks_to_much_is_ended(gpg: GpgHome, gpgv: Gpgv, alice: Keyring) -> None:
    bomb = gpg.sign(bytes(64 * 1024 * 1024), "alice")
    assert len(bomb) < 256 * 1024
    assert (await gpgv.judge(bomb, alice)).outcome is Outcome.LIMIT


async def test_nothing_is_left_of_what_was_judged(gpgv: Gpgv, signature: bytes, alice: Keyring) -> None:
    for _ in range(2):
        await gpgv.judge(signature, alice)
    assert sorted(path.name for path in gpgv._home.iterdir()) == ["ring-1.gpg"]
    gpgv.close()
    assert not gpgv._home.exists()


async def test_keys_of_the_person_do_not_count(
    gpg: GpgHome, gpgv: Gpgv, signature: bytes, bob: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(gpg.path))
    (gpg.path / "trustedkeys.gpg").write_bytes(gpg.export("alice"))
    assert (await gpgv.judge(signature, bob)).outcome is Outcome.UNKNOWN_KEY


async def test_many_messages_are_judged_at_once(gpgv: Gpgv, signature: bytes, alice: Keyring) -> None:
    judgements = await asyncio.gather(*(gpgv.judge(signature, alice) for _ in range(20)))
    assert {judgement.outcome for judgement in judgements} == {Outcome.GOOD}


async def test_a_message_as_large_as_it_may_be_is_judged(gpg: GpgHome, gpgv: Gpgv, alice: Keyring) -> None:
    large = gpg.sign(os.urandom(1024 * 1024 - 1024), "alice", options=PLAIN)
    assert (await gpgv.judge(large, alice)).outcome is Outcome.GOOD
