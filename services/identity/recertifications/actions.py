"""What is done with members and certificates that were confirmed, given up, or neither."""

from dataclasses import dataclass

from chassis.messages import Heard
from chassis.mongo import Transaction
from services.identity.certificates import actions as certificates
from services.identity.members import actions as members
from services.identity.recertifications import repository

MEMBER, CERTIFICATE = "MEMBER", "CERTIFICATE"
_GIVEN_UP = "It was given up in a recertification."


@dataclass(frozen=True, slots=True)
class About:
    """What was decided about: a member's ``subject_id`` is the user's id."""

    kind: str
    subject_id: str
    organization_id: str


async def note_outcome(tx: Transaction, heard: Heard, about: About, *, is_confirmed: bool) -> None:
    """Suspend what was not confirmed, or let it go on: as what was said last of it has it, however often and in which order."""
    if about.kind == MEMBER:
        thing = f"{MEMBER}:{about.organization_id}:{about.subject_id}"
        since = await repository.note(tx, heard, thing, user_id=about.subject_id, is_confirmed=is_confirmed)
        await members.suspend_or_resume(tx, about.organization_id, about.subject_id, since)
    elif about.kind == CERTIFICATE:
        thing = f"{CERTIFICATE}:{about.subject_id}"
        since = await repository.note(tx, heard, thing, user_id=None, is_confirmed=is_confirmed)
        await certificates.suspend_or_resume(tx, about.subject_id, since)


async def end_given_up(tx: Transaction, about: About) -> None:
    """End what its organization does not need any more."""
    if about.kind == MEMBER:
        await members.end_unneeded(tx, about.organization_id, about.subject_id)
    elif about.kind == CERTIFICATE:
        await certificates.revoke_unneeded(tx, about.subject_id, _GIVEN_UP)
