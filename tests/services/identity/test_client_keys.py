"""Public keys by which applications prove themselves: which are taken, who may say so, and what becomes of private ones."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tests.services.identity.oauth import Client, Key, client
from tests.services.identity.world import ROLES, Team, World

RSA = RSAKey.generate_key(2048)


@pytest.fixture
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


def public(key: Any, **members: Any) -> str:
    return orjson.dumps({**key.as_dict(private=False), **members}).decode()


async def listed(mine: Client) -> list[dict[str, Any]]:
    [rows] = (await mine.world.load("client_keys_by_application", [mine.application_id], mine.by)).rows
    found: list[dict[str, Any]] = rows
    return found


KEYS: dict[str, tuple[Callable[[], Key], set[str]]] = {
    "Ed25519": (lambda: OKPKey.generate_key("Ed25519"), {"EdDSA", "Ed25519"}),
    "P-256": (lambda: ECKey.generate_key("P-256"), {"ES256"}),
    "P-384": (lambda: ECKey.generate_key("P-384"), {"ES384"}),
    "P-521": (lambda: ECKey.generate_key("P-521"), {"ES512"}),
    "RSA": (lambda: RSA, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
}


@pytest.mark.parametrize("kind", KEYS)
async def test_a_key_is_registered_shown_announced_and_removed(mine: Client, kind: str) -> None:
    make, algorithms = KEYS[kind]
    key = make()
    made = await mine.register_key(key)
    assert set(made.pop("algorithms")) == algorithms
    assert (made["kid"], made["thumbprint"]) == (key.thumbprint(), key.thumbprint())
    [row] = await listed(mine)
    assert set(row) == {"id", "application_id", "kid", "thumbprint", "algorithms", "created_at"}
    assert row["id"] == made["id"]
    registered = (await mine.world.facts_about(mine.application_id, 3))[2]
    assert registered.key == "identity.client_key_registered.v1"
    assert registered.audience == (mine.organization_id,)
    assert (registered.data["key_id"], registered.data["thumbprint"]) == (made["id"], key.thumbprint())
    removed = await mine.world.do("remove_client_key", mine.by, client_key_id=made["id"])
    assert removed.result == {"id": made["id"], "application_id": mine.application_id}
    assert await listed(mine) == []
    fact = (await mine.world.facts_about(mine.application_id, 4))[3]
    assert (fact.key, fact.data["key_id"]) == ("identity.client_key_removed.v1", made["id"])
    again = await mine.world.do("remove_client_key", mine.by, client_key_id=made["id"])
    unknown = await mine.world.do("remove_client_key", mine.by, client_key_id="cky_unknown")
    assert again.without_trace == unknown.without_trace
    assert (again.status, again.code) == (404, "NOT_FOUND")


async def test_what_the_owner_calls_a_key_and_signs_with_is_kept(mine: Client) -> None:
    made = await mine.register_key(RSA, kid="key of 2030", alg="PS256", use="sig", key_ops=["verify"], x5t="ignored")
    assert (made["kid"], made["algorithms"]) == ("key of 2030", ["PS256"])


PRIVATE: dict[str, Callable[[], str]] = {
    "RSA": lambda: orjson.dumps(RSA.as_dict(private=True)).decode(),
    "RSA, its d alone": lambda: public(RSA, d=RSA.as_dict(private=True)["d"]),
    "RSA, a prime alone": lambda: public(RSA, p=RSA.as_dict(private=True)["p"]),
    "EC": lambda: orjson.dumps(ECKey.generate_key("P-256").as_dict(private=True)).decode(),
    "Ed25519": lambda: orjson.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)).decode(),
    "shared": lambda: orjson.dumps(OctKey.generate_key(256).as_dict(private=True)).decode(),
    "shared, without its k": lambda: '{"kty": "oct"}',
    "PEM": lambda: RSA.as_pem(private=True).decode(),
}


@pytest.mark.parametrize("kind", PRIVATE)
async def test_a_private_key_is_refused_and_nowhere_kept(mine: Client, kind: str, caplog: Any, capfd: Any) -> None:
    text = PRIVATE[kind]()
    said = await mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=text)
    assert (said.status, said.code, said.fields) == (422, "PRIVATE_KEY_SENT", ["jwk"])
    secret = (
        text.splitlines()[1] if kind == "PEM" else str(orjson.loads(text).get("d") or orjson.loads(text).get("k") or "-" * 20)
    )
    left = str(said.body) + caplog.text + "".join(capfd.readouterr())
    for name in ("client_keys", "outbox", "inbox"):
        left += str(await mine.world.store.reader().collection(name).find({}))
    assert secret not in left
    assert await listed(mine) == []


P256 = ECKey.generate_key("P-256")
UNUSABLE: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no JSON": lambda: "-----BEGIN PUBLIC KEY-----",
    "a list": lambda: "[]",
    "a text": lambda: '"key"',
    "an empty object": lambda: "{}",
    "a key set": lambda: '{"keys": [' + public(P256) + "]}",
    "deep": lambda: "[" * 8000,
    "long": lambda: public(P256, x5c=["x" * 9000]),
    "an unknown kind": lambda: public(P256, kty="XX"),
    "a kind that is a list": lambda: public(P256, kty=["EC"]),
    "for encryption": lambda: public(P256, use="enc"),
    "for encryption, by its operations": lambda: public(P256, key_ops=["encrypt"]),
    "operations that are none": lambda: public(P256, key_ops="sign"),
    "another curve's algorithm": lambda: public(P256, alg="ES384"),
    "alg none": lambda: public(P256, alg="none"),
    "a shared key's algorithm": lambda: public(RSA, alg="HS256"),
    "not on the curve": lambda: public(P256, y=P256.as_dict(private=False)["x"]),
    "without y": lambda: orjson.dumps({k: v for k, v in P256.as_dict(private=False).items() if k != "y"}).decode(),
    "x as a number": lambda: public(P256, x=5),
    "x that is no base64": lambda: public(P256, x="$$$"),
    "a curve for money": lambda: public(ECKey.generate_key("secp256k1")),
    "a curve for agreement": lambda: public(OKPKey.generate_key("X25519")),
    "Ed25519 too short": lambda: public(OKPKey.generate_key("Ed25519"), x="AAAA"),
    "RSA of 1024 bits": lambda: public(RSA, n=str(RSA.as_dict(private=False)["n"])[:170] + "Q"),
    "RSA cut in the middle of a byte": lambda: public(RSA, n=str(RSA.as_dict(private=False)["n"])[:341]),
    "RSA that is no base64": lambda: public(RSA, n="$" * 342),
    "RSA of 16384 bits": lambda: public(RSA, n=str(RSA.as_dict(private=False)["n"]) * 8),
    "RSA with exponent 3": lambda: public(RSA, e="Aw"),
    "RSA with exponent 1": lambda: public(RSA, e="AQ"),
    "an endless name": lambda: public(P256, kid="k" * 101),
    "a name of two lines": lambda: public(P256, kid="a\nb"),
    "a name that is a number": lambda: public(P256, kid=7),
}


@pytest.mark.parametrize("kind", UNUSABLE)
async def test_what_cannot_prove_anybody_is_refused_with_the_mend(mine: Client, kind: str) -> None:
    said = await mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=UNUSABLE[kind]())
    assert (said.status, said.code, said.fields) == (422, "KEY_NOT_USABLE", ["jwk"]), said.body


async def test_two_keys_overlap_and_the_third_has_to_wait(mine: Client) -> None:
    first = await mine.register_key(ECKey.generate_key("P-256"))
    await mine.register_key(ECKey.generate_key("P-256"))
    third = public(ECKey.generate_key("P-256"))
    said = await mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=third)
    assert (said.status, said.code) == (409, "TWO_KEYS_LIVE")
    again = await mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=public(mine.keys[0]))
    assert (again.status, again.code) == (409, "CLIENT_KEY_KNOWN")
    await mine.world.do("remove_client_key", mine.by, client_key_id=first["id"])
    said = await mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=third)
    assert said.status == 200


async def test_many_at_once_still_leave_two(mine: Client) -> None:
    keys = [public(ECKey.generate_key("P-256")) for _ in range(6)]
    said = await asyncio.gather(
        *(mine.world.do("register_client_key", mine.by, application_id=mine.application_id, jwk=each) for each in keys)
    )
    assert sorted(each.status for each in said) == [200, 200, 409, 409, 409, 409]
    assert len(await listed(mine)) == 2


async def test_who_may_register_and_remove(world: World, team: Team) -> None:
    mine = await client(world, team.organization_id, team.members["DEVELOPER"])
    jwk = public(ECKey.generate_key("P-256"))
    made = await mine.register_key(ECKey.generate_key("P-256"))
    for role in ROLES:
        by = team.members[role]
        said = await world.do("register_client_key", by, application_id=mine.application_id, jwk=jwk)
        if role == "OBSERVER":
            assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")
            said = await world.do("remove_client_key", by, client_key_id=made["id"])
            assert (said.status, said.code) == (403, "ROLE_NOT_ALLOWED")
        else:
            removed = await world.do("remove_client_key", by, client_key_id=said.result["id"])
            assert removed.status == 200
        [rows] = (await world.load("client_keys_by_application", [mine.application_id], by)).rows
        assert [row["id"] for row in rows] == [made["id"]]


async def test_a_stranger_gets_the_same_as_for_what_does_not_exist(world: World, team: Team) -> None:
    mine = await client(world, team.organization_id, team.members["DEVELOPER"])
    made = await mine.register_key(ECKey.generate_key("P-256"))
    jwk = public(ECKey.generate_key("P-256"))
    foreign = await world.do("register_client_key", team.stranger, application_id=mine.application_id, jwk=jwk)
    unknown = await world.do("register_client_key", team.stranger, application_id="app_unknown", jwk=jwk)
    assert foreign.without_trace == unknown.without_trace
    assert foreign.status == 404
    foreign = await world.do("remove_client_key", team.stranger, client_key_id=made["id"])
    unknown = await world.do("remove_client_key", team.stranger, client_key_id="cky_unknown")
    assert foreign.without_trace == unknown.without_trace
    assert foreign.status == 404
    for by in (team.stranger, None):
        said = await world.load("client_keys_by_application", [mine.application_id, "app_unknown"], by)
        assert said.rows == [None, None]
    for verb, given in (
        ("register_client_key", {"application_id": mine.application_id, "jwk": jwk}),
        ("remove_client_key", {"client_key_id": made["id"]}),
    ):
        said = await world.do(verb, None, **given)
        assert (said.status, said.code) == (401, "SIGN_IN_FIRST")
    assert len(await listed(mine)) == 1


async def test_the_keys_of_a_deleted_application_are_gone(world: World, team: Team) -> None:
    mine = await client(world, team.organization_id, team.members["DEVELOPER"])
    made = await mine.register_key(ECKey.generate_key("P-256"))
    assert (await world.do("delete_application", mine.by, application_id=mine.application_id)).status == 200
    assert (await world.do("remove_client_key", mine.by, client_key_id=made["id"])).status == 404
    [rows] = (await world.load("client_keys_by_application", [mine.application_id], mine.by)).rows
    assert rows is None
