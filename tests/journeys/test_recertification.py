"""Campaigns through the graph: previewed, started, confirmed, finished; the signed report fetched beside it."""

import asyncio
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pypdf import PdfReader

from chassis.clock import SystemClock
from portico.foreign import Refused
from tests.journeys.two_organizations import World

CAMPAIGN = """query($id: ID!) { campaign(id: $id) { id status title side dueAt startedBy isComplete
  counts { total open confirmed givenUp notConfirmed ended organizations }
  reports { id language status why sha256 size }
  items(first: 50) { totalCount nodes { id kind subjectId status organizationName decidedBy isLate detail user { name } } } } }"""
ASKED = """query($id: ID!) { organization(id: $id) { recertification(first: 50) { totalCount nodes { id campaign { id title }
  organization { id } } }
  campaigns(status: RUNNING, first: 1) { totalCount nodes { id } pageInfo { endCursor hasNextPage } } } }"""
ALL_OF_OPERATOR = "{ operator { campaigns(first: 1) { totalCount nodes { id } } } }"


class ClockAhead:
    """The machine's clock, so many days ahead."""

    def __init__(self, **ahead: float) -> None:
        self._ahead = timedelta(**ahead)

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead


async def of(world: World, who: str, campaign_id: str) -> Any:
    return (await world.people[who].ask(CAMPAIGN, id=campaign_id))["campaign"]


async def organization_with_members(world: World) -> str:
    """Return an organization of the owner's own with an Administrator and a Developer, of whom recertification has heard."""
    made = (await world.make("owner", "createOrganization", "... on Organization { id }", name=f"Asked {world.mark}"))["id"]
    for name in ("administrator", "developer"):
        await world.join_to(made, name, name.upper())
    scope = {"side": "ORGANIZATION", "organizationId": made, "kinds": ["MEMBER"]}
    async with asyncio.timeout(60):
        while (await world.make("owner", "previewCampaign", "... on CampaignPreview { items }", **scope))["items"] < 2:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
    return str(made)


async def test_from_the_preview_to_the_signed_report(world: World, platform: Any) -> None:
    on = await organization_with_members(world)
    due_at = (SystemClock().now() + timedelta(days=5)).isoformat()
    wanted = {"side": "ORGANIZATION", "organizationId": on, "kinds": ["MEMBER"], "dueAt": due_at}
    said = {**wanted, "title": f"Ikgadējā — ежегодная {world.mark}", "reason": "The policy."}
    campaign_id = (await world.make("owner", "startCampaign", "... on Campaign { id }", **said))["id"]
    seen = await of(world, "owner", campaign_id)
    items = {each["subjectId"]: each for each in seen["items"]["nodes"]}
    assert set(items) == {world.ids["user_administrator"], world.ids["user_developer"]}
    assert (seen["status"], seen["isComplete"], seen["counts"]["open"]) == ("RUNNING", True, 2)
    listed = (await world.people["administrator"].ask(ASKED, id=on))["organization"]
    assert {each["id"] for each in listed["recertification"]["nodes"]} == {each["id"] for each in items.values()}
    assert [each["id"] for each in listed["campaigns"]["nodes"]] == [campaign_id]
    assert items[world.ids["user_developer"]]["user"] == {"name": "Developer"}
    for who in ("developer", "stranger", "nobody", "operator"):
        assert await of(world, who, campaign_id) is None
    own = {"itemIds": [items[world.ids["user_administrator"]]["id"]]}
    with pytest.raises(Refused, match="DECIDED_BY_ONESELF"):
        await world.make("administrator", "confirmItems", "... on DecidedItems { items { id } }", **own)
    confirmed = {"itemIds": [items[world.ids["user_administrator"]]["id"]], "reason": "Still here."}
    done = await world.make("owner", "confirmItems", "... on DecidedItems { items { status decidedBy } }", **confirmed)
    assert done["items"] == [{"status": "CONFIRMED", "decidedBy": world.ids["user_owner"]}]

    store = platform.whole.parts["recertification"].store
    clock, store.clock = store.clock, ClockAhead(days=6)
    try:
        await finish(world, campaign_id)
    finally:
        store.clock = clock
    seen = await of(world, "owner", campaign_id)
    assert [seen["counts"][each] for each in ("total", "confirmed", "notConfirmed", "open")] == [2, 1, 1, 0]
    await membership_of_developer(world, on, is_there=False)
    await report_is_fetched(world, seen)
    late = {"itemIds": [items[world.ids["user_developer"]]["id"]]}
    done = await world.make("administrator", "confirmItems", "... on DecidedItems { items { status isLate } }", **late)
    assert done["items"][0]["status"] == "CONFIRMED"
    await membership_of_developer(world, on, is_there=True)


