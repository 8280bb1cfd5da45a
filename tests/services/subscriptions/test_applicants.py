"""Who asks for a subscription, as the one who decides learns it."""

from itertools import permutations
from typing import Any, cast

import pytest

from chassis.mongo import Collection, Reader
from chassis.principal import system
from services.subscriptions.subscriptions import access, repository
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import (
    APPLICATION,
    BY_PROVIDER,
    PRODUCT,
    PROVIDER,
    application,
    application_deleted,
    organization,
    plan,
    product,
    version,
)

WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": BY_PROVIDER}
ANNOUNCED = [application(), application(2), organization(), organization(2, name="Consumers & Co")]


async def requested(stage: Stage) -> dict[str, Any]:
    return (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).result


async def seen_by_provider(stage: Stage) -> Any:
    (page,) = (await stage.person(org_provider="OWNER").load("subscription_requests_by_provider", [PROVIDER])).rows
    return page["nodes"][0]["applicant"]


async def test_what_has_not_been_heard_of_is_null(stage: Stage) -> None:
    row = await requested(stage)
    assert row["applicant"] == {"application_name": "Name 1", "client_id": "cli", "organization_name": None}
    await stage.hear(organization())
    assert (await seen_by_provider(stage))["organization_name"] == "Consumers"


@pytest.mark.parametrize("order", list(permutations(range(len(ANNOUNCED)))))
async def test_in_any_order_and_twice_the_last_names_hold(stage: Stage, order: tuple[int, ...]) -> None:
    await requested(stage)
    await stage.hear(*(ANNOUNCED[number] for number in order), *(ANNOUNCED[number] for number in order))
    assert await seen_by_provider(stage) == {
        "application_name": "Name 2",
        "client_id": "cli",
        "organization_name": "Consumers & Co",
    }


async def test_every_answer_about_it_names_who_asks(stage: Stage) -> None:
    await stage.hear(organization())
    row = await requested(stage)
    provider, consumer = stage.person(org_provider="OWNER"), stage.person(org_consumer="OWNER")
    expected = {"application_name": "Name 1", "client_id": "cli", "organization_name": "Consumers"}
    assert row["applicant"] == expected
    assert (await provider.load("subscriptions_by_id", [row["id"]])).rows[0]["applicant"] == expected
    assert (await provider.do("approve_subscription", subscription_id=row["id"])).result["applicant"] == expected
    (page,) = (await consumer.load("subscriptions_by_application", [APPLICATION])).rows
    assert page["nodes"][0]["applicant"] == expected
    assert (await consumer.do("cancel_subscription", subscription_id=row["id"])).result["applicant"] == expected


@pytest.mark.parametrize("is_renamed_late", [False, True])
async def test_a_deleted_application_keeps_its_last_name(stage: Stage, is_renamed_late: bool) -> None:
    row = await requested(stage)
    life = [application(2), application_deleted(3)]
    await stage.hear(*(life[::-1] if is_renamed_late else life))
    (kept,) = (await stage.person(org_provider="OBSERVER").load("subscriptions_by_id", [row["id"]])).rows
    assert (kept["status"], kept["applicant"]["application_name"]) == ("CANCELLED", "Name 2")


async def test_strangers_learn_no_name(stage: Stage) -> None:
    row = await requested(stage)
    for other in (stage.person(org_stranger="OWNER"), stage.anonymous):
        assert (await other.load("subscriptions_by_id", [row["id"]])).rows == [None]


class Counting:
    """A reader that notes which collections are asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def collection(self, name: str) -> Collection:
        self.asked.append(name)
        return self._reader.collection(name)


async def test_a_page_costs_two_reads_however_long_it_is(stage: Stage) -> None:
    made = []
    for number in range(5):
        await stage.hear(application(application_id=f"app_{number}"), product(product_id=f"prd_{number}"))
        await stage.hear(version(product_id=f"prd_{number}"), plan(plan_id=f"pln_{number}", product_id=f"prd_{number}"))
        wish = {"application_id": f"app_{number}", "product_id": f"prd_{number}", "plan_id": f"pln_{number}"}
        made.append((await stage.person(org_consumer="OWNER").do("subscribe", **wish)).result["id"])
    reader = Counting(stage.service.store.reader(system("tests")))
    listing = await repository.find(stage.service.store.reader(system("tests")), made)
    found = await access.applicants_of(cast("Reader", reader), listing.values())
    assert {each.application_name for each in found.values()} == {"Name 1"}
    assert sorted(reader.asked) == ["application_names", "organization_names"]
