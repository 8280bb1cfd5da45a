"""Which of the things of subscriptions are audited, and what of them is shown: one table. What people write stays a digest."""

from collections.abc import Mapping

from chassis.acts import NAMED, Acts, Audited, audited
from services.subscriptions.events import ActRecorded

_SIDES = "organization_id provider_id"
AUDITED: Mapping[str, Audited] = {
    "subscriptions": audited(
        "subscription",
        organizations=_SIDES,
        shown="application_id organization_id product_id plan_id provider_id status is_live created_at plan_change",
        digested="reason holds",
        ignored="changed_at history touched plan_change_is_due plan_change_due_at",
    ),
    "permissions": audited(
        "permission",
        organizations=_SIDES,
        shown="application_id organization_id product_id provider_id status is_live asked granted created_at",
        digested="purpose legal_basis reason",
        ignored="changed_at begins_at ends_at history",
    ),
    "connection_requests": audited(
        "connection_request",
        organizations="organization_id provider_id?is_filed",
        shown="organization_id product_id provider_id form.application_ids form.data_categories status created_at filed_by kinds"
        " filed_at round representative_id substitutes",
        digested="form",
        ignored="held_since acts filed_form is_open is_filed held_ms",
    ),
    "agreements": audited(
        "agreement",
        organizations=_SIDES,
        shown="kind organization_id provider_id product_id request_id status created_at files valid_from valid_to renews",
        digested="files.name",
        ignored="changes told cover is_under_way next_at is_timed",
    ),
    "approval_steps": audited(
        "approval_step",
        organizations=_SIDES,
        shown="request_id organization_id provider_id product_id party stage due_days status opened_at due_at substitutes",
        digested="title decisions",
        ignored="told next_at is_timed",
    ),
    "required_documents": audited("required_documents", organizations=NAMED, shown="kinds changed_by", ignored="changed_at"),
    "approval_chains": audited("approval_chain", organizations=NAMED, shown="steps changed_by", ignored="changed_at"),
}
_COPY = "it is a copy of what others have announced"
_HELD = "it is touched so that two changes do not pass unaware of each other"
NOT_AUDITED: Mapping[str, str] = {
    "agreement_standings": _HELD,
    "application_names": _COPY,
    "applications": _COPY,
    "asking_organizations": _HELD,
    "call_sources": _COPY,
    "connected_products": "it follows from a connection request that was completed, which is told",
    "data_exchanges": _COPY,
    "ended_organizations": _COPY,
    "file_findings": _COPY,
    "kept_files": _COPY,
    "members": _COPY,
    "onboarding_requests": _COPY,
    "plans": _COPY,
    "platform_roles": _COPY,
    "products": _COPY,
    "published_versions": _COPY,
    "recertified_items": _COPY,
    "reconsiderations": "what is still to be done because of something that is told",
    "test_organizations": _COPY,
    "unconfirmed_things": "it is derived from what others have announced; the holds that follow are told of the subscriptions",
    "used_calls": "calls are counted, and nobody's decision",
    "used_files": "which file an agreement has is told of the agreement",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