async def finish(world: World, campaign_id: str) -> None:
    async with asyncio.timeout(120):
        while True:
            seen = await of(world, "owner", campaign_id)
            if seen["status"] == "FINISHED" and [each["status"] for each in seen["reports"]] == ["MADE"] * 3:
                return
            await asyncio.sleep(0.2)


async def membership_of_developer(world: World, on: str, *, is_there: bool) -> None:
    text = "query($id: ID!) { organization(id: $id) { id } }"
    async with asyncio.timeout(60):
        while ((await world.people["developer"].ask(text, id=on))["organization"] is not None) != is_there:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.1)


async def report_is_fetched(world: World, seen: Any) -> None:
    http, address = world.people["owner"]._http, world.url.removesuffix("/graphql")
    for report in seen["reports"]:
        fetched = await http.get(f"{address}/reports/{report['id']}", headers=bearer(world, "owner"))
        assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/pdf")
        assert (fetched.headers["cache-control"], len(fetched.content)) == ("no-store", report["size"])
        [signature] = PdfFileReader(BytesIO(fetched.content)).embedded_signatures
        signature.compute_integrity_info()
        assert signature.docmdp_level is not None
        text = "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(fetched.content)).pages)
        for told in (seen["title"], *(each["subjectId"] for each in seen["items"]["nodes"])):
            assert "".join(told.split()) in text
    foreign, absent = [
        await http.get(f"{address}/reports/{each}", headers=bearer(world, "stranger"))
        for each in (seen["reports"][0]["id"], "rpt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
    ]
    assert (foreign.status_code, foreign.json()["code"]) == (absent.status_code, absent.json()["code"]) == (404, "NO_SUCH_REPORT")
    assert (await http.get(f"{address}/reports/{seen['reports'][0]['id']}")).status_code == 401
    for who in ("developer", "operator"):
        answer = await http.get(f"{address}/reports/{seen['reports'][0]['id']}", headers=bearer(world, who))
        assert answer.status_code == 404


def bearer(world: World, who: str) -> dict[str, str]:
    return {"authorization": f"Bearer {world.people[who].token}"}


async def test_the_operator_starts_one_over_a_named_organization_and_calls_it_off(world: World) -> None:
    on = await organization_with_members(world)
    wanted = {"side": "OPERATOR", "kinds": ["MEMBER"], "organizationIds": [on]}
    preview = await world.make(
        "operator", "previewCampaign", "... on CampaignPreview { items organizations largest { organizationId items } }", **wanted
    )
    assert preview["largest"] == [{"organizationId": on, "items": 2}]
    said = {**wanted, "title": "Look", "reason": "The law.", "dueAt": (SystemClock().now() + timedelta(days=9)).isoformat()}
    for who in ("owner", "stranger"):
        with pytest.raises(Refused, match="ONLY_THE_OPERATOR_ASKS_EVERYBODY"):
            await world.make(who, "startCampaign", "... on Campaign { id }", **said)
    campaign_id = (await world.make("operator", "startCampaign", "... on Campaign { id }", **said))["id"]
    listed = (await world.people["operator"].ask(ALL_OF_OPERATOR))["operator"]["campaigns"]
    assert [each["id"] for each in listed["nodes"]] == [campaign_id]
    assert (await of(world, "owner", campaign_id))["startedBy"] is None, "who it was is the operator's own matter"
    later = {"campaignId": campaign_id, "dueAt": (SystemClock().now() + timedelta(days=19)).isoformat()}
    with pytest.raises(Refused, match="ONLY_THE_STARTER"):
        await world.make("owner", "changeCampaignDueDate", "... on Campaign { id }", **later)
    await world.make("operator", "changeCampaignDueDate", "... on Campaign { id }", **later)
    ended = await world.make("operator", "cancelCampaign", "... on Campaign { status }", campaignId=campaign_id)
    assert ended["status"] == "CANCELLED"
    assert {each["status"] for each in (await of(world, "owner", campaign_id))["items"]["nodes"]} == {"WITHDRAWN"}
