"""Whoever manages webhooks is told when one is disabled by itself, and not when somebody has disabled it."""

from services.notifications.notices.domain import News
from services.notifications.notices.table import tellings_of


def test_it_is_told_of_what_nobody_did() -> None:
    told = {}
    for because in ("GONE", "FAILING", "BY_HAND"):
        news = News("notifications.webhook_disabled.v1", {"because": because, "organization_id": "org_own"}, None)
        told[because] = [(each.kind, each.to[0].action) for each in tellings_of(news)]
    expected = [("webhook_disabled", "MANAGE_WEBHOOKS")]
    assert told == {"GONE": expected, "FAILING": expected, "BY_HAND": []}
