"""Reading subscriptions, through HTTP: rows, pages, and what others see."""

from typing import Any

import pytest

from tests.passports import ROLES
from tests.services.stage import Person, Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, PROVIDER, application, plan, product, version


async def many(stage: Stage, count: int, *, approval: str = "AUTOMATIC", application_id: str = APPLICATION) -> list[str]:
    """Subscribe an application to this many products; return the subscriptions' ids, oldest first."""
    owner = stage.person(org_consumer="OWNER")
    made = []
    for number in range(count):
        of, on = f"prd_{approval}_{number}", f"pln_{approval}_{number}"
        await stage.hear(product(product_id=of), version(product_id=of), plan(approval=approval, plan_id=on, product_id=of))
        wish = {"application_id": application_id, "product_id": of, "plan_id": on}
        made.append(str((await owner.do("subscribe", **wish)).result["id"]))
    return made


async def walk(person: Person, load: str, key: str, **args: Any) -> list[str]:
    """Read a whole list page by page."""
    seen: list[str] = []
    after = None
    while True:
        page = (await person.load(load, [key], first=2, after=after, **args)).rows[0]
        assert len(page["nodes"]) <= 2
        seen += [each["id"] for each in page["nodes"]]
        after = page["next"]
        if after is None:
            return seen


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("organization", ["org_consumer", "org_provider"])
async def test_both_sides_see_it_and_nobody_else(stage: Stage, role: str, organization: str) -> None:
    (subscription_id,) = await many(stage, 1)
    keys = [subscription_id, "sub_absent", subscription_id]
    member = await stage.member(organization, role).load("subscriptions_by_id", keys)
    assert [None if each is None else each["id"] for each in member.rows] == [subscription_id, None, subscription_id]
    for other in (stage.person(org_stranger=role), stage.anonymous, stage.person(platform_roles=("SUPPORT",))):
        assert (await other.load("subscriptions_by_id", keys)).rows == [None, None, None]


async def test_the_list_of_an_application_page_by_page(stage: Stage) -> None:
    made = await many(stage, 5)
    owner = stage.person(org_consumer="OBSERVER")
    assert await walk(owner, "subscriptions_by_application", APPLICATION) == made[::-1]
    page = (await owner.load("subscriptions_by_application", [APPLICATION], first=2)).rows[0]
    assert page["total"] == 5
    last = (await owner.load("subscriptions_by_application", [APPLICATION], first=2, after=page["next"])).rows[0]
    assert last["total"] == 5


async def test_the_list_by_status(stage: Stage) -> None:
    active = await many(stage, 2)
    waiting = await many(stage, 3, approval="BY_PROVIDER")
    owner = stage.person(org_consumer="OWNER")
    assert await walk(owner, "subscriptions_by_application", APPLICATION, status="PENDING") == waiting[::-1]
    assert await walk(owner, "subscriptions_by_application", APPLICATION, status="ACTIVE") == active[::-1]
    refused = await owner.load("subscriptions_by_application", [APPLICATION], status="LOST")
    assert (refused.status, refused.body["fields"][0]["field"]) == (422, "status")


async def test_the_lists_of_many_applications_at_once(stage: Stage) -> None:
    await stage.hear(application(application_id="app_2"))
    first = await many(stage, 3)
    second = await many(stage, 1, application_id="app_2")
    keys = ["app_2", APPLICATION, "app_absent"]
    rows = (await stage.person(org_consumer="OWNER").load("subscriptions_by_application", keys, first=2)).rows
    assert [[node["id"] for node in row["nodes"]] for row in rows] == [second, first[:0:-1], []]
    assert [row["total"] for row in rows] == [1, 3, 0]


async def test_a_strangers_list_is_like_that_of_an_absent_application(stage: Stage) -> None:
    await many(stage, 1)
    for stranger in (stage.person(org_stranger="OWNER"), stage.anonymous):
        foreign, absent = (await stranger.load("subscriptions_by_application", [APPLICATION, "app_absent"])).rows
        assert foreign == absent
        assert foreign["nodes"] == []


async def test_requests_wait_for_those_who_decide(stage: Stage) -> None:
    waiting = await many(stage, 3, approval="BY_PROVIDER")
    await many(stage, 1)
    for role in ("OWNER", "ADMINISTRATOR"):
        assert await walk(stage.person(org_provider=role), "subscription_requests_by_provider", PROVIDER) == waiting
    owner = stage.person(org_provider="OWNER")
    await owner.do("approve_subscription", subscription_id=waiting[0])
    assert await walk(owner, "subscription_requests_by_provider", PROVIDER) == waiting[1:]
    others = [
        stage.person(org_provider="DEVELOPER"),
        stage.person(org_provider="OBSERVER"),
        stage.person(org_consumer="OWNER"),
        stage.anonymous,
    ]
    for other in others:
        assert (await other.load("subscription_requests_by_provider", [PROVIDER])).rows == [None]


async def test_a_providers_list_of_all_subscriptions_by_status_and_product(stage: Stage) -> None:
    active, waiting = await many(stage, 3), await many(stage, 2, approval="BY_PROVIDER")
    owner = stage.person(org_provider="OWNER")
    await owner.do("suspend_subscription", subscription_id=active[0], reason="Why.")
    load = "subscriptions_by_provider"
    for role in ROLES:
        assert await walk(stage.person(org_provider=role), load, PROVIDER) == [*waiting[::-1], *active[::-1]]
    assert await walk(owner, load, PROVIDER, status="ACTIVE") == [active[2], active[1]]
    assert await walk(owner, load, PROVIDER, status="SUSPENDED") == [active[0]]
    assert await walk(owner, load, PROVIDER, product_id="prd_AUTOMATIC_1") == [active[1]]
    assert await walk(owner, load, PROVIDER, product_id="prd_AUTOMATIC_1", status="PENDING") == []
    (page,) = (await owner.load(load, [PROVIDER], first=1)).rows
    assert (page["total"], page["nodes"][0]["applicant"]["application_name"]) == (5, "Name 1")
    for other in (stage.person(org_consumer="OWNER"), stage.person(platform_roles=("SUPPORT",)), stage.anonymous):
        assert (await other.load(load, [PROVIDER])).rows == [None]
    refused = await owner.load(load, [PROVIDER], status="LOST")
    assert refused.body["fields"][0]["field"] == "status"


async def test_the_operator_sees_one_by_its_id(stage: Stage) -> None:
    (subscription_id,) = await many(stage, 1)
    operator = stage.person(platform_roles=("OPERATOR_ADMINISTRATOR",))
    assert [each["id"] for each in (await operator.load("subscriptions_by_id", [subscription_id])).rows] == [subscription_id]


@pytest.mark.parametrize("args", [{"first": 0}, {"first": 1000}, {"first": "x"}, {"after": "!"}, {"wrong": 1}])
async def test_an_unusable_page_names_the_argument(stage: Stage, args: dict[str, Any]) -> None:
    answer = await stage.person(org_consumer="OWNER").load("subscriptions_by_application", [APPLICATION], **args)
    assert answer.status == 422
    assert answer.body["fields"][0]["field"] == next(iter(args))


async def test_the_stage_is_what_it_says(stage: Stage) -> None:
    wish = {"application_id": APPLICATION, "product_id": "prd_1", "plan_id": AUTOMATIC}
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **wish)).status == 200
