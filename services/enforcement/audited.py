"""Which of the things of enforcement are audited: nobody decides anything here but about dead letters, which are everywhere."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.enforcement.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
_COPY = "it is a copy of what others have announced"
NOT_AUDITED: Mapping[str, str] = {
    "copies": _COPY,
    "refusals": "calls were refused, and nobody decided it but what was decided before",
    "quotas": "calls are counted, and nobody's decision",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
