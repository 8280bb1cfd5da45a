"""A provider offers, through the graph: what is needed before, when a plan is offered, and what becomes of a withdrawn one."""

from typing import Any

import pytest

from portico.foreign import Refused
from tests.journeys.two_organizations import TERMS, World, document

PRODUCT = "... on Product { id prerequisites sensitivity }"
PLAN = "... on Plan { id isOffered notOfferedBecause validFrom validTo withdrawnAt }"


async def test_a_product_names_what_is_needed_before(world: World) -> None:
    wanted = {"organizationId": world.ids["organization"], "title": f"Asking {world.mark}", "sensitivity": "CONFIDENTIAL"}
    made = await world.make("owner", "createProduct", PRODUCT, **wanted, prerequisites=["PERMISSION"])
    assert made["prerequisites"] == ["AGREEMENT", "PERMISSION"]
    with pytest.raises(Refused) as refused:
        await world.make("owner", "changeProduct", PRODUCT, productId=made["id"], prerequisites=["ONBOARDING"])
    assert refused.value.code == "AGREEMENT_ALWAYS_NEEDED"
    assert refused.value.problem["fields"][0]["field"] == "prerequisites"
    changed = await world.make("owner", "changeProduct", PRODUCT, productId=made["id"], sensitivity="OPEN_TEST")
    assert (changed["prerequisites"], changed["sensitivity"]) == ([], "OPEN_TEST")


async def _plan(world: World, product_id: str, name: str, **validity: str) -> dict[str, Any]:
    return await world.make("owner", "createPlan", PLAN, productId=product_id, **{**TERMS, "name": name, **validity})


async def test_a_plan_is_offered_in_its_time_and_kept_by_those_who_are_on_it(world: World) -> None:
    ids = await world.product(f"In its time {world.mark}", is_published=True)
    over = await _plan(world, ids["product"], "Over", validTo="2020-01-01T00:00:00Z")
    assert (over["isOffered"], over["notOfferedBecause"]) == (False, "NO_LONGER_VALID")
    application = (await world.application("stranger", "own_organization"))["id"]
    wish = {"applicationId": application, "productId": ids["product"]}
    with pytest.raises(Refused) as refused:
        await world.make("stranger", "subscribe", "... on Subscription { id }", **wish, planId=over["id"])
    assert refused.value.code == "PLAN_NOT_OFFERED"
    subscribed = await world.make("stranger", "subscribe", "... on Subscription { id }", **wish, planId=ids["AUTOMATIC"])
    withdrawn = await world.make("owner", "withdrawPlan", PLAN, planId=ids["AUTOMATIC"])
    assert (withdrawn["isOffered"], withdrawn["notOfferedBecause"]) == (False, "WITHDRAWN")

    listed = "query($slug: String!) { product(slug: $slug) { plans { id } } }"
    for who, sees in (("owner", True), ("stranger", False), ("nobody", False)):
        plans = (await world.people[who].ask(listed, slug=ids["slug"]))["product"]["plans"]
        assert (withdrawn["id"] in [each["id"] for each in plans]) == sees
    own = "query($id: ID!) { subscription(id: $id) { status plan { id isOffered } } }"
    seen = (await world.people["stranger"].ask(own, id=subscribed["id"]))["subscription"]
    assert seen == {"status": "ACTIVE", "plan": {"id": withdrawn["id"], "isOffered": False}}


async def test_a_draft_tells_its_provider_where_it_came_from(world: World) -> None:
    ids = await world.product(f"Sources {world.mark}", is_published=True)
    asked = """query($id: ID!) { node(id: $id) { ... on Version {
      source { url etag fetchedAt sha256 } originalDocument { text } } } }"""
    seen = (await world.people["observer"].ask(asked, id=ids["version"]))["node"]
    assert len(seen["source"]["sha256"]) == 64
    assert (seen["source"]["url"], seen["originalDocument"]) == (None, None)
    for who in ("stranger", "nobody"):
        assert (await world.people[who].ask(asked, id=ids["version"]))["node"]["source"] is None
    selection = "... on ImportedApi { version { id } }"
    with pytest.raises(Refused) as refused:
        await world.make(
            "owner", "importApi", selection, productId=ids["product"], document=document("x"), url="https://a.example"
        )
    assert refused.value.code == "DOCUMENT_OR_URL"


async def test_a_provider_stops_being_one_and_then_may_go(world: World) -> None:
    name = f"Passing {world.mark}"
    made = await world.make("owner", "createOrganization", "... on Organization { id }", name=name)
    organization = {"organizationId": made["id"]}
    standing = "... on ProviderStanding { organizationId name }"
    for verb in ("grantProviderStanding", "withdrawProviderStanding", "withdrawProviderStanding"):
        assert (await world.make("operator", verb, standing, **organization)) == {
            "__typename": "ProviderStanding",
            "organizationId": made["id"],
            "name": name,
        }
    # What the operator withdrew is heard of a moment later.
    while (code := await _delete(world, made["id"], name)) != "DONE":
        assert code == "PROVIDER_STAYS"
    with pytest.raises(Refused) as refused:
        await world.make("operator", "withdrawProviderStanding", standing, organizationId=world.ids["organization"])
    assert refused.value.code == "PROVIDER_STILL_CALLED"


async def _delete(world: World, organization_id: str, name: str) -> str:
    try:
        await world.make("owner", "deleteOrganization", "__typename", organizationId=organization_id, name=name)
    except Refused as refusal:
        return refusal.code
    return "DONE"
