"""What ends a token before its time, and what a token is narrowed and bound to: at the check, at once and after a restart."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.local import LocalBus
from services.enforcement.checks.case import shown_thumbprint
from services.enforcement.limits.rates import Rate
from services.enforcement.main import build
from services.enforcement.reactions import REACTIONS, AnnouncementNotUsable
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.copies import Copy
from services.enforcement.state.world import World
from tests.services.enforcement.stage import Client, Issuer, Product, Stage

DIGEST = hashlib.sha256(b"a certificate").digest()
BOUND = {"x5t#S256": base64.urlsafe_b64encode(DIGEST).decode().rstrip("=")}


async def ready(stage: Stage, **how: Any) -> tuple[Client, Product]:
    client, product = await stage.application(), await stage.product(**how)
    await stage.subscribe(client, product)
    await stage.check_until(200, "GET", f"{product.base_path}/pets", client.headers)
    return client, product


def bearer(stage: Stage, client: Client, secret: str | None = None, **claims: Any) -> dict[str, str]:
    return {"authorization": "Bearer " + stage.issuer.token(client.client_id, secret or client.secret_id, **claims)}


async def revoke(stage: Stage, client: Client, token_id: str, seconds: float = 600) -> None:
    expires_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    owner = {"application_id": client.application_id, "organization_id": client.organization_id}
    await stage.announce("identity.token_revoked", token_id, token_id=token_id, expires_at=expires_at, **owner)


WITHDRAWN: dict[str, tuple[str, dict[str, Any], str]] = {
    "key": ("identity.client_key_removed", {"key_id": "cky_1"}, "CLIENT_KEY_REMOVED"),
    "certificate": ("identity.certificate_revoked", {"certificate_id": "crt_1", "thumbprint": "x"}, "CERTIFICATE_REVOKED"),
}


@pytest.mark.parametrize("kind", WITHDRAWN)
async def test_what_obtained_a_token_ends_it(stage: Stage, kind: str) -> None:
    client, product = await ready(stage)
    path = f"{product.base_path}/pets"
    fact, data, code = WITHDRAWN[kind]
    [(name, identifier)] = [(key, value) for key, value in data.items() if key.endswith("_id")]
    identifier = f"{identifier}_{client.application_id}"
    claims: dict[str, Any] = {name: identifier}
    by_it = {"authorization": "Bearer " + stage.issuer.token(client.client_id, None, header=None, **claims)}
    assert (await stage.check("GET", path, by_it)).status_code == 200
    owner = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
    await stage.announce(fact, client.application_id, **{**data, name: identifier}, **owner)
    assert (await stage.check_until(401, "GET", path, by_it)).json()["code"] == code
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    # A token that rests on two of them ends with either.
    both = bearer(stage, client, **{name: identifier})
    assert (await stage.check("GET", path, both)).json()["code"] == code


async def test_a_suspended_certificate_is_refused_and_passes_again(stage: Stage) -> None:
    client, product = await ready(stage)
    path = f"{product.base_path}/pets"
    identifier = f"crt_suspended_{client.application_id}"
    by_it = {"authorization": "Bearer " + stage.issuer.token(client.client_id, None, certificate_id=identifier)}
    told = {"certificate_id": identifier, "organization_id": client.organization_id, "thumbprint": "x"}
    assert (await stage.check("GET", path, by_it)).status_code == 200
    await stage.announce("identity.certificate_suspended", identifier, **told)
    assert (await stage.check_until(401, "GET", path, by_it)).json()["code"] == "CERTIFICATE_SUSPENDED"
    await stage.announce("identity.certificate_resumed", identifier, **told)
    assert (await stage.check_until(200, "GET", path, by_it)).status_code == 200
    await stage.announce("identity.certificate_revoked", identifier, **told)
    assert (await stage.check_until(401, "GET", path, by_it)).json()["code"] == "CERTIFICATE_REVOKED"


async def test_a_revoked_token_is_refused_and_others_are_not(stage: Stage) -> None:
    client, product = await ready(stage)
    path = f"{product.base_path}/pets"
    token_id = f"jti_{client.application_id}"
    revoked = bearer(stage, client, jti=token_id)
    assert (await stage.check("GET", path, revoked)).status_code == 200
    await revoke(stage, client, token_id)
    answer = await stage.check_until(401, "GET", path, revoked)
    assert answer.json()["code"] == "TOKEN_REVOKED"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert (await stage.check("GET", path, client.headers)).status_code == 200


async def test_a_deleted_organization_ends_all_its_applications_at_once(stage: Stage) -> None:
    client, product = await ready(stage)
    other, _ = await ready(stage)
    await stage.announce("identity.organization_deleted", client.organization_id, organization_id=client.organization_id)
    answer = await stage.check_until(401, "GET", f"{product.base_path}/pets", client.headers)
    assert answer.json()["code"] == "APPLICATION_UNKNOWN"
    # One that is heard of only later does not come back to life, whatever is announced of it.
    ids = {
        "organization_id": client.organization_id,
        "client_id": f"{client.client_id}-late",
        "application_id": f"{client.application_id}-late",
    }
    await stage.announce("identity.application_created", ids["application_id"], name="Late", **ids)
    late = {"authorization": "Bearer " + stage.issuer.token(ids["client_id"], "sec_late")}
    assert (await stage.check("GET", f"{product.base_path}/pets", late)).json()["code"] == "APPLICATION_UNKNOWN"
    assert (await stage.check("GET", f"{product.base_path}/pets", other.headers)).status_code == 403


async def test_all_of_it_survives_a_restart(bus: LocalBus, issuer: Issuer, make_store: Callable[..., Any]) -> None:
    store = make_store("enforcement")
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    service = build(settings, bus, store)
    await service.declare()
    await service.start()
    stage = Stage(bus, issuer, service)
    client, product = await ready(stage)
    gone, _ = await ready(stage)
    token_id = f"jti_{client.application_id}"
    await revoke(stage, client, token_id)
    await stage.announce("identity.organization_deleted", gone.organization_id, organization_id=gone.organization_id)
    path = f"{product.base_path}/pets"
    await stage.check_until(401, "GET", path, bearer(stage, client, jti=token_id))
    await stage.check_until(401, "GET", path, gone.headers)
    copies = store.reader().collection("copies")
    for _ in range(200):
        if await copies.count_documents({"_id": {"$in": [token_id, gone.organization_id]}}) == 2:
            break
        await stage.check("GET", path)
    await service.close()
    again = build(settings, bus, store)
    for worker in again.workers:
        await worker.start()
    stage = Stage(bus, issuer, again)
    assert (await stage.check("GET", path, bearer(stage, client, jti=token_id))).json()["code"] == "TOKEN_REVOKED"
    assert (await stage.check("GET", path, gone.headers)).json()["code"] == "APPLICATION_UNKNOWN"
    assert (await stage.check("GET", path, client.headers)).status_code == 200
    for worker in reversed(again.workers):
        await worker.close()


def test_a_revoked_token_is_forgotten_once_it_has_expired() -> None:
    world = World(Rate(1, 1, 1))
    now = datetime.now(UTC)
    world.apply(Copy("token", "jti_1", 1, {"expires_at": now}))
    world.apply(Copy("token", "jti_2", 1, {"expires_at": now + timedelta(seconds=600)}))
    for ahead, known in ((0, ["jti_1", "jti_2"]), (61, ["jti_2"]), (661, [])):
        world.tidy(time.monotonic_ns(), int((now.timestamp() + ahead) * 1e9) + 1000)
        assert [each for each in ("jti_1", "jti_2") if world.withdrawn_among((each,))] == known
    assert not world._sequences


@pytest.mark.parametrize("expires_at", ["soon", None, 7, "2030-01-01T00:00:00"])
async def test_a_revocation_without_its_end_is_a_dead_letter(stage: Stage, expires_at: object) -> None:
    from chassis.inbox import wire
    from tests.services.enforcement.stage import message

    said = message("identity.token_revoked.v1", "jti_x", 1, {"token_id": "jti_x", "expires_at": expires_at})
    for reaction in wire("enforcement", stage.service.store, REACTIONS):
        if said.key in reaction.keys:
            with pytest.raises(AnnouncementNotUsable):
                await reaction.handle(said)


async def test_a_scope_narrows_a_token_to_products_and_operations(stage: Stage) -> None:
    client, zoo = await ready(stage)
    park = await stage.product()
    await stage.subscribe(client, park)
    await stage.check_until(200, "GET", f"{park.base_path}/pets", client.headers)
    slugs = {each.id: each.base_path.split("/")[1] for each in (zoo, park)}

    async def ask(scope: str, product: Product, path: str = "/pets") -> int:
        return (await stage.check("GET", product.base_path + path, bearer(stage, client, scope=scope))).status_code

    assert await ask(slugs[zoo.id], zoo) == 200
    assert await ask(slugs[zoo.id], park) == 403
    assert await ask(f"{slugs[park.id]} {slugs[zoo.id]}", park) == 200
    assert await ask(f"{slugs[zoo.id]}:listPets", zoo) == 200
    assert await ask(f"{slugs[zoo.id]}:listPets", zoo, "/pets/7") == 403
    for scope in ("", "unknown", f"{slugs[zoo.id]}:", f"{slugs[zoo.id]}:LISTPETS", f"{slugs[zoo.id]}x", f"x{slugs[zoo.id]}"):
        assert await ask(scope, zoo) == 403
    answer = await stage.check("GET", f"{zoo.base_path}/pets/7", bearer(stage, client, scope=f"{slugs[zoo.id]}:listPets"))
    assert answer.json()["code"] == "SCOPE_NOT_GRANTED"
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="{slugs[zoo.id]}:getPet"' in challenge
    # A scope gives nothing that no subscription gives.
    other = await stage.product()
    slug = other.base_path.split("/")[1]
    assert (await stage.check_until(403, "GET", f"{other.base_path}/pets", bearer(stage, client, scope=slug))).json()[
        "code"
    ] == "NOT_SUBSCRIBED"


async def test_a_bound_token_passes_only_with_its_certificate(stage: Stage) -> None:
    client, product = await ready(stage)
    path = f"{product.base_path}/pets"
    bound = bearer(stage, client, certificate_id="crt_1", cnf=BOUND)
    forms = [f"Hash={DIGEST.hex()}", f"By=spiffe://portico;Hash={DIGEST.hex().upper()};Subject=x"]
    for shown in forms:
        assert (await stage.check("GET", path, {**bound, "x-forwarded-client-cert": shown})).status_code == 200
    wrong = [
        "",
        "Hash=",
        f"Hash={'0' * 64}",
        f"Hash={DIGEST.hex()[:-2]}",
        f"Hash={DIGEST.hex()};Hash={'0' * 64}",
        f"Hash={DIGEST.hex()},Hash={'0' * 64}",
    ]
    for headers in ({}, *({"x-forwarded-client-cert": each} for each in wrong)):
        answer = await stage.check("GET", path, {**bound, **headers})
        assert (answer.status_code, answer.json()["code"]) == (401, "CERTIFICATE_NOT_SHOWN")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    # Who shows a certificate and has a token that is not bound calls as ever.
    assert (await stage.check("GET", path, {**client.headers, "x-forwarded-client-cert": forms[0]})).status_code == 200


def test_only_one_certificate_can_have_been_shown() -> None:
    assert shown_thumbprint(None) is None
    assert shown_thumbprint("Hash=AB") == "ab"
    assert shown_thumbprint("By=x;Hash=ab") == "ab"
    for several in ("Hash=ab;Hash=ab", "Hash=ab,Hash=ab", "By=x", "Cert=x"):
        assert shown_thumbprint(several) is None


async def test_what_proxies_that_ask_at_one_path_say_of_a_certificate_is_not_believed(stage: Stage) -> None:
    client, product = await ready(stage)
    bound = bearer(stage, client, certificate_id="crt_2", cnf=BOUND)
    called = {"x-original-uri": f"{product.base_path}/pets", "x-original-method": "GET"}
    # nginx, Traefik and Caddy pass on what the caller wrote.
    claimed = {"x-forwarded-client-cert": f"Hash={DIGEST.hex()}"}
    answer = await stage.check("GET", "", {**bound, **called, **claimed})
    assert (answer.status_code, answer.json()["code"]) == (401, "CERTIFICATE_NOT_SHOWN")
    assert (await stage.check("GET", "", {**client.headers, **called, **claimed})).status_code == 200


def test_a_subscription_counts_though_the_end_of_its_predecessor_is_heard_late() -> None:
    def heard(subscription_id: str, sequence: int, status: str) -> Copy:
        fields = {"application_id": "app_1", "product_id": "prd_1", "plan_id": "pln_1", "status": status}
        return Copy("subscription", subscription_id, sequence, fields)

    later, former, ended = heard("sub_2", 1, "ACTIVE"), heard("sub_1", 1, "ACTIVE"), heard("sub_1", 2, "CANCELLED")
    for order in ([former, ended, later], [former, later, ended], [later, former, ended], [later, ended, former]):
        world = World(Rate(1, 1, 1))
        for copy in order:
            world.apply(copy)
        lease = world.lease("app_1", "prd_1", 0, 0)
        assert lease is not None
        assert lease.subscription_id == "sub_2"
        assert not world.has_ended("app_1", "prd_1")
