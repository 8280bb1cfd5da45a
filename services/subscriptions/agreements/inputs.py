"""What the verbs of agreements take, as it is sent."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.subscriptions.agreements.domain import Kind, Status, Validity


class Input(BaseModel):
    """What a verb takes; a field that it does not know is refused rather than passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _read_moment(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("give a moment in the years 1 to 9999, by UTC") from error
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Moment = Annotated[AwareDatetime, AfterValidator(_read_moment)]


class SetRequiredDocuments(Input):
    """Which documents a connection to a product takes."""

    product_id: Id
    kinds: Annotated[tuple[Kind, ...], Field(max_length=len(Kind))]


class Between(Input):
    """Between which recipient and which provider."""

    organization_id: Id
    provider_id: Id


class ListArguments(Input):
    """Which page of a list, and of which status only."""

    status: Status | None = None
    first: int | None = None
    after: str | None = None


class OfAgreement(Input):
    """Which agreement."""

    agreement_id: Id


class WithFile(Input):
    """Which uploaded file goes with which agreement."""

    agreement_id: Id
    file_id: Id


class ReturnAgreement(Input):
    """Which agreement goes back, and why."""

    agreement_id: Id
    reason: Reason


class ConfirmAgreement(Input):
    """Which agreement holds, from when until when, and why in spite of its signatures."""

    agreement_id: Id
    valid_from: Moment
    valid_to: Moment | None = None
    despite_finding: Reason | None = None

    def to_validity(self) -> Validity:
        """Return from when until when it shall hold."""
        return Validity(self.valid_from, self.valid_to)
