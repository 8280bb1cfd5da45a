"""What the audit trail learns of support: who did what, never what was written, nothing that an organization is not to see."""

from typing import Any

import orjson

from chassis.acts import Acts, Recorded
from services.notifications.support_audited import SUPPORT_AUDITED, SUPPORT_NOT_AUDITED
from services.notifications.support_part import INDEXES
from tests.services.notifications.support.cast import ASKERS, SUBSCRIPTION, Cast


class Done(Recorded, service="notifications", version=1):
    """What somebody did."""


async def acts(cast: Cast) -> list[dict[str, Any]]:
    rows = await cast.service.store.reader().collection("outbox").find({"key": Done.key}, sort=[("_id", 1)])
    return [orjson.loads(row["body"])["data"] for row in rows]


async def test_an_organizations_trail_tells_who_did_what_and_no_more(known_cast: Cast) -> None:
    cast = known_cast
    cast.service.store.record(Acts(Done, SUPPORT_AUDITED, SUPPORT_NOT_AUDITED))
    key = (await cast.opened(about=SUBSCRIPTION, subject="Hush wombat", text="Secret wombat"))["id"]
    await cast.reply(cast.staff, key, "Answer wombat")
    await cast.staff.do("note_support_request", request_id=key, text="Note wombat")
    private = (await cast.opened(private=True))["id"]
    await cast.reply(cast.asker, private)
    told = await acts(cast)
    assert "wombat" not in str([each["changes"] for each in told])
    assert [(each["verb"], each["organization_ids"]) for each in told] == [
        ("open_support_request", [ASKERS]),
        ("reply_support_request", [ASKERS]),
        ("note_support_request", []),
        ("open_support_request", []),
        ("reply_support_request", []),
    ]
    seen = [change for each in told for change in each["changes"] if ASKERS in change["organization_ids"]]
    assert {change["id"] for change in seen} == {key}


def test_every_collection_of_support_is_audited_or_it_is_said_why_not() -> None:
    kept = {each.collection for each in INDEXES}
    assert kept == SUPPORT_AUDITED.keys() | SUPPORT_NOT_AUDITED.keys()
    assert not SUPPORT_AUDITED.keys() & SUPPORT_NOT_AUDITED.keys()
