"""Procedure B with a standard product, steps 1 to 10, walked by a foreign client and checked at every step.

It goes through public interfaces alone (the graph, the mail, the token endpoint, the data plane), prints each step with its time,
and ends at the first thing that is not as it should be.
"""

import asyncio
import collections
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from rich.console import Console

from portico.foreign import open_account
from portico.journeys.calling import access_token, ask_for_token, call, targets_of
from portico.journeys.traveller import Place, Traveller, expect, expect_refused

PRODUCT, PLAN = "addresses", "Starter"
OTHER_PRODUCT, CONFIDENTIAL_PRODUCT = "parcels", "accounts"
CALLS = 300
SETTLED_WITHIN_SECONDS = 5.0
_VERSIONS = "versions { id label status callUrl operations { operationId method path } }"
_FIELDS = f"id slug title plans {{ id name rateRequests rateSeconds burst }} apis {{ {_VERSIONS} }}"


async def walk(place: Place, *, shows: bool = False, console: Console | None = None) -> Traveller:
    """Walk the whole journey. Raises ``Mismatch`` at the first thing that is not as it should be."""
    began_at = time.perf_counter()
    limits = httpx.Limits(max_connections=16)
    async with httpx.AsyncClient(timeout=20, limits=limits) as http:
        traveller = Traveller(place, http, console or Console(soft_wrap=True), shows)
        for step in (
            _register,
            _organization,
            _colleague,
            _choose,
            _confidential,
            _application,
            _subscribe,
            _token,
            _calls,
            _usage,
        ):
            await step(traveller)
        made = traveller.counted.total() + traveller.blamed_on_nobody.total()
        seconds = time.perf_counter() - began_at
        traveller.console.print(
            f"\nThe whole way took {seconds:.1f} s; {made} calls were made and {made} are counted.", highlight=False
        )
        return traveller


async def _register(t: Traveller) -> None:
    with t.step("1  register, verify the address by the mail, sign in"):
        t.email = f"traveller-{secrets.token_hex(6)}@partner.example"
        user = await open_account(t.owner, t.mailbox, t.email, secrets.token_urlsafe(18), name="Tina Traveller")
        expect(user["email"] == t.email, "the signed-in user is the one who registered")


async def _organization(t: Traveller) -> None:
    with t.step("2  find the test organization, create an organization"):
        data = await t.owner.ask("{ viewer { memberships { role organization { id name isTest } } } }")
        found = [(each["role"], each["organization"]["isTest"]) for each in data["viewer"]["memberships"]]
        expect(found == [("OWNER", True)], f"a new user owns exactly one organization, the test one, not {found}")
        made = await t.owner.do("createOrganization", "... on Organization { id name isTest }", name="Partner & Co")
        expect((made["name"], made["isTest"]) == ("Partner & Co", False), "the organization is a real one")
        t.organization_id = made["id"]


async def _colleague(t: Traveller) -> None:
    with t.step("3  invite a colleague as Developer, who registers and accepts"):
        email = f"colleague-{secrets.token_hex(6)}@partner.example"
        invitation = {"organizationId": t.organization_id, "email": email, "role": "DEVELOPER"}
        await t.owner.do("inviteMember", "... on Invitation { id status }", **invitation)
        token = await t.mailbox.token_for(email, about="invit")
        colleague = t.graph()
        await open_account(colleague, t.mailbox, email, secrets.token_urlsafe(18), name="Carl Colleague")
        member = await colleague.do("acceptInvitation", "... on Membership { role organizationId }", token=token)
        expect(member["role"] == "DEVELOPER", "the colleague is a Developer")
        document = (
            "query($on: ID!) { organization(id: $on) { members { nodes { role user { name } } } }"
            " viewer { invites: can(action: INVITE_MEMBER, on: $on) { allowed }"
            " subscribes: can(action: SUBSCRIBE, on: $on) { allowed } } }"
        )
        seen = await colleague.ask(document, on=t.organization_id)
        roles = sorted(each["role"] for each in seen["organization"]["members"]["nodes"])
        expect(roles == ["DEVELOPER", "OWNER"], f"the members are an Owner and a Developer, not {roles}")
        may = (seen["viewer"]["invites"]["allowed"], seen["viewer"]["subscribes"]["allowed"])
        expect(may == (False, True), "a Developer may subscribe but not invite")
        another = {**invitation, "email": "x@partner.example"}
        await expect_refused("ROLE_NOT_ALLOWED", colleague.do("inviteMember", "... on Invitation { id }", **another))


async def _choose(t: Traveller) -> None:
    with t.step("4  search the catalogue, choose a product"):
        document = f"query($search: String) {{ products(search: $search, first: 5) {{ nodes {{ {_FIELDS} }} }} }}"
        products = (await t.graph().ask(document, search="addresses"))["products"]["nodes"]
        expect(products and products[0]["slug"] == PRODUCT, "the search finds the address register first, without an account")
        t.product = products[0]


