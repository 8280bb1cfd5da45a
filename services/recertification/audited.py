"""Which of the things of recertification are audited, and what of them is shown: one table. What people write stays a digest."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited, audited
from services.recertification.events import ActRecorded

AUDITED: Mapping[str, Audited] = {
    "campaigns": audited(
        "campaign",
        organizations="starter_id",
        shown="side starter_id kinds which days organization_ids product_ids started_by started_at due_at reminder_days status"
        " ended_at ended_by",
        digested="title reason end_reason",
        ignored="uses_known_since taken_after is_taking is_told reminded next_reminder_at is_settling touched reports_planned",
    ),
    "items": audited(
        "campaign_item",
        shown="campaign_id organization_id kind key status is_settled decided_by decided_at is_late not_confirmed_at",
        digested="reason names",
        ignored="thing taken_at is_unsettled",
    ),
}
_COPY = "it is a copy of what others have announced"
_REPORT = "a report is the consequence of a campaign, and announced with its digest"
NOT_AUDITED: Mapping[str, str] = {
    "applications": _COPY,
    "ended_organizations": _COPY,
    "organization_names": _COPY,
    "owners": _COPY,
    "products": _COPY,
    "report_contents.chunks": _REPORT,
    "report_contents.files": _REPORT,
    "reports": _REPORT,
    "shares": "it is counted from the items, and says what an organization was told",
    "things": _COPY,
    "uses": "uses are counted, and nobody's decision",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
