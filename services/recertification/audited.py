"""Which of the things of recertification are audited, and what of them is shown: one table."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.recertification.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
NOT_AUDITED: Mapping[str, str] = {}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
