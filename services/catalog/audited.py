"""Which of the catalogue's things are audited, and what of them is shown: one table."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited, audited
from services.catalog.events import ActRecorded

AUDITED: Mapping[str, Audited] = {
    "provider_standings": audited("provider_standing", organizations="_id", shown="granted_at granted_by", ignored="held"),
    "products": audited(
        "product",
        shown="organization_id slug title summary tags sensitivity sensitivity_kinds prerequisites main_language translations"
        " category_ids when_unchecked created_at is_public is_callable plans apis",
        digested="apis.versions.ending.note",
        ignored="sort_title folded_tags apis.versions.history apis.versions.upstream_told held touched",
    ),
    "categories": audited("category", organizations="", shown="slug parent_id names"),
    "guidance": audited("guidance", shown="step product_id organization_id main_language texts", ignored="changed_at"),
    "acknowledgements": audited("acknowledgement", shown="version_id organization_id sunset_at acknowledged_at acknowledged_by"),
}
_COPY = "it is a copy of what others have announced"
_READ = "it is read from a version's document, which never changes; what becomes of the version is told of its product"
_FOUND = "it is what products are found by, derived from them"
NOT_AUDITED: Mapping[str, str] = {
    "agreements": _COPY,
    "answers": _READ,
    "application_names": _COPY,
    "comparisons": _READ,
    "documents": _READ,
    "ended_applications": _COPY,
    "ended_organizations": _COPY,
    "entries": _FOUND,
    "finding": _FOUND,
    "operations": _READ,
    "organizations": _COPY,
    "originals": _READ,
    "subscriptions": _COPY,
    "tallies": "calls are counted, and nobody's decision",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
