"""Passports: only what identity signed lately, for services, is believed."""

import base64
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from chassis.bus import Message
from chassis.errors import NotFound
from chassis.principal import (
    ALGORITHM,
    AUDIENCE,
    ISSUER,
    RIGHTS_CHANGED,
    SESSION_ENDED,
    TYPE,
    VISITOR,
    KeyRing,
    PassportMissing,
    PassportNotAccepted,
    PassportOutdated,
    PassportVerifier,
    Principal,
    RoleNotAllowed,
    SignInFirst,
)

KEY = OKPKey.generate_key("Ed25519", {"kid": "k1"})
OTHER = OKPKey.generate_key("Ed25519", {"kid": "k1"})
NOW = 1_900_000_000


def claims(**changes: Any) -> dict[str, Any]:
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "usr_1",
        "sid": "ses_1",
        "iat": NOW,
        "exp": NOW + 60,
        "organizations": {"org_1": "DEVELOPER"},
        "grants": {"DEVELOPER": ["SUBSCRIBE"]},
        "platform_roles": [],
    }
    made.update(changes)
    return {name: value for name, value in made.items() if value is not ...}


def sign(changed: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    return jwt.encode({"alg": ALGORITHM, "kid": "k1", "typ": TYPE, **header}, changed, key, algorithms=[ALGORITHM, "HS256"])


@pytest.fixture
def verifier(tmp_path: Path) -> PassportVerifier:
    path = tmp_path / "passport.public.json"
    path.write_bytes(orjson.dumps({"keys": [KEY.as_dict(private=False)]}))
    return PassportVerifier(KeyRing(path), now=lambda: NOW + 1.0)


def test_a_good_passport_tells_who_asks(verifier: PassportVerifier) -> None:
    principal = verifier.verify(sign(claims()))
    assert principal.id == "usr_1"
    assert principal.may("SUBSCRIBE", "org_1")
    assert not principal.may("INVITE_MEMBER", "org_1")
    assert not principal.may("SUBSCRIBE", "org_2")
    assert verifier.verify(sign(claims())) == principal


@pytest.mark.parametrize("passport", [None, ""])
def test_without_a_passport_nobody_is_let_in(verifier: PassportVerifier, passport: str | None) -> None:
    with pytest.raises(PassportMissing):
        verifier.verify(passport)


def test_a_visitor_is_nobody_for_as_long_as_half_a_day(verifier: PassportVerifier) -> None:
    visitor = {"iss": ISSUER, "aud": AUDIENCE, "sub": VISITOR, "iat": NOW - 3600, "exp": NOW + 11 * 3600}
    assert verifier.verify(sign(visitor)).is_anonymous
    assert verifier.verify(sign(visitor | {"organizations": {"org_1": "OWNER"}, "platform_roles": ["AUDITOR"]})) == Principal()
    with pytest.raises(PassportNotAccepted):
        verifier.verify(sign(visitor | {"exp": NOW + 12 * 3600}))


def announcement(key: str, **data: Any) -> Message:
    wrapped = {"id": "evt_1", "type": f"portico.{key}", "time": "2026-11-05T00:00:00Z", "sequence": 1, "data": data}
    return Message("evt_1", key, orjson.dumps(wrapped))


async def test_a_passport_with_rights_of_former_times_is_refused_as_soon_as_it_is_heard(verifier: PassportVerifier) -> None:
    former, other = sign(claims(rights_version=4)), sign(claims(sub="usr_2", rights_version=4))
    assert verifier.verify(former).rights_version == 4
    await verifier.hear(announcement(RIGHTS_CHANGED, user_id="usr_1", rights_version=6))
    await verifier.hear(announcement(RIGHTS_CHANGED, user_id="usr_1", rights_version=5))
    for version in (4, 5):
        with pytest.raises(PassportOutdated):
            verifier.verify(sign(claims(rights_version=version)))
    assert verifier.verify(sign(claims(rights_version=6))).id == "usr_1"
    assert verifier.verify(other).id == "usr_2"


async def test_a_passport_of_a_session_that_ended_is_refused_as_soon_as_it_is_heard(verifier: PassportVerifier) -> None:
    assert verifier.verify(sign(claims())).id == "usr_1"
    await verifier.hear(announcement(SESSION_ENDED, user_id="usr_1", session_id="ses_1"))
    with pytest.raises(PassportOutdated):
        verifier.verify(sign(claims()))
    assert verifier.verify(sign(claims(sid="ses_2"))).id == "usr_1"


async def test_what_was_heard_is_forgotten_once_no_passport_can_be_that_old(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps({"keys": [KEY.as_dict(private=False)]}))
    moment = [NOW + 1.0]
    verifier = PassportVerifier(KeyRing(path), now=lambda: moment[0])
    for number in range(10_001):
        if number == 10_000:
            moment[0] += 120
        await verifier.hear(announcement(SESSION_ENDED, user_id="usr_1", session_id=f"ses_{number}"))
    kept = verifier._outdated._ended
    assert list(kept) == ["ses_10000"]


UNSIGNED = ".".join(
    [
        base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": TYPE})).decode().rstrip("="),
        base64.urlsafe_b64encode(orjson.dumps(claims())).decode().rstrip("="),
        "",
    ]
)
HOSTILE = {
    "another key": sign(claims(), OTHER),
    "expired": sign(claims(iat=NOW - 120, exp=NOW - 60)),
    "no exp": sign(claims(exp=...)),
    "no iat": sign(claims(iat=...)),
    "no sub": sign(claims(sub=...)),
    "lives too long": sign(claims(exp=NOW + 3600)),
    "another issuer": sign(claims(iss="someone")),
    "another audience": sign(claims(aud="portico:calls")),
    "another type": sign(claims(), typ="at+jwt"),
    "not yet issued": sign(claims(iat=NOW + 3000, exp=NOW + 3060)),
    "no organizations": sign(claims(organizations=...)),
    "organizations of a wrong shape": sign(claims(organizations=["org_1"])),
    "unsigned": UNSIGNED,
    "signed with the public key as a secret": jwt.encode(
        {"alg": "HS256", "kid": "k1", "typ": TYPE},
        claims(),
        OctKey.import_key(orjson.dumps(KEY.as_dict(private=False)).decode()),
        algorithms=["HS256"],
    ),
    "garbage": "not.a.passport",
    "empty parts": "..",
    "unknown kid": sign(claims(), OTHER, kid="k9"),
}


@pytest.mark.parametrize("passport", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_passport_is_refused(verifier: PassportVerifier, passport: str) -> None:
    with pytest.raises(PassportNotAccepted):
        verifier.verify(passport)


def test_a_verified_passport_is_not_believed_beyond_its_end(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps({"keys": [KEY.as_dict(private=False)]}))
    moment = [NOW + 1.0]
    verifier = PassportVerifier(KeyRing(path), now=lambda: moment[0])
    passport = sign(claims())
    assert verifier.verify(passport).id == "usr_1"
    moment[0] = NOW + 61.0
    with pytest.raises(PassportNotAccepted):
        verifier.verify(passport)


def test_keys_are_read_again_when_their_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(orjson.dumps({"keys": [OTHER.as_dict(private=False)]}))
    ring = KeyRing(path)
    verifier = PassportVerifier(ring, now=lambda: NOW + 1.0)
    with pytest.raises(PassportNotAccepted):
        verifier.verify(sign(claims()))
    time.sleep(1.1)
    path.write_bytes(orjson.dumps({"keys": [KEY.as_dict(private=False)]}))
    assert verifier.verify(sign(claims())).id == "usr_1"


def test_keys_end_when_they_say_so_and_stay_when_their_file_cannot_be_read(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", [float(NOW)]
    ring = KeyRing(path, now=lambda: clock[0])
    verifier = PassportVerifier(ring, now=lambda: NOW + 1.0)
    with pytest.raises(PassportNotAccepted):  # there is no file yet
        verifier.verify(sign(claims()))
    path.write_bytes(orjson.dumps({"keys": [{**KEY.as_dict(private=False), "exp": NOW + 10}]}))
    assert verifier.verify(sign(claims())).id == "usr_1"
    path.write_bytes(b"{")
    ring._looked_at = float("-inf")
    assert verifier.verify(sign(claims(sid="ses_2"))).session_id == "ses_2"
    clock[0] += 10
    ring._looked_at = float("-inf")
    with pytest.raises(PassportNotAccepted):
        verifier.verify(sign(claims(sid="ses_3")))


def test_require_tells_strangers_that_nothing_is_there() -> None:
    member = Principal(id="usr_1", organizations={"org_1": "OBSERVER"}, grants={"OBSERVER": frozenset({"VIEW_ANALYTICS"})})
    member.require("VIEW_ANALYTICS", "org_1")
    with pytest.raises(RoleNotAllowed):
        member.require("SUBSCRIBE", "org_1")
    with pytest.raises(NotFound):
        member.require("VIEW_ANALYTICS", "org_2")
    with pytest.raises(SignInFirst):
        Principal().require("VIEW_ANALYTICS", "org_1")
