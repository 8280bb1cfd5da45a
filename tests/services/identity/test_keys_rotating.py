"""Keys are replaced while tokens are issued and used all the time: not one of them is refused."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc.jwk import KeySet, OKPKey

from chassis.principal import ALGORITHM, AUDIENCE, ISSUER, TYPE, KeyRing, PassportVerifier
from portico.keys import hand_to_audit, key_states, make_keys, publish_keys, rotate_keys
from portico.trouble import Trouble
from services.audit.checkpoints.signing import SigningKey
from services.enforcement.checks.case import Credentials
from services.enforcement.checks.tokens import Keys, Tokens
from services.identity import key_rotation
from services.identity.key_rotation import RotationUnderWay, rotate, states, tidy
from services.identity.keys import KeyFileNotUsable, Signer, make_missing_keys, read_private, read_public
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.oauth import client

TOKENS = "tokens.public.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_missing_keys(tmp_path / "keys")
    return tmp_path / "keys"


def kid_of(token: str) -> str:
    part = token.split(".", maxsplit=1)[0]
    return str(orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kid"])


def published(folder: Path, now: float | None = None) -> list[str]:
    return [each["kid"] for each in read_public(folder / TOKENS, now)["keys"]]


async def test_two_rotations_under_continuous_use_refuse_nothing(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    mine = await client(world, await world.organization(owner), owner)
    folder = world.settings.keys_dir
    check = Tokens(Keys(folder / TOKENS), world.settings.issuer, world.settings.token_audience)
    issued: list[str] = []
    refused: list[Any] = []
    is_over = asyncio.Event()

    async def use() -> None:
        while not is_over.is_set():
            issued.append(await mine.token())
            # Every token that was ever issued is used again, by a check that has just started as well.
            for verifier in (check, Tokens(Keys(folder / TOKENS), world.settings.issuer, world.settings.token_audience)):
                for each in issued[-1:] + issued[:: max(1, len(issued) // 5)]:
                    read = verifier.read(b"Bearer " + each.encode(), time.time())
                    refused.extend([read] if not isinstance(read, Credentials) else [])
            if not (await mine.introspect(issued[0]))["active"]:
                refused.append("introspection")
            await asyncio.sleep(0)

    async def look() -> None:
        while not is_over.is_set():
            check.refresh()
            await asyncio.sleep(0.2)

    users = [asyncio.create_task(use()), asyncio.create_task(use()), asyncio.create_task(look())]
    for _ in range(2):
        rotation = await asyncio.to_thread(rotate, folder, "tokens", 4)
        async with asyncio.timeout(60):
            while not issued or kid_of(issued[-1]) != rotation.kid:  # noqa: ASYNC110 - the keys' own clock tells it
                await asyncio.sleep(0.05)
    is_over.set()
    await asyncio.gather(*users)
    assert refused == []
    assert len({kid_of(each) for each in issued}) == 3
    assert len(published(folder)) == 3
    assert set(published(folder)) == {kid_of(each) for each in issued}


def test_passports_go_on_through_a_rotation(folder: Path) -> None:
    signers = [Signer(folder / "passport.private.json", ALGORITHM) for _ in range(2)]
    verifiers = [PassportVerifier(KeyRing(folder / "passport.public.json")) for _ in range(2)]
    kids: set[str] = set()
    ends_at = time.monotonic() + 60
    has_rotated = False
    number = 0
    while time.monotonic() < ends_at and len(kids) < 2:
        now = int(time.time())
        number += 1
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"usr_{number}", "iat": now, "exp": now + 60}
        claims |= {"organizations": {}, "grants": {}, "rights_version": 1}
        for signer in signers:
            passport = signer.sign(TYPE, claims)
            kids.add(kid_of(passport))
            assert [each.verify(passport).id for each in verifiers] == [f"usr_{number}"] * 2
        if not has_rotated:
            rotate(folder, "passport", 2)
            has_rotated = True
        time.sleep(0.02)
    assert len(kids) == 2


def test_all_processes_change_over_together_and_keep_what_they_know(folder: Path) -> None:
    moment = time.time()
    clock = [moment]
    signers = [Signer(folder / "tokens.private.json", now=lambda: clock[0]) for _ in range(3)]
    [first] = published(folder)
    rotation = rotate(folder, "tokens", 600, now=moment)
    signers.append(Signer(folder / "tokens.private.json", now=lambda: clock[0]))
    for ahead, kid in ((0, first), (599, first), (601, rotation.kid)):
        clock[0] = moment + ahead
        assert {kid_of(each.sign("at+jwt", {})) for each in signers} == {kid}
    whole = (folder / "tokens.private.json").read_bytes()
    for broken in (b"", b"no json", b'{"keys": []}', b'{"keys": [{"kty": "OKP"}]}'):
        beside = folder / "next"
        beside.write_bytes(broken)
        beside.replace(folder / "tokens.private.json")
        assert {kid_of(each.sign("at+jwt", {})) for each in signers} == {rotation.kid}
        with pytest.raises(KeyFileNotUsable):
            Signer(folder / "tokens.private.json")
    (folder / "tokens.private.json").write_bytes(whole)
    assert kid_of(signers[0].sign("at+jwt", {})) == rotation.kid


def test_a_former_key_stays_until_everything_signed_with_it_has_expired(folder: Path) -> None:
    moment = int(time.time())
    [first] = published(folder)
    rotation = rotate(folder, "tokens", 600, now=moment)
    assert (rotation.former_kid, rotation.former_until) == (first, moment + 600 + 660)
    assert [(each.kid, each.state) for each in states(folder, now=moment) if each.purpose == "tokens"] == [
        (first, "SIGNING"), (rotation.kid, "NEXT"),
    ]  # fmt: skip
    later = moment + 601
    assert [(each.kid, each.state) for each in states(folder, now=later) if each.purpose == "tokens"] == [
        (first, "VERIFYING"), (rotation.kid, "SIGNING"),
    ]  # fmt: skip
    assert rotation.former_until is not None
    assert published(folder, rotation.former_until - 1) == [first, rotation.kid]
    assert published(folder, rotation.former_until) == [rotation.kid]
    second = rotate(folder, "tokens", 0, now=later)
    assert published(folder, later) == [first, rotation.kid, second.kid]
    tidy(folder, now=rotation.former_until)
    kept = orjson.loads((folder / TOKENS).read_bytes())["keys"]
    assert [each["kid"] for each in kept] == [rotation.kid, second.kid]
    assert all("d" not in each and "signs_from" not in each for each in kept)
    assert (folder / "tokens.private.json").stat().st_mode & 0o777 == 0o600


def test_the_keys_of_the_audit_trail_are_kept_for_good(folder: Path, tmp_path: Path) -> None:
    moment = int(time.time())
    rotations = [rotate(folder, "audit", 0, now=moment + years * 365 * 24 * 3600) for years in range(1, 4)]
    assert all(each.former_until is None for each in rotations)
    tidy(folder, now=moment + 40 * 365 * 24 * 3600)
    kept = orjson.loads((folder / "audit.public.json").read_bytes())["keys"]
    assert [each["kid"] for each in kept] == [rotations[0].former_kid, *(each.kid for each in rotations)]
    assert not any("exp" in each or "d" in each for each in kept)
    standing = [each for each in states(folder, now=moment + 40 * 365 * 24 * 3600) if each.purpose == "audit"]
    assert [each.state for each in standing] == ["VERIFYING"] * 3 + ["SIGNING"]
    hand_to_audit(folder, tmp_path / "audit")
    assert {each.name for each in (tmp_path / "audit").iterdir()} == {"audit.private.json", "audit.public.json"}
    assert (tmp_path / "audit" / "audit.private.json").stat().st_mode & 0o777 == 0o600
    assert SigningKey(tmp_path / "audit").sign(b"")[0] == rotations[1].kid
    later = moment + 4 * 365 * 24 * 3600
    assert SigningKey(tmp_path / "audit", now=lambda: later).sign(b"")[0] == rotations[2].kid


def test_the_bare_key_of_before_is_still_read_and_replaced(folder: Path) -> None:
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
    (folder / "tokens.private.json").write_bytes(orjson.dumps(key.as_dict(private=True)))
    (folder / TOKENS).write_bytes(orjson.dumps(KeySet([key]).as_dict(private=False)))
    assert kid_of(Signer(folder / "tokens.private.json").sign("at+jwt", {})) == key.kid
    rotation = rotate(folder, "tokens", 5)
    assert published(folder) == [key.kid, rotation.kid]
    assert [each["kid"] for each in read_private(folder / "tokens.private.json")] == [key.kid, rotation.kid]


def test_a_key_without_a_name_is_called_by_its_thumbprint(folder: Path) -> None:
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"})
    (folder / "tokens.private.json").write_bytes(orjson.dumps(key.as_dict(private=True)))
    (folder / TOKENS).unlink()
    make_keys(folder)
    assert published(folder) == [key.thumbprint()] == [kid_of(Signer(folder / "tokens.private.json").sign("at+jwt", {}))]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keys": 1}', b'{"keys": [{}]}'])
def test_a_published_file_that_is_broken_is_told_with_the_mend(folder: Path, tmp_path: Path, content: bytes) -> None:
    (folder / TOKENS).write_bytes(content)
    for step in (lambda: make_keys(folder), lambda: publish_keys(folder, tmp_path / "public"), lambda: key_states(folder)):
        with pytest.raises(Trouble, match=f"{TOKENS} holds .* run `portico keys`"):
            step()
    (folder / TOKENS).unlink()
    make_keys(folder)
    assert len(published(folder)) == 1


def test_one_rotation_at_a_time_unless_it_is_urgent(folder: Path) -> None:
    pending = rotate(folder, "tokens", 60)
    with pytest.raises(RotationUnderWay, match="signs in"):
        rotate(folder, "tokens", 60)
    at_once = rotate(folder, "tokens", 0)
    assert at_once.kid == pending.kid
    assert kid_of(Signer(folder / "tokens.private.json").sign("at+jwt", {})) == pending.kid


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_rotation_that_ends_suddenly_harms_nothing(folder: Path, steps: int) -> None:
    before = Signer(folder / "tokens.private.json").sign("at+jwt", {})
    # A process of its own that is killed after so many files were put in place.
    program = f"""
