"""Reading permissions, through HTTP: what the provider sees to decide, what the recipient sees, what others do not."""

from typing import Any, cast

import pytest

from chassis.mongo import Collection, Reader
from chassis.principal import system
from services.subscriptions.permissions import access, repository
from tests.passports import GRANTS, ROLES
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import (
    APPLICATION,
    CONSUMER,
    PROVIDER,
    application,
    data_exchange,
    organization,
    product,
    version,
)
from tests.services.subscriptions.concluding import Cast, offer
from tests.services.subscriptions.permitting import asked, decided, granted


async def many(stage: Stage, count: int) -> list[str]:
    """Let the consumer ask for this many products of the provider; return the permissions' ids, oldest first."""
    made = []
    for number in range(count):
        of = f"prd_{number}"
        await stage.hear(product(product_id=of), version(product_id=of))
        made.append(str((await asked(stage, product_id=of))["id"]))
    return made


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("side", [CONSUMER, PROVIDER])
async def test_both_sides_see_it_and_nobody_else(stage: Stage, role: str, side: str) -> None:
    row = await asked(stage)
    keys = [row["id"], "prm_absent", row["id"]]
    seen = (await stage.member(side, role).load("permissions_by_id", keys)).rows
    assert [None if each is None else each["id"] for each in seen] == [row["id"], None, row["id"]]
    for other in (stage.person(org_stranger=role), stage.anonymous, stage.person(platform_roles=("SUPPORT",))):
        assert (await other.load("permissions_by_id", keys)).rows == [None, None, None]
        assert (await other.load("permissions_beside", keys)).rows == [None, None, None]
        for load, key in (("permissions_by_application", APPLICATION), ("permission_requests_by_provider", PROVIDER)):
            (page,) = (await other.load(load, [key])).rows
            assert page is None or page["nodes"] == []


async def test_the_provider_sees_who_asks(stage: Stage) -> None:
    row = await asked(stage)
    nothing_more = {"organization_name": None, "is_test": None, "data_exchange_number": None}
    assert row["applicant"] == {"application_name": "Name 1", "client_id": "cli", **nothing_more}
    await stage.hear(organization(is_test=True), organization(2, name="Consumers & Co"), data_exchange())
    await stage.hear(organization(organization_id=PROVIDER, name="Providers"))
    (page,) = (await stage.person(org_provider="OWNER").load("permission_requests_by_provider", [PROVIDER])).rows
    assert page["nodes"][0]["applicant"] == {
        "application_name": "Name 1",
        "client_id": "cli",
        "organization_name": "Consumers & Co",
        "is_test": True,
        "data_exchange_number": "DX-2030-000001",
    }
    assert (page["nodes"][0]["purpose"], page["nodes"][0]["legal_basis"]) == (row["purpose"], row["legal_basis"])
    (seen,) = (await stage.person(org_consumer="OBSERVER").load("permissions_by_id", [row["id"]])).rows
    assert seen["provider"] == {"id": PROVIDER, "name": "Providers"}


async def test_the_lists_page_by_page_and_by_status(stage: Stage) -> None:
    made = await many(stage, 5)
    for each in made[:2]:
        await decided(stage, "grant_permission", each)
    consumer, provider = stage.person(org_consumer="OBSERVER"), stage.person(org_provider="ADMINISTRATOR")
    (page,) = (await consumer.load("permissions_by_application", [APPLICATION], first=3)).rows
    assert ([each["id"] for each in page["nodes"]], page["total"]) == (made[:1:-1], 5)
    (rest,) = (await consumer.load("permissions_by_application", [APPLICATION], first=3, after=page["next"])).rows
    assert ([each["id"] for each in rest["nodes"]], rest["next"]) == (made[1::-1], None)
    (waiting,) = (await provider.load("permission_requests_by_provider", [PROVIDER], status="REQUESTED", first=2)).rows
    assert ([each["id"] for each in waiting["nodes"]], waiting["total"]) == (made[2:4], 3)
    (given,) = (await consumer.load("permissions_by_application", [APPLICATION], status="GRANTED")).rows
    assert [each["id"] for each in given["nodes"]] == made[1::-1]


@pytest.mark.parametrize("role", ROLES)
async def test_the_providers_list_is_for_those_who_decide(stage: Stage, role: str) -> None:
    await asked(stage)
    (page,) = (await stage.person(org_provider=role).load("permission_requests_by_provider", [PROVIDER])).rows
    assert (page is not None) == ("DECIDE_PERMISSIONS" in GRANTS[role])


async def test_what_else_the_applicant_has_with_this_provider(stage: Stage) -> None:
    made = await many(stage, 3)
    await stage.hear(application(application_id="app_other", of="org_other", client_id="cli_other"))
    other = stage.person(org_other="OWNER")
    foreign = {"application_id": "app_other", "product_id": "prd_0", "purpose": "x", "legal_basis": "y"}
    alone = (await other.do("request_permission", **foreign)).result["id"]
    lists = (await stage.person(org_provider="OWNER").load("permissions_beside", [made[0], alone])).rows
    assert [[each["id"] for each in listed] for listed in lists] == [[made[2], made[1]], []]
    for person in (stage.person(org_consumer="OWNER"), stage.person(org_provider="DEVELOPER")):
        assert (await person.load("permissions_beside", [made[0]])).rows == [None]


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


async def test_who_asks_costs_the_same_however_long_the_page_is(stage: Stage) -> None:
    made = await many(stage, 4)
    found = await repository.find(stage.service.store.reader(system("tests")), made)
    reader = Counting(stage.service.store.reader(system("tests")))
    sides = await access.sides_of(cast("Reader", reader), found.values())
    assert {each.applicant.application_name for each in sides.values()} == {"Name 1"}
    names = ["application_names", "data_exchanges", "organization_names", "organization_names", "test_organizations"]
    assert sorted(reader.asked) == names


async def test_what_was_refused_says_why_to_the_recipient(stage: Stage) -> None:
    row = await granted(stage, valid_to="2999-01-01T00:00:00+02:00")
    assert row["valid_to"] == "2998-12-31T22:00:00Z"
    await decided(stage, "revoke_permission", row["id"], reason="The law has changed.")
    (seen,) = (await stage.person(org_consumer="DEVELOPER").load("permissions_by_id", [row["id"]])).rows
    assert (seen["status"], seen["reason"], seen["is_in_force"]) == ("REVOKED", "The law has changed.", False)


async def test_the_agreements_with_the_applicant_are_for_those_who_conclude_them(stage: Stage) -> None:
    await stage.hear(*offer(), product(2, sensitivity="CONFIDENTIAL"))
    cast_ = Cast(stage)
    request = await cast_.filed()
    keys = [{"organization_id": CONSUMER, "provider_id": PROVIDER}, {"organization_id": "org_x", "provider_id": PROVIDER}]
    seen, others = (await cast_.provider.load("agreements_between", keys)).rows
    assert {each["id"] for each in seen} == {each["id"] for each in request["documents"]}
    assert others == []
    for person in (cast_.stranger, stage.anonymous, stage.person(org_provider="DEVELOPER")):
        assert (await person.load("agreements_between", keys)).rows == [None, None]
    broken = await cast_.provider.load("agreements_between", ["x"])
    assert (broken.status, broken.code) == (422, "INPUT_NOT_USABLE")
