"""The inbox: each person's own, whole, in their language of the moment; and what of it is mailed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.mail_server import MovingClock
from tests.services.notifications.newsroom import Newsroom, Portal, Reader

UNKNOWN = "ntc_00000000000000000000000000"


@pytest.fixture
async def portal(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    """A portal of one's own: what is read there is read by nobody else."""
    clock = MovingClock()
    room = Newsroom(make_store("notifications", clock), tmp_path_factory.mktemp("inbox"), clock)
    await room.start()
    yield await Portal.open(room)
    await room.close()


async def told(portal: Portal, times: int = 1, **more: Any) -> Reader:
    """Tell the recipient so often that it was granted a permission; return its Owner."""
    for _ in range(times):
        await portal.room.hear(portal.news("permission_granted", **more))
    return portal.recipient["OWNER"]


async def test_a_notice_says_what_happened_in_the_readers_language_of_the_moment(portal: Portal) -> None:
    owner = await told(portal)
    [notice] = await owner.notices()
    assert {name: notice[name] for name in ("kind", "topic", "title", "link", "organization_id", "about", "read_at")} == {
        "kind": "PERMISSION_GRANTED",
        "topic": "PERMISSIONS",
        "title": "Permission is granted: “Zoo of Rīga”",
        "link": "http://portal.example/permissions/prm_1",
        "organization_id": "org_recipient",
        "about": "prm_1",
        "read_at": None,
    }
    assert notice["text"] == "The provider “Register” permits the application “Finder” to call the product “Zoo of Rīga”."
    await portal.room.hear(portal.room.reachable(owner.user_id, owner.email, language="ru"))
    [notice] = await owner.notices()
    assert notice["text"] == "Поставщик данных «Register» разрешает приложению «Finder» вызывать продукт «Zoo of Rīga»."


async def test_the_newest_comes_first_page_by_page_and_what_was_read_is_marked(portal: Portal) -> None:
    owner = await told(portal, 5)
    page = await owner.inbox(first=2)
    second = await owner.inbox(first=2, after=page["next"])
    last = await owner.inbox(first=2, after=second["next"])
    ids = [each["id"] for part in (page, second, last) for each in part["nodes"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(set(ids)), last["next"]) == (5, None)
    assert (await owner.person.load("unread_notices_of_viewer", ["me"])).rows == [5]
    assert (await owner.person.do("mark_read", notice_ids=ids[:2])).result == {"marked": 2, "unread": 3}
    assert (await owner.person.do("mark_read", notice_ids=ids[:1])).result == {"marked": 0, "unread": 3}
    assert [each["id"] for each in await owner.notices(unread_only=True)] == ids[2:]
    assert (await owner.person.do("mark_read", all=True)).result == {"marked": 3, "unread": 0}
    assert all(each["read_at"] for each in await owner.notices())


async def test_an_inbox_is_its_owners_alone(portal: Portal) -> None:
    owner = await told(portal)
    stranger, anonymous = portal.strangers[0], portal.room.stage.anonymous
    [notice] = await owner.notices()
    assert await stranger.notices() == []
    for person in (stranger.person, portal.recipient["OBSERVER"].person, anonymous):
        assert (await person.load("notices_by_id", [notice["id"], UNKNOWN])).rows == [None, None]
        said, absent = [await person.do("mark_read", notice_ids=[each]) for each in (notice["id"], UNKNOWN)]
        assert said.without_trace() == absent.without_trace()
        assert said.code == ("SIGN_IN_FIRST" if person is anonymous else "NO_SUCH_NOTICE")
    assert (await owner.person.do("mark_read", notice_ids=[notice["id"], UNKNOWN])).code == "NO_SUCH_NOTICE"
    assert (await owner.notices())[0]["read_at"] is None
    for name in ("inbox_of_viewer", "unread_notices_of_viewer", "notice_preferences_of_viewer"):
        assert (await anonymous.load(name, ["me"])).rows == [None]
    assert (await anonymous.do("mark_read", all=True)).code == "SIGN_IN_FIRST"
    assert (await anonymous.do("change_notice_preference", mail=False)).code == "SIGN_IN_FIRST"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "INVALID"),
        ({"all": True, "notice_ids": [UNKNOWN]}, "INVALID"),
        ({"notice_ids": []}, "INPUT_NOT_USABLE"),
        ({"notice_ids": ["x" * 100]}, "INPUT_NOT_USABLE"),
        ({"notice_ids": "x"}, "INPUT_NOT_USABLE"),
    ],
)
async def test_marking_names_notices_or_all(portal: Portal, given: dict[str, Any], code: str) -> None:
    said = await portal.strangers[0].person.do("mark_read", **given)
    assert (said.status, said.code) == (422, code)
    assert said.body["fields"]


