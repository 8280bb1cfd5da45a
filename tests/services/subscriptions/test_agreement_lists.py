"""An organization's list of its agreements: of each side to those who act for it, and to the deciding staff."""

import pytest

from tests.passports import ROLES
from tests.services.stage import Person, Stage
from tests.services.subscriptions.announcements import CONSUMER, PROVIDER
from tests.services.subscriptions.concluding import Cast, offer
from tests.services.subscriptions.test_connection_rows import missing

LIST = "agreements_by_organization"


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer())
    return Cast(empty_stage)


async def ids(person: Person, organization_id: str) -> list[str] | None:
    (page,) = (await person.load(LIST, [organization_id])).rows
    return None if page is None else [each["id"] for each in page["nodes"]]


async def test_each_side_reads_its_own_and_nobody_else_any(cast: Cast) -> None:
    request = await cast.filed()
    newest_first = sorted((each["id"] for each in request["documents"]), reverse=True)
    for organization_id in (CONSUMER, PROVIDER):
        for role in ROLES:
            seen = await ids(cast.stage.member(organization_id, role), organization_id)
            assert seen == (newest_first if role in ("OWNER", "ADMINISTRATOR") else None), (organization_id, role)
        for person in (cast.administrator, cast.representative, cast.security):
            assert await ids(person, organization_id) == newest_first
        auditor = cast.stage.person("usr_3", platform_roles=("AUDITOR", "SUPPORT", "ANALYST"))
        for person in (cast.stranger, cast.stage.anonymous, auditor):
            assert await ids(person, organization_id) is None
    assert await ids(cast.recipient, PROVIDER) is None
    assert await ids(cast.provider, CONSUMER) is None
    (own, foreign, absent) = (await cast.stranger.load(LIST, ["org_stranger", CONSUMER, "org_never"])).rows
    assert (own["nodes"], foreign, absent) == ([], None, None)


async def test_it_is_read_by_status_and_page_by_page(cast: Cast) -> None:
    request = await cast.taken()
    first, *others = sorted(each["id"] for each in request["documents"])
    await cast.attach(first)
    (attached,) = (await cast.recipient.load(LIST, [CONSUMER], status="ATTACHED")).rows
    assert ([each["id"] for each in attached["nodes"]], attached["total"]) == ([first], 1)
    assert list(missing("Agreement", attached["nodes"][0], "agreement")) == []
    seen, after = [], None
    for _ in range(3):
        (page,) = (await cast.provider.load(LIST, [PROVIDER], status="REQUESTED", first=2, after=after)).rows
        seen += [each["id"] for each in page["nodes"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(others, reverse=True)
    assert (await cast.recipient.load(LIST, [CONSUMER], status="BURNT")).status == 422


async def test_who_is_both_sides_reads_each_once(cast: Cast) -> None:
    await cast.filed()
    both = cast.stage.person("usr_2", org_consumer="OWNER", org_provider="ADMINISTRATOR")
    pages = (await both.load(LIST, [CONSUMER, PROVIDER, CONSUMER])).rows
    assert [each["total"] for each in pages] == [4, 4, 4]
    member = cast.stage.person("usr_2", org_consumer="OBSERVER", org_provider="ADMINISTRATOR")
    assert [each and each["total"] for each in (await member.load(LIST, [CONSUMER, PROVIDER])).rows] == [None, 4]
