"""Which of the things of analytics are audited: nobody decides anything here but about dead letters, which are everywhere."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.analytics.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
_COPY = "it is a copy of what others have announced"
_COUNTED = "calls are counted, and nobody's decision"
NOT_AUDITED: Mapping[str, str] = {
    "applications": _COPY,
    "organizations": _COPY,
    "plans": _COPY,
    "products": _COPY,
    "versions": _COPY,
    "sources": "it says how far calls are counted",
    "days": _COUNTED,
    "hours": _COUNTED,
    "minutes": _COUNTED,
    "waiting_batches": _COUNTED,
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