async def _product(t: Traveller, slug: str) -> dict[str, Any]:
    product = (await t.owner.ask(f"query($slug: String!) {{ product(slug: $slug) {{ {_FIELDS} }} }}", slug=slug))["product"]
    expect(product, f"the catalogue has the product {slug}")
    return dict(product)


async def _application(t: Traveller) -> None:
    with t.step("6/7 create an application, receive its Client ID and Client Secret"):
        selection = "... on CreatedApplication { clientSecret application { id name clientId secrets { id hint } } }"
        made = await t.owner.do("createApplication", selection, organizationId=t.organization_id, name="Address finder")
        t.application, t.client_secret = made["application"], made["clientSecret"]
        hint = t.application["secrets"][0]["hint"]
        expect(t.client_secret.endswith(hint), "the hint is the end of the secret")
        again = await t.owner.ask(
            "query($id: ID!) { application(id: $id) { clientId secrets { hint } } }", id=t.application["id"]
        )
        expect(again["application"]["clientId"] == t.application["clientId"], "the application can be read at once")


async def _confidential(t: Traveller) -> None:
    with t.step("5  a confidential product asks for agreements first"):
        product = await _product(t, CONFIDENTIAL_PRODUCT)
        selection = "... on CreatedApplication { application { id } }"
        made = await t.owner.do("createApplication", selection, organizationId=t.organization_id, name="Too early")
        wanted = {"applicationId": made["application"]["id"], "productId": product["id"], "planId": product["plans"][0]["id"]}
        await expect_refused("AGREEMENT_REQUIRED", t.owner.do("subscribe", "... on Subscription { id }", **wanted))


async def _subscribe(t: Traveller) -> None:
    with t.step("8  subscribe the application to a plan"):
        plan = next(plan for plan in t.product["plans"] if plan["name"] == PLAN)
        wanted = {"applicationId": t.application["id"], "productId": t.product["id"], "planId": plan["id"]}
        made = await t.owner.do("subscribe", "... on Subscription { id status plan { name } product { slug } }", **wanted)
        seen = (made["status"], made["plan"]["name"], made["product"]["slug"])
        expect(seen == ("ACTIVE", PLAN, PRODUCT), f"the subscription is active on the plan, not {seen}")
        await expect_refused("ALREADY_SUBSCRIBED", t.owner.do("subscribe", "... on Subscription { id }", **wanted))


async def _token(t: Traveller) -> None:
    with t.step("9a get an access token (OAuth 2.0 client credentials)"):
        client_id = t.application["clientId"]
        t.token = await access_token(t, client_id, t.client_secret)
        refused = await ask_for_token(t, client_id, "pcs_wrong")
        expect((refused.status_code, refused.json()["error"]) == (401, "invalid_client"), "a wrong secret gets no token")


async def _first_call(t: Traveller, target: tuple[str, str, str]) -> None:
    answer = await call(t, target, t.token)
    expect(answer.status_code == 200, f"the first call answers 200, not {answer.status_code}: {answer.text[:300]}")
    expect("application/json" in answer.headers["content-type"], "the sandbox answers JSON")
    expect("RateLimit" in answer.headers, "the answer says what is left of the rate limit")
    t.counted[target[0], 200] += 1


async def _try_it(t: Traveller, target: tuple[str, str, str]) -> None:
    """Try an operation in the graph: a member's call, which counts as the application's."""
    operation_id = target[0]
    version_id = next(v["id"] for api in t.product["apis"] for v in api["versions"] if v["status"] == "PUBLISHED")
    wanted = {"applicationId": t.application["id"], "versionId": version_id, "operationId": operation_id}
    selection = """... on Trial { request { url headers { name value } } requestVerdict { outcome }
      response { status body } responseVerdict { outcome findings { place message } } requestId countedAs }"""
    tried = await t.owner.do("tryOperation", selection, **wanted, parameters=[{"name": "q", "value": "Brivibas"}])
    expect(tried["request"]["url"] == f"{target[2]}?q=Brivibas", f"the trial calls the operation, not {tried['request']['url']}")
    outcomes = (tried["response"]["status"], tried["requestVerdict"]["outcome"], tried["responseVerdict"]["outcome"])
    expect(outcomes == (200, "CONFORMS", "CONFORMS"), f"what is sent and answered keeps to the document, not {outcomes}")
    shown = [each["value"] for each in tried["request"]["headers"] if each["name"] == "authorization"]
    expect(shown == ["Bearer (not shown)"], "the token of a trial is not shown")
    t.counted[operation_id, 200] += 1


