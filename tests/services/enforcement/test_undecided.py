"""Calls that the check refuses because it cannot decide now: they say so behind each proxy, and pass where nobody need decide."""

from collections.abc import Sequence

import httpx
import pytest

from services.enforcement.checks.check import Check
from services.enforcement.checks.tokens import Keys, Tokens
from services.enforcement.epochs.acknowledging import Following
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.limits.claims import Claim
from services.enforcement.limits.counting import NOT_COUNTED, Counted, Granted, Moment
from services.enforcement.limits.rates import Rate
from services.enforcement.state.world import World
from tests.services.enforcement.stage import AUDIENCE, ISSUER, DataPlaneStage, Issuer, until
from tests.services.enforcement.test_permitted import copy

CALLER = {"application_id": "app", "organization_id": "org", "client_id": "client"}


@pytest.mark.processes
async def test_a_check_that_is_not_fresh_says_so_through_the_proxy(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    freshness = plane.worker(Following)._freshness

    async def refused() -> httpx.Response | None:
        freshness.until_ns = 0  # until the next beat is heard
        answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
        return answer if answer.status_code != 200 else None

    answer: httpx.Response = await until(refused, 60)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (503, 503, "ENFORCEMENT_NOT_FRESH")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert not [name for name in answer.headers if name.startswith("portico-")]
    record = await plane.record_of(answer)
    assert (record["status"], record["rejection"]) == (503, "ENFORCEMENT_NOT_FRESH")
    assert (record["application_id"], record["version_id"]) == (client.application_id, product.version_id)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)


class Uncountable:
    """Limits that nobody can count by now."""

    def take(self, claim: Claim, granted: Sequence[Granted], now: Moment) -> Counted:
        del claim, granted, now
        return NOT_COUNTED


def uncounted(issuer: Issuer, when_unchecked: str, asked: bytes, **headers: str) -> bytes:
    """Ask about a call that cannot be counted."""
    world = World(Rate(1, 1, 1), limits=Uncountable())
    product = {"product_id": "prd", "organization_id": "org_p", "slug": "zoo", "sensitivity": "STANDARD"}
    version = {"version_id": "ver", "product_id": "prd", "base_path": "/zoo/a/v1"}
    operations = [{"operation_id": "list", "method": "GET", "path": "/list"}]
    subscribed = {"subscription_id": "sub", "application_id": "app", "product_id": "prd", "plan_id": "pln", "causes": []}
    for each in (
        copy("catalog.product_created", "prd", 1, **product, when_unchecked=when_unchecked),
        copy("catalog.api_version_published", "ver", 1, **version, operations=operations),
        copy("identity.application_created", "app", 1, name="App", **CALLER),
        copy("subscriptions.subscription_activated", "sub", 1, status="ACTIVE", **subscribed),
    ):
        world.apply(each)
    freshness = Freshness(60)
    freshness.until_ns = 2**63
    tokens = Tokens(Keys(issuer.folder / "tokens.public.json"), ISSUER, AUDIENCE)
    check = Check(world, tokens, lambda: True, freshness)
    shown = {"authorization": f"Bearer {issuer.token('client')}", **headers}
    answer = check.answer(b"GET", asked, {name.encode(): value.encode() for name, value in shown.items()})
    assert isinstance(answer, bytes)
    return answer


def test_a_call_that_cannot_be_counted_is_refused_in_the_form_that_each_proxy_takes(issuer: Issuer) -> None:
    plain = uncounted(issuer, "CLOSED", b"/check/zoo/a/v1/list")
    assert plain.startswith(b"HTTP/1.1 503 ")
    for_envoy = uncounted(issuer, "CLOSED", b"/envoy/zoo/a/v1/list?x=1")
    for_nginx = uncounted(issuer, "CLOSED", b"/nginx", **{"x-original-method": "GET", "x-original-uri": "/zoo/a/v1/list"})
    for told in (for_envoy, for_nginx):
        assert told.startswith(b"HTTP/1.1 403 ")
        assert b"\r\nportico-status: 503\r\n" in told
    for told in (plain, for_envoy, for_nginx):
        assert b'"code":"CALL_NOT_COUNTED"' in told
        assert b"|CALL_NOT_COUNTED|" in told


def test_where_calls_pass_unchecked_one_that_cannot_be_counted_is_no_decision(issuer: Issuer) -> None:
    in_headers = {"x-original-method": "GET", "x-original-uri": "/zoo/a/v1/list"}
    for asked, told in ((b"/envoy/zoo/a/v1/list", {}), (b"/nginx", in_headers)):
        answer = uncounted(issuer, "OPEN", asked, **told)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"portico-verdict" not in answer
    # The sandbox is always closed.
    assert b'"code":"CALL_NOT_COUNTED"' in uncounted(issuer, "OPEN", b"/envoy/sandbox/zoo/a/v1/list")
