"""Clients that prove themselves by a key (RFC 7523) or a certificate (RFC 8705): what is taken, what is not, and when it ends."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from services.identity.certificates.domain import thumbprint
from tests.certificates import issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.oauth import GRANT, ISSUER, Client, Key, assertion, claims_of, client, error_of, post, read
from tests.services.identity.world import Team, World

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")


@pytest.fixture
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


async def ask(mine: Client, given: dict[str, str], **how: Any) -> Any:
    return await post(mine.world, "/oauth/token", {**GRANT, **given}, **how)


ALGORITHMS: dict[str, Callable[[], Key]] = {
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "ES512": lambda: ECKey.generate_key("P-521"),
    **{name: lambda: RSA for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")},
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_obtains_a_token_that_says_so(mine: Client, algorithm: str) -> None:
    made = await mine.register_key(key := ALGORITHMS[algorithm]())
    answer = await ask(mine, mine.assertion(key, algorithm))
    claims = claims_of(read(answer)["access_token"])
    assert (claims["key_id"], claims["sub"]) == (made["id"], mine.client_id)
    assert "secret_id" not in claims
    assert "cnf" not in claims


@pytest.mark.parametrize(
    "how",
    [
        {"aud": [ISSUER]},
        {"aud": f"{ISSUER}/oauth/token"},
        {"header": {"typ": None}},
        {"header": {"typ": "client-authentication+jwt"}},
        {"header": {"kid": EC.thumbprint()}},
        {"header": {"x5t": "ignored", "cty": "ignored"}},
        {"iat": None},
        {"nbf": 0},
    ],
    ids=lambda how: "kid" if "kid" in how.get("header", {}) else str(how),
)
async def test_what_libraries_write_differently_is_taken(mine: Client, how: dict[str, Any]) -> None:
    await mine.register_key(EC)
    given = mine.assertion(EC, "ES256", **how)
    assert (await ask(mine, {**given, "client_id": mine.client_id})).status == 200


def _claims(**changes: Any) -> Callable[[Client], dict[str, str]]:
    return lambda mine: mine.assertion(EC, "ES256", **changes)


def _header(**changes: Any) -> Callable[[Client], dict[str, str]]:
    return lambda mine: mine.assertion(EC, "ES256", header=changes)


def _changed(change: Callable[[str], str]) -> Callable[[Client], dict[str, str]]:
    def make(mine: Client) -> dict[str, str]:
        given = mine.assertion(EC, "ES256")
        return {**given, "client_assertion": change(given["client_assertion"])}

    return make


def _soon(seconds: float) -> int:
    return int(time.time() + seconds)


MISUSED: dict[str, Callable[[Client], dict[str, str]]] = {
    "for another server": _claims(aud="https://other.example"),
    "for two servers": _claims(aud=[ISSUER, "https://other.example"]),
    "for nobody": _claims(aud=None),
    "for no server at all": _claims(aud=[]),
    "for the token's audience": _claims(aud="portico:calls"),
    "without an end": _claims(exp=None),
    "with an end as text": _claims(exp="9999999999"),
    "with an end beyond any calendar": _claims(exp=10**18),
    "valid for too long": lambda mine: mine.assertion(EC, "ES256", exp=_soon(400)),
    "expired": lambda mine: mine.assertion(EC, "ES256", exp=_soon(-30)),
    "not valid yet": lambda mine: mine.assertion(EC, "ES256", nbf=_soon(120)),
    "issued in the future": lambda mine: mine.assertion(EC, "ES256", iat=_soon(120)),
    "without a name": _claims(jti=None),
    "with a number for a name": _claims(jti=7),
    "with an endless name": _claims(jti="j" * 257),
    "issued by another": _claims(iss="pci_other"),
    "about another": _claims(sub="pci_other"),
    "by and about another": _claims(iss="pci_other", sub="pci_other"),
    "by nobody": _claims(iss=None),
    "an access token's type": _header(typ="at+jwt"),
    "a passport's type": _header(typ="passport+jwt"),
    "a type that is a list": _header(typ=["JWT"]),
    "with its own key": lambda mine: mine.assertion(
        key := ECKey.generate_key("P-256"), "ES256", header={"jwk": key.as_dict(private=False)}
    ),
    "with our key again": _header(jwk=EC.as_dict(private=False)),
    "with the address of a key": _header(jku="http://127.0.0.1:1/keys.json"),
    "with something critical": _header(crit=["exp"]),
    "by another key's name": _header(kid="other"),
    "by a name that is a list": _header(kid=[EC.thumbprint()]),
    "signed by a key that is not registered": lambda mine: mine.assertion(ECKey.generate_key("P-256"), "ES256"),
    "signed with another algorithm": lambda mine: mine.assertion(RSA, "RS256"),
    "signed with the public key as a secret": lambda mine: assertion(
        mine.client_id, OctKey.import_key(str(EC.as_dict(private=False)["x"]).encode()), "HS256"
    ),
    "signed with the client's secret": lambda mine: assertion(mine.client_id, OctKey.import_key(mine.secret), "HS256"),
    "not signed": _changed(lambda text: ".".join([*text.split(".")[:2], ""])),
    "alg none": _changed(lambda text: f"eyJhbGciOiJub25lIn0.{text.split('.')[1]}."),
    "truncated": _changed(lambda text: text[:-6]),
    "no token": _changed(lambda _: "assertion"),
    "endless": _changed(lambda text: text + "x" * 9000),
}


@pytest.mark.parametrize("kind", MISUSED)
async def test_an_assertion_that_is_not_quite_right_proves_nobody(mine: Client, kind: str) -> None:
    await mine.register_key(EC)
    answer = await ask(mine, MISUSED[kind](mine))
    assert error_of(answer) == (401, "invalid_client")
    assert answer.body == (await ask(mine, {"client_id": f"pci_{kind}", "client_secret": "x"})).body


async def test_an_assertion_is_used_once(mine: Client) -> None:
    await mine.register_key(EC)
    given = mine.assertion(EC, "ES256")
    assert (await ask(mine, given)).status == 200
    assert error_of(await ask(mine, given)) == (401, "invalid_client")
    # Another client's assertion may have the same id.
    other = await client(mine.world, mine.organization_id, mine.by)
    await other.register_key(EC)
    assert (await ask(other, other.assertion(EC, "ES256", jti="one"))).status == 200
    assert (await ask(mine, mine.assertion(EC, "ES256", jti="one"))).status == 200
    assert error_of(await ask(mine, mine.assertion(EC, "ES256", jti="one"))) == (401, "invalid_client")


async def test_one_way_at_a_time(mine: Client) -> None:
    await mine.register_key(EC)
    both = await ask(mine, mine.assertion(EC, "ES256"), basic=mine.basic)
    assert error_of(both) == (400, "invalid_request")
    both = await ask(mine, {**mine.assertion(EC, "ES256"), "client_id": mine.client_id, "client_secret": mine.secret})
    assert error_of(both) == (400, "invalid_request")
    kind = await ask(mine, {**mine.assertion(EC, "ES256"), "client_assertion_type": "urn:saml2"})
    assert error_of(kind) == (400, "invalid_request")
    other = await ask(mine, {**mine.assertion(EC, "ES256"), "client_id": "pci_other"})
    assert error_of(other) == (401, "invalid_client")


async def test_a_removed_key_and_what_it_obtained_are_worth_nothing(mine: Client) -> None:
    made = await mine.register_key(EC)
    token = read(await ask(mine, mine.assertion(EC, "ES256")))["access_token"]
    assert (await mine.introspect(token))["active"]
    await mine.world.do("remove_client_key", mine.by, client_key_id=made["id"])
    assert error_of(await ask(mine, mine.assertion(EC, "ES256"))) == (401, "invalid_client")
    assert await mine.introspect(token) == {"active": False}


async def test_a_certificate_alone_proves_the_client_it_is_registered_for(mine: Client) -> None:
    issued = issue()
    named = {"client_id": mine.client_id}
    assert error_of(await ask(mine, named, certificate=issued.pem)) == (401, "invalid_client")
    said = await mine.world.do("register_certificate", mine.by, application_id=mine.application_id, pem=issued.pem)
    claims = claims_of(read(await ask(mine, named, certificate=issued.pem))["access_token"])
    assert (claims["certificate_id"], claims["cnf"]) == (said.result["id"], {"x5t#S256": thumbprint(issued.pem)})
    assert not {"secret_id", "key_id"} & set(claims)
    for given, pem in (({}, issued.pem), ({"client_id": "pci_other"}, issued.pem), (named, issue().pem), (named, "garbage")):
        assert error_of(await ask(mine, given, certificate=pem)) == (401, "invalid_client")
    token = read(await ask(mine, named, certificate=issued.pem))["access_token"]
    assert (await mine.introspect(token))["cnf"] == {"x5t#S256": thumbprint(issued.pem)}
    await mine.world.do("revoke_certificate", mine.by, certificate_id=said.result["id"])
    assert error_of(await ask(mine, named, certificate=issued.pem)) == (401, "invalid_client")
    assert await mine.introspect(token) == {"active": False}


async def test_a_certificate_beside_another_proof_binds_the_token(mine: Client) -> None:
    issued, foreign = issue(), issue()
    await mine.register_key(EC)
    said = await mine.world.do("register_certificate", mine.by, application_id=mine.application_id, pem=issued.pem)
    bound = claims_of(read(await ask(mine, {}, basic=mine.basic, certificate=issued.pem))["access_token"])
    assert (bound["certificate_id"], bound["cnf"]) == (said.result["id"], {"x5t#S256": thumbprint(issued.pem)})
    assert bound["secret_id"].startswith("sec_")
    bound = claims_of(read(await ask(mine, mine.assertion(EC, "ES256"), certificate=issued.pem))["access_token"])
    assert {"key_id", "certificate_id", "cnf"} <= set(bound)
    free = claims_of(read(await ask(mine, {}, basic=mine.basic, certificate=foreign.pem))["access_token"])
    assert not {"certificate_id", "cnf"} & set(free)
    wrong = await ask(mine, {}, basic=(mine.client_id, "wrong"), certificate=issued.pem)
    assert error_of(wrong) == (401, "invalid_client")


async def test_a_token_lives_no_longer_than_what_obtained_it(make_world: MakeWorld) -> None:
    world = await make_world(mtls_url="https://mtls.example/")
    owner = await world.someone()
    mine = await client(world, await world.organization(owner), owner)
    soon = datetime.now(UTC) + timedelta(seconds=120)
    issued = issue(not_after=soon)
    await world.do("register_certificate", owner, application_id=mine.application_id, pem=issued.pem)
    said = read(await ask(mine, {"client_id": mine.client_id}, certificate=issued.pem))
    assert claims_of(said["access_token"])["exp"] == int(soon.replace(microsecond=0).timestamp())
    assert 100 < said["expires_in"] <= 120
    rotated = await world.do("rotate_secret", owner, application_id=mine.application_id, grace_seconds=60)
    assert rotated.status == 200, rotated.body
    said = read(await ask(mine, {}, basic=mine.basic))
    assert said["expires_in"] <= 60
    described = read(await _metadata(world))
    assert described["mtls_endpoint_aliases"]["token_endpoint"] == "https://mtls.example/oauth/token"
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(described["token_endpoint_auth_methods_supported"])
    assert described["tls_client_certificate_bound_access_tokens"]
    await mine.register_key(EC)
    given = mine.assertion(EC, "ES256", aud="https://mtls.example/oauth/token")
    assert (await ask(mine, given)).status == 200


async def _metadata(world: World) -> Any:
    from chassis.calls import Call

    return await world.caller.call(Call("identity", "/.well-known/oauth-authorization-server", method="GET"))


async def test_keys_authenticate_at_introspection_and_revocation_too(mine: Client) -> None:
    await mine.register_key(EC)
    token = await mine.token()
    for path in ("introspect", "revoke"):
        given = mine.assertion(EC, "ES256", aud=f"{ISSUER}/oauth/{path}")
        assert (await post(mine.world, f"/oauth/{path}", {**given, "token": token})).status == 200
    assert await mine.introspect(token) == {"active": False}
