"""Which of audit's own things are audited: none, since the trail is not told of itself. The routes record who reads it."""

from collections.abc import Mapping

from chassis.acts import Acts, Audited
from services.audit.events import ActRecorded

AUDITED: Mapping[str, Audited] = {}
NOT_AUDITED: Mapping[str, str] = {"entries": "they are the audit trail itself"}
ACTS = Acts(ActRecorded, AUDITED, NOT_AUDITED)
