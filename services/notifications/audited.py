"""Which of the things of notifications are audited, and what of them is shown: one table."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited, audited
from services.notifications.events import ActRecorded

AUDITED: Mapping[str, Audited] = {
    "notice_preferences": audited("notice_preferences", organizations="", shown="choices", ignored="changed_at"),
}
_COPY = "it is a copy of what others have announced"
NOT_AUDITED: Mapping[str, str] = {
    "heard_applications": _COPY,
    "heard_members": _COPY,
    "heard_organizations": _COPY,
    "heard_people": _COPY,
    "heard_products": _COPY,
    "heard_representatives": _COPY,
    "heard_roles": _COPY,
    "mails": "a letter is the consequence of an act, and sealed",
    "notices": "a notice is the consequence of an act; whether it was read is its reader's business",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
