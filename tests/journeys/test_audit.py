"""The audit trail, through the graph: who did what, what it was before, what was refused; for those who may see it."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from chassis.ids import new_id
from portico.foreign import Refused
from tests.journeys.two_organizations import NEVER_GIVEN_OUT, TERMS, World
from tests.services.audit.chains import chain_of, heads_of, is_whole
from tests.services.stage import envelope

ENTRY = """number verb service outcome code count actorId actor { name } organizationId requestId cause hash previous
  changes { kind id field before after disclosure }"""
PAGE = f"totalCount nodes {{ {ENTRY} }} pageInfo {{ endCursor hasNextPage }}"
OF_ORGANIZATION = f"""query($id: ID!, $filter: AuditFilter, $first: Int, $after: String) {{ organization(id: $id) {{
  audit(filter: $filter, first: $first, after: $after) {{ {PAGE} }} }} }}"""
OF_OPERATOR = f"""query($id: ID, $filter: AuditFilter) {{ operator {{ audit(organizationId: $id, filter: $filter) {{
  nodes {{ {ENTRY} }} }} }} }}"""
# What succeeds and changes nothing that is audited, and announces nothing.
NO_ACTS = {
    *("previewPlanChange", "previewCampaign", "exportMyData", "markRead"),
    *("beginPasskeyRegistration", "beginPasskeySignIn", "beginOpenIdSignIn", "linkOpenId"),
    *("requestPasswordReset", "endOtherSessions"),  # for an unknown address, and where there is no other session
}
Entry = dict[str, Any]


def snake(verb: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", verb).lower()


async def entries(world: World, who: str, organization_id: str, **filter_: Any) -> list[Entry] | None:
    text = (await world.people[who].ask(OF_ORGANIZATION, id=organization_id, filter=filter_, first=100))["organization"]
    return text and text["audit"] and list(text["audit"]["nodes"])


async def found(world: World, who: str, organization_id: str, is_it: Callable[[Entry], bool] = bool, **filter_: Any) -> Entry:
    """Wait until somebody sees such an entry; return it."""
    async with asyncio.timeout(60):
        while True:
            for each in await entries(world, who, organization_id, **filter_) or ():
                if is_it(each):
                    return each
            await asyncio.sleep(0.1)


async def organization(world: World, who: str = "owner") -> str:
    made = await world.make(who, "createOrganization", "... on Organization { id }", name="To be watched")
    return str(made["id"])


async def application(world: World, organization_id: str, who: str = "owner") -> dict[str, Any]:
    selection = "... on CreatedApplication { application { id clientId secrets { id } } }"
    made = await world.make(who, "createApplication", selection, organizationId=organization_id, name="Watched")
    kept: dict[str, Any] = made["application"]
    return kept


def changed(entry: Entry, kind: str) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in entry["changes"] if each["kind"] == kind}


def _has_code(code: str, entry: dict[str, Any]) -> bool:
    return bool(entry["code"] == code)


async def test_what_was_done_in_identity_is_there_with_what_it_was_before(world: World) -> None:
    org = await organization(world)
    await world.make("owner", "renameOrganization", "... on Organization { id }", organizationId=org, name="Watched well")
    renamed = await found(world, "owner", org, verb="rename_organization")
    assert changed(renamed, "organization") == {"name": ("To be watched", "Watched well")}
    assert (renamed["service"], renamed["outcome"], renamed["code"], renamed["count"]) == ("identity", "DONE", None, 1)
    assert (renamed["actorId"], renamed["actor"], renamed["organizationId"]) == (
        world.ids["user_owner"],
        {"name": "Owner"},
        org,
    )
    made = await found(world, "owner", org, verb="create_organization")
    assert (made["number"], made["previous"], made["organizationId"]) == (1, "0" * 64, org)
    assert renamed["previous"] == made["hash"]

    app = await application(world, org)
    rotated = await world.make("owner", "rotateSecret", "... on RotatedSecret { clientSecret }", applicationId=app["id"])
    entry = await found(world, "owner", org, verb="rotate_secret", thingId=app["id"])
    secrets = [each for each in entry["changes"] if each["field"].endswith("/hash")]
    assert {(each["before"], each["after"], each["disclosure"]) for each in secrets} == {(None, None, "HIDDEN")}
    assert rotated["clientSecret"] not in str(entry)


async def test_what_is_done_in_the_catalogue_and_with_subscriptions_is_told_to_both_sides(world: World) -> None:
    app = await world.application("stranger", "own_organization")
    product = await world.product(f"Watched {app['clientId'][-6:]}", is_published=True)
    wanted = {"applicationId": app["id"], "productId": product["product"], "planId": product["BY_PROVIDER"]}
    subscription = (await world.make("stranger", "subscribe", "... on Subscription { id }", **wanted))["id"]
    await world.make("owner", "approveSubscription", "... on Subscription { id }", subscriptionId=subscription)
    recipient, provider = world.ids["own_organization"], world.ids["organization"]
    for who, org in (("owner", provider), ("stranger", recipient)):
        asked = await found(world, who, org, verb="subscribe", thingId=subscription)
        assert changed(asked, "subscription")["status"] == (None, "PENDING")
        assert (asked["actorId"], asked["organizationId"]) == (world.ids["user_stranger"], recipient)
        approved = await found(world, who, org, verb="approve_subscription", thingId=subscription)
        assert changed(approved, "subscription") == {"status": ("PENDING", "ACTIVE")}
        assert (approved["actorId"], approved["organizationId"]) == (world.ids["user_owner"], provider)
    terms = {**TERMS, "planId": product["AUTOMATIC"], "rateRequests": 77}
    await world.make("owner", "changePlan", "... on Plan { id }", **terms)
    plan = await found(world, "owner", provider, lambda each: "77" in str(each["changes"]), verb="change_plan")
    assert changed(plan, "product")[f"plans/{product['AUTOMATIC']}/rate_requests"] == ("1", "77")
    assert await entries(world, "stranger", recipient, verb="change_plan") == []


async def test_a_consequence_says_of_what(world: World) -> None:
    org = await organization(world)
    await world.make("operator", "grantProviderStanding", "... on ProviderStanding { name }", organizationId=org)
    noted = await found(world, "owner", org, verb="note_provider")
    assert (noted["actorId"], noted["actor"]) == ("system:identity.note_provider", None)
    assert noted["cause"].startswith("evt_")
    granted = await found(world, "owner", org, verb="grant_provider_standing")
    assert granted["requestId"] == noted["requestId"]


async def test_what_was_refused_is_there(world: World) -> None:
    org = await organization(world)
    email = world.address_of("developer")
    invited = {"organizationId": org, "email": email, "role": "DEVELOPER"}
    invitation = (await world.make("owner", "inviteMember", "... on Invitation { id }", **invited))["id"]
    await world.make("developer", "acceptInvitation", "... on Membership { id }", invitationId=invitation)
    app = await application(world, org)
    tried = {
        "developer": ("ROLE_NOT_ALLOWED", "rename_organization"),
        "stranger": ("NOT_FOUND", "rename_organization"),
        "nobody": ("SIGN_IN_FIRST", "rename_organization"),
    }
    for who in tried:
        with pytest.raises(Refused):
            await world.make(who, "renameOrganization", "... on Organization { id }", organizationId=org, name="Taken over")
    with pytest.raises(Refused):
        await world.make("stranger", "rotateSecret", "... on RotatedSecret { clientSecret }", applicationId=app["id"])
    for who, (code, verb) in tried.items():
        denied = await found(world, "owner", org, partial(_has_code, code), outcome="DENIED", verb=verb)
        assert denied["actorId"] == world.ids.get(f"user_{who}")
        assert [(each["kind"], each["id"], each["field"]) for each in denied["changes"]] == [("organization", org, None)]
    foreign = await found(world, "owner", org, outcome="DENIED", verb="rotate_secret", thingId=app["id"])
    assert (foreign["code"], foreign["actorId"], foreign["organizationId"]) == ("NOT_FOUND", world.ids["user_stranger"], None)
    assert await entries(world, "owner", org, verb="rename_organization", outcome="DONE") == []


async def test_a_refusal_about_what_does_not_exist_begins_no_chain(world: World, platform: Any) -> None:
    nowhere = f"org_{NEVER_GIVEN_OUT}"
    with pytest.raises(Refused):
        await world.make("spare", "renameOrganization", "... on Organization { id }", organizationId=nowhere, name="Taken over")
    async with asyncio.timeout(60):
        wanted = {"outcome": "DENIED", "actor": world.ids["user_spare"], "thingId": nowhere}
        while not (await world.people["operator"].ask(OF_OPERATOR, filter=wanted))["operator"]["audit"]["nodes"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    reader = platform.whole.parts["audit"].store.reader()
    assert await chain_of(reader, nowhere) == []


async def test_signing_in_well_and_badly_is_told_of_the_platform_without_addresses(world: World) -> None:
    email = world.address_of("owner")
    with pytest.raises(Refused):
        await world.make("nobody", "signIn", "... on SignedIn { token }", email=email, password="not the password at all")
    async with asyncio.timeout(60):
        while True:
            nodes = (await world.people["operator"].ask(OF_OPERATOR, filter={"verb": "sign_in"}))["operator"]["audit"]["nodes"]
            outcomes = {(each["outcome"], each["code"]) for each in nodes}
            if outcomes >= {("DONE", None), ("DENIED", "WRONG_CREDENTIALS")}:
                break
            await asyncio.sleep(0.1)
    assert any(each["actorId"] for each in nodes if each["outcome"] == "DONE")
    assert "@" not in str(nodes)


@pytest.mark.parametrize("service", ["enforcement", "analytics"])
async def test_what_is_discarded_where_nothing_else_is_decided_is_there(world: World, platform: Any, service: str) -> None:
    queue, bus = f"{service}.remember_plan", platform.whole.place.bus
    broken = envelope("catalog.plan_created.v1", new_id("pln"), 1, {})
    await bus.put(queue, [broken])
    async with asyncio.timeout(60):
        while broken.id not in [each.message.id for each in await bus.dead_letters(queue)]:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
    discarded = {"queue": queue, "id": broken.id, "reason": "It says nothing."}
    await world.make("operator", "discardDeadLetter", "... on DeadLetter { id }", **discarded)
    wanted = {"verb": "discard_dead_letter", "outcome": "DONE"}
    async with asyncio.timeout(60):
        while True:
            nodes = (await world.people["operator"].ask(OF_OPERATOR, filter=wanted))["operator"]["audit"]["nodes"]
            if kept := [each for each in nodes if (None, broken.id) in changed(each, "dead_letter").values()]:
                break
            await asyncio.sleep(0.1)
    told = changed(kept[0], "dead_letter")
    assert (kept[0]["service"], told["queue"], told["what"]) == (service, (None, queue), (None, "DISCARDED"))
    assert "It says nothing." not in str(kept)
    assert [each["disclosure"] for each in kept[0]["changes"] if each["field"] == "because"] == ["DIGESTED"]


async def test_an_organizations_trail_is_its_own(world: World) -> None:
    org = await organization(world)
    await found(world, "owner", org, verb="create_organization")
    for who in ("stranger", "nobody", "developer"):
        assert await entries(world, who, org) is None
    assert await entries(world, "administrator", world.ids["organization"]) is not None
    assert await entries(world, "developer", world.ids["organization"]) is None
    assert (await world.people["owner"].ask(OF_OPERATOR, id=org))["operator"] is None
    of_staff = (await world.people["operator"].ask(OF_OPERATOR, id=org))["operator"]["audit"]["nodes"]
    assert of_staff[-1]["verb"] == "create_organization"
    viewed = await found(world, "owner", org, lambda each: each["actorId"] == world.ids["user_owner"], verb="view_audit")
    assert (viewed["service"], viewed["outcome"]) == ("audit", "DONE")


async def test_who_was_removed_reads_no_more(world: World) -> None:
    org = await organization(world)
    invited = {"organizationId": org, "email": world.address_of("administrator"), "role": "ADMINISTRATOR"}
    invitation = (await world.make("owner", "inviteMember", "... on Invitation { id }", **invited))["id"]
    await world.make("administrator", "acceptInvitation", "... on Membership { id }", invitationId=invitation)
    await found(world, "administrator", org, verb="create_organization")
    removed = {"organizationId": org, "userId": world.ids["user_administrator"]}
    await world.make("owner", "removeMember", "__typename", **removed)
    assert await entries(world, "administrator", org) is None


async def test_pages_are_read_on(world: World) -> None:
    org = await organization(world)
    for number in range(4):
        await world.make("owner", "renameOrganization", "... on Organization { id }", organizationId=org, name=f"Name {number}")
    await found(world, "owner", org, lambda each: "Name 3" in str(each["changes"]))
    numbers: list[int] = []
    cursor: str | None = None
    while True:
        filter_ = {"kind": "organization"}
        asked = await world.people["owner"].ask(OF_ORGANIZATION, id=org, filter=filter_, first=2, after=cursor)
        page = asked["organization"]["audit"]
        numbers += [each["number"] for each in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 5


async def test_a_request_has_an_id_which_is_told_and_kept(world: World) -> None:
    org = await organization(world)
    async with httpx.AsyncClient(timeout=20) as http:
        asked = "renameOrganization(input: $input) { __typename ... on Problem { requestId } }"
        text = f"mutation($input: RenameOrganizationInput!) {{ {asked} }}"
        headers = {"authorization": f"Bearer {world.people['owner'].token}", "x-request-id": "mine-and-nobody-elses-1"}
        sent = {"query": text, "variables": {"input": {"organizationId": org, "name": "Named"}}}
        done = await http.post(world.url, json=sent, headers=headers)
        assert done.headers["x-request-id"] == "mine-and-nobody-elses-1"
        refused = await http.post(world.url, json=sent, headers={"x-request-id": "nobodys-request-2"})
        assert refused.json()["data"]["renameOrganization"] == {"__typename": "Problem", "requestId": "nobodys-request-2"}
        for odd in ("short", "with spaces in it", "x" * 65, "curly{braces}"):
            answer = await http.post(world.url, json={"query": "{ __typename }"}, headers={"x-request-id": odd})
            assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    entry = await found(world, "owner", org, verb="rename_organization", outcome="DONE")
    assert entry["requestId"] == "mine-and-nobody-elses-1"


async def test_every_mutation_that_was_done_is_there(world: World, platform: Any) -> None:
    """Whatever journeys have done here until now: of each verb that succeeded there is an entry of such a request."""
    done = {verb: set(requests) for verb, requests in world.done.items() if verb not in NO_ACTS}
    assert len(done) > 15
    collection = platform.whole.parts["audit"].store.reader().collection("entries")

    async def missing() -> set[str]:
        absent = set()
        for verb, requests in done.items():
            query = {"content.verb": snake(verb), "content.request_id": {"$in": list(requests)}, "content.outcome": "DONE"}
            if await collection.find_one(query) is None:
                absent.add(verb)
        return absent

    give_up_at = asyncio.get_running_loop().time() + 90
    while left := await missing():
        assert asyncio.get_running_loop().time() < give_up_at, f"of these verbs there is no entry: {sorted(left)}"
        done = {verb: requests for verb, requests in done.items() if verb in left}
        await asyncio.sleep(0.5)


async def test_every_chain_is_whole(platform: Any, world: World) -> None:
    reader = platform.whole.parts["audit"].store.reader()
    chains = {row["chain"] for row in await reader.collection("entries").find({}, projection={"chain": 1})}
    found_heads = await heads_of(reader)
    assert {each.chain for each in found_heads} >= {*chains, "platform", world.ids["organization"]}
    for head in found_heads:
        chain = await chain_of(reader, head.chain)
        assert chain[head.number - 1].hash == head.hash
        assert is_whole(chain)
