"""What audit does when others announce something."""

from chassis.errors import Invalid
from chassis.inbox import On
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.audit.holdings import actions as holdings
from services.audit.holdings.announcements import READERS


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here, or holds something else in it."""


async def note_holding(tx: Transaction, heard: Heard) -> None:
    """Remember from when until when somebody held something."""
    try:
        changes = list(READERS[heard.key](heard))
    except (KeyError, ValueError, TypeError) as wrong:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {wrong!r}.") from wrong
    await holdings.note(tx, changes)


REACTIONS = (On(note_holding, *READERS),)
