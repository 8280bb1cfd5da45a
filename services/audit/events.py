"""What audit announces."""

from chassis.acts import Recorded


class ActRecorded(Recorded, service="audit", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""
