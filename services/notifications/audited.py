"""Which of the things of notifications are audited, and what of them is shown: one table. People are shown as ids alone."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited, audited
from services.notifications.events import ActRecorded
from services.notifications.support_audited import SUPPORT_AUDITED, SUPPORT_NOT_AUDITED

AUDITED: Mapping[str, Audited] = {
    "notice_preferences": audited("notice_preference", organizations="", acted_by="_id", shown="choices", ignored="changed_at"),
    "webhooks": audited(
        "webhook",
        shown="organization_id event_types created_at disabled_because disabled_at",
        digested="url description",  # an address may hold a secret of its receiver's
        hidden="secrets",
        ignored="slot",
    ),
    **SUPPORT_AUDITED,
}
_COPY = "a copy of what others announce"
NOT_AUDITED: Mapping[str, str] = {
    "heard_applications": _COPY,
    "heard_members": _COPY,
    "heard_organizations": _COPY,
    "heard_people": _COPY,
    "heard_products": _COPY,
    "heard_representatives": _COPY,
    "heard_roles": _COPY,
    "heard_suspensions": _COPY,
    "mails": "a letter is the consequence of an act, and sealed",
    "webhook_deliveries": "a delivery is the consequence of an act, and has a log of its own",
    "webhook_lanes": "how sending goes is no act",
    "notices": "a notice is the consequence of an act, and its reader's own",
    **SUPPORT_NOT_AUDITED,
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
