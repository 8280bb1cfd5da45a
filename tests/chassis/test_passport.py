"""Passports: only what identity signed lately, for services, is believed."""

import base64
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from chassis.errors import NotFound
from chassis.principal import (
    ALGORITHM,
    AUDIENCE,
    ISSUER,
    TYPE,
    KeyRing,
    PassportNotAccepted,
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


def test_no_passport_is_nobody(verifier: PassportVerifier) -> None:
    assert verifier.verify(None).is_anonymous


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


def test_require_tells_strangers_that_nothing_is_there() -> None:
    member = Principal(id="usr_1", organizations={"org_1": "OBSERVER"}, grants={"OBSERVER": frozenset({"VIEW_ANALYTICS"})})
    member.require("VIEW_ANALYTICS", "org_1")
    with pytest.raises(RoleNotAllowed):
        member.require("SUBSCRIBE", "org_1")
    with pytest.raises(NotFound):
        member.require("VIEW_ANALYTICS", "org_2")
    with pytest.raises(SignInFirst):
        Principal().require("VIEW_ANALYTICS", "org_1")
