"""What enforcement announces: the calls that went through the data plane, in numbered batches, and acts."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="enforcement", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class Changed(BaseModel):
    """What has changed: a thing of another service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """application, organization, secret, client_key, certificate, token, product, version, plan, subscription or permission; or

    life: where a version stands in its life.
    """
    id: str


class ChangeApplied(Event, service="enforcement", version=1):
    """A change is in force: every instance of the check that can let calls through has applied it."""

    changed: Changed
    sequence: int
    """The sequence of the announcement that told of the change, or of a later one of the same thing."""
    epoch: int
    """The changes that were numbered together have the same epoch; a later change has the same or a higher one."""
    applied_at: datetime
    """When the last instance had acknowledged it."""
    worst_lag_ms: int
    """How long after the announcement's time the last of the instances had applied it, by their own clocks."""
    instances: int
    """How many instances have acknowledged it."""


class QuotaThresholdReached(Event, service="enforcement", version=1):
    """Half, four fifths or all of the calls are used that a plan or a permission allows in a period; each once a period."""

    subscription_id: str
    application_id: str
    organization_id: str
    product_id: str
    plan_id: str
    threshold: Literal[50, 80, 100]
    """Percent."""
    used: int
    limit: int
    period: Literal["DAY", "MONTH"]
    time_zone: str
    resets_at: datetime
    permission_id: str | None = None
    """The permission whose quota it is; null where it is that of the subscription's plan."""


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
