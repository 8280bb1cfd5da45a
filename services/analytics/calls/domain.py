"""What the data plane reports: batches of calls that have ended."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.rollups.domain import EPOCH, Measured, Subject, environment_of
from services.analytics.sources.domain import Arrival

Milliseconds = Annotated[int, Field(ge=0, lt=int(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000))]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Record(BaseModel):
    """One call. Ids are null where they are not known; fields that nothing here needs are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: Milliseconds
    status: int
    rejection: str | None = None
    organization_id: str | None = None
    application_id: str | None = None
    secret_id: str | None = None
    product_id: str | None = None
    version_id: str | None = None
    operation_id: str | None = None
    plan_id: str | None = None
    bytes_in: Count
    bytes_out: Count
    duration_ms: float
    environment: Literal["PRODUCTION", "SANDBOX"] | None = None

    def measured(self) -> Measured:
        """Return the call as the roll-ups see it."""
        subject = Subject(
            organization_id=self.organization_id,
            application_id=self.application_id,
            secret_id=self.secret_id,
            product_id=self.product_id,
            version_id=self.version_id,
            operation_id=self.operation_id,
            plan_id=self.plan_id,
            status=self.status,
            rejection=self.rejection,
            environment=environment_of(self.environment, self.version_id),
        )
        return Measured(_to_moment(self.at), subject, self.bytes_in, self.bytes_out, self.duration_ms)


class Batch(BaseModel):
    """Some calls of one source, or none (then it only says how far it has been read)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: Annotated[str, Field(min_length=1, max_length=200)]
    batch: Annotated[int, Field(ge=1)]
    records: tuple[Record, ...]
    calls_total: Count
    read_through: Milliseconds | None

    def arrival(self) -> Arrival:
        """Return what the batch says of its source."""
        read_through = None if self.read_through is None else _to_moment(self.read_through)
        return Arrival(self.batch, len(self.records), self.calls_total, read_through)

    def ids_of(self, name: str) -> tuple[str, ...]:
        """Return the different values of an id in the records."""
        return tuple(sorted({value for value in (getattr(each, name) for each in self.records) if value is not None}))


def _to_moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)