import os, pathlib
from services.identity import key_rotation
put, left = key_rotation._put, [{steps}]
def counting(*args):
    if not left[0]:
        os._exit(9)
    left[0] -= 1
    put(*args)
key_rotation._put = counting
key_rotation.rotate(pathlib.Path({str(folder)!r}), "tokens", 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)
    assert ended.returncode == (0 if steps == 3 else 9)
    after = Signer(folder / "tokens.private.json").sign("at+jwt", {})
    assert {kid_of(before), kid_of(after)} <= set(published(folder))
    make_keys(folder)
    assert {kid_of(before), kid_of(after)} <= set(published(folder))
    private = [each["kid"] for each in read_private(folder / "tokens.private.json")]
    [signing] = [each for each in orjson.loads((folder / TOKENS).read_bytes())["keys"] if "exp" not in each]
    assert signing["kid"] == private[-1]
    assert rotate(folder, "tokens", 0).kid in published(folder)


def test_the_copy_for_everybody_is_first_to_know(folder: Path, tmp_path: Path) -> None:
    publish_keys(folder, tmp_path / "public")
    rotation = rotate_keys(folder, "tokens", 5, tmp_path / "public")
    assert (tmp_path / "public" / TOKENS).read_bytes() == (folder / TOKENS).read_bytes()
    assert rotation.kid in published(tmp_path / "public")
    assert not list((tmp_path / "public").glob("*private*"))
    for purpose, overlap, says in (("mail", 5, "name one of passport, tokens, audit"), ("tokens", -1, "cannot be negative")):
        with pytest.raises(Trouble, match=says):
            rotate_keys(folder, purpose, overlap, None)
    with pytest.raises(Trouble, match="signs in"):
        rotate_keys(folder, "tokens", 5, None)
    assert {each.state for each in key_states(folder)} == {"SIGNING", "NEXT"}


def test_the_commands_say_what_they_did(folder: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "portico", "keys", *arguments, "--folder", str(folder)]
        ended = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False, env=dict(os.environ)
        )
        return ended.returncode, ended.stdout + ended.stderr

    code, said = run("rotate", "tokens", "--overlap", "600")
    assert (code, said.count("\n")) == (0, 2), said
    code, said = run("list")
    assert (code, said.count("SIGNING"), said.count("NEXT")) == (0, 3, 1), said
    code, said = run("rotate", "tokens")
    assert (code, said.count("\n")) == (2, 1), said
    assert '"d"' not in said
    code, said = run()
    assert code == 0, said


def test_the_default_overlap_is_longer_than_anybody_keeps_the_published_keys() -> None:
    from services.identity.keys import JWKS_MAX_AGE_SECONDS

    assert key_rotation.DEFAULT_OVERLAP_SECONDS > JWKS_MAX_AGE_SECONDS