async def _calls(t: Traveller) -> None:
    with t.step(f"9b try an operation; {CALLS} calls in all: some over the rate limit, one with a bad token, one not subscribed"):
        targets = targets_of(t.product)
        other = targets_of(await _product(t, OTHER_PRODUCT))[0]
        t.began_at = datetime.now(UTC)
        t.nobody_before = await _calls_of_nobody(t)
        await _first_call(t, targets[0])
        await _try_it(t, targets[0])

        async def one(number: int) -> None:
            target = targets[number % len(targets)]
            answer = await call(t, target, t.token)
            t.counted[target[0], answer.status_code] += 1
            expect(
                answer.status_code in (200, 429), f"a call is answered or limited, not {answer.status_code}: {answer.text[:300]}"
            )
            if answer.status_code == 429:
                expect(int(answer.headers["Retry-After"]) >= 1, "a limited call is told when to come again")
                expect("RateLimit" in answer.headers, "a limited call is told its limit")
                expect(answer.headers["content-type"] == "application/problem+json", "a limited call gets a problem document")

        await asyncio.gather(*(one(number) for number in range(CALLS - 4)))
        limited = sum(number for (_, status), number in t.counted.items() if status == 429)
        expect(0 < limited < CALLS - 60, f"some calls are over the limit and some are not: {limited} of {CALLS} were")

        bad = await call(t, targets[0], t.token[:-8] + "AAAAAAAA")
        expect(bad.status_code == 401, f"a bad token is answered 401, not {bad.status_code}")
        expect("www-authenticate" in bad.headers, "a bad token is told how to authenticate")
        t.blamed_on_nobody[targets[0][0], 401] += 1

        foreign = await call(t, other, t.token)
        expect(
            foreign.status_code == 403, f"an API not subscribed is answered 403, not {foreign.status_code}: {foreign.text[:300]}"
        )
        t.counted[other[0], 403] += 1
        expect(t.counted.total() + t.blamed_on_nobody.total() == CALLS, f"{CALLS} calls were made")


def _period(t: Traveller) -> dict[str, str]:
    return {
        "from": (t.began_at - timedelta(minutes=1)).isoformat(),
        "to": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
    }


async def _counted_by_platform(t: Traveller) -> tuple[collections.Counter[tuple[str, int]], int, dict[str, Any]]:
    """Return the calls by operation and status as the graph tells them, their total by status alone, and the report."""
    document = """query($id: ID!, $all: UsageInput!) {
      application(id: $id) { usage(input: $all) {
        asOf watermark lagSeconds completeness method totals { calls success clientErrors rateLimited forbidden latencyP95Ms }
        series { start calls } groups { key label calls } } } }"""
    by_status = {**_period(t), "interval": "MINUTE", "groupBy": "STATUS"}
    report = (await t.owner.ask(document, id=t.application["id"], all=by_status))["application"]["usage"]
    counted: collections.Counter[tuple[str, int]] = collections.Counter()
    for group in report["groups"]:
        status = int(group["key"])
        asked = {**_period(t), "groupBy": "OPERATION", "status": status}
        by_operation = (await t.owner.ask(document, id=t.application["id"], all=asked))["application"]["usage"]
        for each in by_operation["groups"]:
            counted[each["key"].rpartition("/")[2], status] += each["calls"]
    return counted, sum(point["calls"] for point in report["series"]), report


async def _usage(t: Traveller) -> None:
    with t.step(f"10 ask for usage: exactly these calls, within {SETTLED_WITHIN_SECONDS:.0f} s"):
        give_up_at = time.monotonic() + SETTLED_WITHIN_SECONDS
        while True:
            counted, in_series, report = await _counted_by_platform(t)
            is_settled = counted == t.counted and report["completeness"] == 1
            if is_settled or time.monotonic() > give_up_at:
                break
            await asyncio.sleep(0.1)
        expect(
            counted == t.counted, f"usage has the calls that were made:\n  made    {dict(t.counted)}\n  counted {dict(counted)}"
        )
        expect(report["completeness"] == 1, f"the report is complete, not {report['completeness']}")
        expect((in_series, report["totals"]["calls"]) == (t.counted.total(),) * 2, "totals and series have the same calls")
        await _usage_of_nobody(t)
        await _usage_for_strangers(t)


async def _usage_of_nobody(t: Traveller) -> None:
    """See as the provider the call with a bad token, which no consumer can be blamed for."""
    before, now = t.nobody_before, await _calls_of_nobody(t)
    made = {key: before[key] + number for key, number in t.blamed_on_nobody.items()}
    expect(all(now[key] == number for key, number in made.items()), f"the provider sees the call with a bad token: {dict(now)}")


async def _calls_of_nobody(t: Traveller) -> collections.Counter[tuple[str, int]]:
    provider = t.graph()
    await provider.sign_in(t.place.provider_email, t.place.provider_password)
    document = "query($input: UsageInput!) { usage(input: $input) { totals { calls unauthorized } groups { key label calls } } }"
    asked = {**_period(t), "productId": t.product["id"], "groupBy": "OPERATION", "status": 401}
    report = (await provider.ask(document, input=asked))["usage"]
    return collections.Counter({(each["key"].rpartition("/")[2], 401): each["calls"] for each in report["groups"]})


async def _usage_for_strangers(t: Traveller) -> None:
    stranger = t.graph()
    document = "query($id: ID!, $organization: ID!) { application(id: $id) { id } organization(id: $organization) { id } }"
    seen = await stranger.ask(document, id=t.application["id"], organization=t.organization_id)
    expect(seen == {"application": None, "organization": None}, "a stranger sees neither the application nor the organization")
