"""Which of the things of notifications are audited, and what of them is shown: one table."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.notifications.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
NOT_AUDITED: Mapping[str, str] = {}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
