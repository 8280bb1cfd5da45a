"""Who is told of a support request: in the inbox, and by a letter where no other one tells them."""

from typing import Any

import orjson

from chassis.bus import Message
from tests.services.notifications.support.cast import PRODUCT, PROVIDER, Cast, member, organization
from tests.services.stage import envelope


async def tell(cast: Cast) -> None:
    """Let what support has announced reach the inboxes."""
    rows = await cast.service.store.reader().collection("outbox").find({"key": {"$regex": "support_"}}, sort=[("_id", 1)])
    for row in rows:
        await cast.stage.hear(Message(id=row["_id"], key=row["key"], body=row["body"]))


async def told(cast: Cast, user_id: str) -> list[tuple[str, Any]]:
    rows = await cast.service.store.reader().collection("notices").find({"user_id": user_id}, sort=[("_id", 1)])
    return [(row["kind"], row["about"]) for row in rows]


async def with_provider(cast: Cast) -> None:
    roles = {"actions_by_role": {"ADMINISTRATOR": ["DECIDE_PERMISSIONS"], "DEVELOPER": []}}
    joined = {"organization_id": PROVIDER, "user_id": "usr_provider", "role": "ADMINISTRATOR"}
    await cast.stage.hear(
        envelope("identity.roles_described.v1", "roles", 1, roles),
        organization(PROVIDER, "Providers"),
        envelope("identity.member_joined.v1", PROVIDER, 2, joined),
        member("usr_watcher", of=PROVIDER, sequence=3),
        cast.reachable("usr_watcher"),
    )


async def test_everybody_hears_of_what_waits_for_them_once(known_cast: Cast) -> None:
    cast = known_cast
    await with_provider(cast)
    key = (await cast.opened(about=PRODUCT))["id"]
    await cast.reply(cast.asker, key, "Hello?")
    await cast.staff.do("take_support_request", request_id=key)
    await cast.reply(cast.colleague, key, "Hello?")
    await cast.reply(cast.staff, key, "Here.")
    await cast.staff.do("involve_provider", request_id=key)
    await cast.reply(cast.asker, key, "And now?")
    await cast.reply(cast.provider, key, "Mended.")
    await cast.staff.do("solve_support_request", request_id=key)
    await tell(cast)
    await tell(cast)
    assert await told(cast, "usr_staff") == [(each, key) for each in ("support_opened", *["support_written"] * 3)]
    assert await told(cast, "usr_boss") == [(each, key) for each in ("support_opened", "support_written")]
    assert await told(cast, "usr_asker") == [(each, key) for each in ("support_answered", "support_answered", "support_closed")]
    assert await told(cast, "usr_provider") == [(each, key) for each in ("support_provider_involved", "support_written")]
    assert await told(cast, "usr_watcher") == []
    assert await told(cast, "usr_stranger") == []


async def test_an_answer_is_one_letter(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened())["id"]
    await cast.reply(cast.staff, key, "Here.")
    await tell(cast)
    await cast.post_all()
    assert len(cast.postbox.to("usr_asker")) == 1
    (letter,) = cast.postbox.to("usr_staff")
    assert "Calls fail" not in orjson.dumps(str(letter)).decode()


async def test_of_a_private_request_an_organization_is_told_nothing(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(private=True))["id"]
    await cast.reply(cast.staff, key, "Here.")
    await tell(cast)
    assert [kind for kind, _ in await told(cast, "usr_asker")] == ["support_answered"]
    assert await told(cast, "usr_colleague") == []
    for fact in await cast.stage.announced():
        assert "audience" not in fact, fact
