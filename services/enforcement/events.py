"""What enforcement announces: the calls that went through the data plane, in numbered batches, and acts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="enforcement", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class CallRecord(BaseModel):
    """One call that has ended. Ids are null where they are not known: without valid credentials, or where no path matched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """The call's id, unique: the ``x-request-id`` that the caller was told."""
    at: int
    """When the call ended, in milliseconds since 1970."""
    status: int
    """The status that the caller got; 499 when the caller went away before an answer."""
    rejection: str | None
    """The stable code when the platform answered instead of the API; null when the API answered."""
    application_id: str | None
    organization_id: str | None
    secret_id: str | None
    product_id: str | None
    version_id: str | None
    operation_id: str | None
    plan_id: str | None
    subscription_id: str | None
    bytes_in: int
    bytes_out: int
    duration_ms: float
    environment: Literal["PRODUCTION", "SANDBOX"] | None = None
    """What the call went to, or would have gone to: its version's upstream, or the sandbox; null where that is not known."""


class CallsRecorded(Event, service="enforcement", version=1):
    """Calls have ended; or none has, and it is known how far that holds (a batch without records).

    The batches of one ``source`` are numbered 1, 2, 3 … without gaps; a batch that is announced again carries the same id and the
    same bytes.
    """

    source: str
    """One proxy's log, over restarts of the proxy and of this service."""
    batch: int
    records: tuple[CallRecord, ...]
    records_total: int
    """Records of this source in batches 1 to this one."""
    calls_total: int
    """Calls of this source that have ended, by the proxy's own count: what ``records_total`` is to reach."""
    read_through: int | None
    """Every call that ended at or before this moment (milliseconds since 1970) is in batches 1 to this one."""
