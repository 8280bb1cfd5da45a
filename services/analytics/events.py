"""What analytics announces."""

from datetime import datetime

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="analytics", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class UsageRecorded(Event, service="analytics", version=1):
    """Calls have been counted; the usage of these organizations, applications and products is another one now.

    Every call that ended at or before ``watermark`` has been counted; null while that is not known of every data plane.
    """

    watermark: datetime | None
    organization_ids: tuple[str, ...]
    application_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
