"""Which of the things of enforcement are audited: nobody decides anything here but about dead letters, which are everywhere."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.enforcement.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
_COPY = "it is a copy of what others have announced"
_COUNTED = "calls are counted, and nobody's decision"
NOT_AUDITED: Mapping[str, str] = {
    "copies": _COPY,
    "epochs": "it says which copies were written together",
    "instances": "they say of themselves that they live",
    "refusals": "calls were refused, and nobody decided it but what was decided before",
    "quotas": _COUNTED,
    "allowances": _COUNTED,
    "snapshots": "they hold copies of what others have announced",
}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