async def test_the_inbox_keeps_what_is_not_mailed(portal: Portal) -> None:
    owner = portal.recipient["OWNER"]
    changed = (await owner.person.do("change_notice_preference", topic="PERMISSIONS", mail=False)).result
    [row] = [each for each in changed["preferences"] if each["topic"] == "PERMISSIONS"]
    assert row == {
        "topic": "PERMISSIONS",
        "organization_id": None,
        "mail": False,
        "is_chosen": True,
        "always_because": None,
    }
    assert set(await portal.tell(portal.news("permission_granted"))) == {"recipient ADMINISTRATOR", "recipient DEVELOPER"}
    assert len(await owner.notices()) == 1
    closer = {"topic": "PERMISSIONS", "organization_id": "org_recipient", "mail": True}
    assert (await owner.person.do("change_notice_preference", **closer)).status == 200
    assert "recipient OWNER" in await portal.tell(portal.news("permission_granted"))
    assert (await owner.person.do("change_notice_preference", **{**closer, "mail": None})).status == 200
    assert "recipient OWNER" not in await portal.tell(portal.news("permission_granted"))
    assert (await owner.person.do("change_notice_preference", topic="PERMISSIONS", mail=None)).status == 200
    assert (await owner.person.do("change_notice_preference", mail=False)).status == 200
    assert "recipient OWNER" not in await portal.tell(portal.news("subscription_suspended"))
    assert "recipient OWNER" in await portal.tell(portal.news("agreement_lapsed", kind="NDA"))
    assert len(await owner.notices()) == 5


async def test_what_is_legal_or_about_security_is_mailed_always_and_foreign_organizations_are_none(portal: Portal) -> None:
    owner = portal.recipient["OWNER"]
    for topic, why in (("AGREEMENTS", "LEGAL"), ("ONBOARDING", "LEGAL"), ("SECURITY", "SECURITY")):
        said = await owner.person.do("change_notice_preference", topic=topic, mail=False)
        assert (said.status, said.code) == (409, "MAILED_ALWAYS")
        [preferences] = (await owner.person.load("notice_preferences_of_viewer", ["me"])).rows
        [row] = [each for each in preferences["preferences"] if each["topic"] == topic]
        assert (row["mail"], row["always_because"]) == (True, why)
    answers = [
        (await owner.person.do("change_notice_preference", organization_id=each, mail=False)).without_trace()
        for each in ("org_provider", "org_unheard")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "NO_SUCH_MEMBERSHIP"


async def test_whoever_is_erased_is_forgotten_whatever_comes_late(portal: Portal) -> None:
    room, owner = portal.room, await told(portal)
    assert (await owner.person.do("change_notice_preference", mail=False)).status == 200
    before = room.reachable(owner.user_id, owner.email, name="Visvaldis")
    erased = room.announcement("identity.user_erased.v1", owner.user_id, {"user_id": owner.user_id})
    await room.hear(erased, before, erased)
    for collection, field in (
        ("notices", "user_id"),
        ("notice_preferences", "_id"),
        ("mails", "user_id"),
        ("heard_members", "user_id"),
    ):
        assert await room.kept(collection, {field: owner.user_id}) == 0, collection
    kept = await room.store.reader().collection("heard_people").find_one({"_id": owner.user_id})
    assert kept is not None
    assert (kept["name"], kept["sealed_address"], kept["is_erased"]) == (None, None, True)
    assert "recipient OWNER" not in await portal.tell(portal.news("permission_granted"))
    assert await owner.notices() == []


async def test_an_organization_that_is_gone_is_told_nothing_more(portal: Portal) -> None:
    gone = portal.room.announcement("identity.organization_deleted.v1", "org_recipient", {"organization_id": "org_recipient"})
    await portal.room.hear(gone)
    assert await portal.tell(portal.news("permission_granted")) == {}
    assert set(await portal.tell(portal.news("permission_requested"))) == {"provider OWNER", "provider ADMINISTRATOR"}
