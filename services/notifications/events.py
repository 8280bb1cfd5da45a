"""What notifications announces. Ids only: never what was said to whom in words, and never an address."""

from pydantic import BaseModel, ConfigDict

from chassis.messages import Event


class NoticeOf(BaseModel):
    """One notice and whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notice_id: str
    user_id: str


class NoticeSent(Event, service="notifications", version=1):
    """People were told of something: each has a notice. ``kind`` says of what, ``about`` is the id of the thing.

    One announcement for all whom one organization's side of it concerns (``organization_id``; None for the operator's staff and
    for who was named), so the organization may hear of it.
    """

    kind: str
    organization_id: str | None
    about: str | None
    notices: tuple[NoticeOf, ...]
