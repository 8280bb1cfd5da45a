"""What can be done with support requests. Each verb touches nothing but its transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.notifications.attachments import actions as attachments
from services.notifications.known import repository as known
from services.notifications.support import access, answers, repository
from services.notifications.support.domain import (
    MESSAGE_PREFIX,
    MOST_OPEN,
    REOPENED_WITHIN,
    REQUEST_PREFIX,
    Category,
    Channel,
    Message,
    NoSuchStaff,
    Priority,
    PrivacyNeedsAnOrganization,
    Side,
    Status,
    SupportRequest,
    TooManyOpenSupportRequests,
)

_BATCH = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for."""

    subject: str
    text: str
    category: Category
    organization_id: str | None = None
    about: str | None = None
    is_private: bool = False
    attachment_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody writes: through the portal, or by a mail with this Message-ID."""

    text: str
    attachment_ids: tuple[str, ...] = ()
    channel: Channel = Channel.PORTAL
    mail_id: str | None = None


async def open_support_request(tx: Transaction, wanted: Wanted) -> SupportRequest:
    """Ask for help, within an organization or without one.

    Raises ``SignInFirst``, ``NotFound``, ``NotHeardOf``, ``PrivacyNeedsAnOrganization``, ``TooManyOpenSupportRequests`` or
    ``NoSuchAttachment``.
    """
    if wanted.is_private and wanted.organization_id is None:
        raise PrivacyNeedsAnOrganization
    user_id = await access.require_opening(tx, wanted.organization_id)
    if await repository.count_open(tx, user_id) >= MOST_OPEN:
        raise TooManyOpenSupportRequests
    topic = None if wanted.about is None else await access.topic_of(tx, wanted.about, wanted.organization_id)
    request = SupportRequest(
        id=new_id(REQUEST_PREFIX),
        subject=wanted.subject,
        category=wanted.category,
        opened_at=tx.now,
        opened_by=user_id,
        organization_id=wanted.organization_id,
        status=Status.OPEN,
        held_since=tx.now,
        is_private=wanted.is_private,
        topic=topic,
    )
    return await begin(tx, request, Written(wanted.text, wanted.attachment_ids))


async def begin(tx: Transaction, request: SupportRequest, written: Written) -> SupportRequest:
    """Keep a new request with its first message, and announce it (for those who have checked who asks)."""
    by_mail = written.channel is Channel.MAIL
    message = _message(tx, request, written, side=Side.USER, author_id=request.opened_by)
    begun = request.with_message(Side.USER, request.opened_by)
    await repository.add(tx, begun)
    await repository.add_message(tx, message)
    uploader = None if by_mail else request.opened_by
    await attachments.attach(tx, written.attachment_ids, request.id, user_id=uploader)
    await _announce(tx, begun, begun.opened())
    return begun


async def reply_support_request(tx: Transaction, request_id: str, written: Written, office: answers.Office) -> SupportRequest:
    """Write in a request: for those who ask, for the operator, or for the provider who is drawn in.

    Raises ``NotFound``, ``SupportRequestIsClosed``, ``ThreadFull``, ``NobodyToAnswer`` or ``NoSuchAttachment``.
    """
    request, side = await access.concerned(tx, request_id)
    return await write(tx, request, side, written=written, office=office)


async def write(
    tx: Transaction, request: SupportRequest, side: Side, *, written: Written, office: answers.Office
) -> SupportRequest:
    """Keep what the one who acts here wrote, announce it, and mail it to those who ask if it comes from another side."""
    author_id = tx.principal.require_signed_in()
    message = _message(tx, request, written, side=side, author_id=author_id)
    answered, fact = request.reply(message)
    await repository.keep(tx, answered)
    await repository.add_message(tx, message)
    uploader = None if written.channel is Channel.MAIL else author_id
    await attachments.attach(tx, written.attachment_ids, request.id, user_id=uploader)
    await _announce(tx, answered, fact)
    if side is not Side.USER:
        await answers.mail_answer(tx, office, answered, message)
    return answered


async def note_support_request(tx: Transaction, request_id: str, written: Written) -> SupportRequest:
    """Write down what the staff alone sees. Raises ``NotFound``, ``OnlyTheStaffDoes`` or ``ThreadFull``."""
    request = await access.request_of_staff(tx, request_id)
    return await note(tx, request, written, by=tx.principal.require_signed_in())


async def note(tx: Transaction, request: SupportRequest, written: Written, *, by: str | None) -> SupportRequest:
    """Keep what the staff alone sees (for those who have checked who writes); it moves nothing and is told to nobody."""
    message = _message(tx, request, written, side=Side.OPERATOR, author_id=by, is_note=True)
    noted = request.note()
    await repository.keep(tx, noted)
    await repository.add_message(tx, message)
    uploader = None if written.channel is Channel.MAIL else by
    await attachments.attach(tx, written.attachment_ids, request.id, user_id=uploader, is_internal=True)
    return noted


async def take_support_request(tx: Transaction, request_id: str) -> SupportRequest:
    """Take a request, also from a colleague. Raises ``NotFound``, ``OnlyTheStaffDoes`` or ``SupportRequestIsClosed``."""
    request = await access.request_of_staff(tx, request_id)
    return await _keep(tx, request.take(tx.principal.require_signed_in(), tx.now))


async def hand_over_support_request(tx: Transaction, request_id: str, user_id: str) -> SupportRequest:
    """Give a request into the hands of a colleague. Raises, beside what taking raises, ``NoSuchStaff`` after the bounded wait."""
    request = await access.request_of_staff(tx, request_id)
    person = (await known.find_people(tx, [user_id])).get(user_id)
    if person is None or not person.platform_roles & set(access.STAFF):
        raise NoSuchStaff
    return await _keep(tx, request.take(user_id, tx.now))


async def prioritize_support_request(tx: Transaction, request_id: str, priority: Priority) -> SupportRequest:
    """Say how urgent a request is. Raises ``NotFound`` or ``OnlyTheStaffDoes``."""
    return await _keep(tx, (await access.request_of_staff(tx, request_id)).rank(priority))


async def involve_provider(tx: Transaction, request_id: str) -> SupportRequest:
    """Draw in the provider of what a request is about: it reads the whole thread but the notes, and answers.

    Raises ``NotFound``, ``OnlyTheStaffDoes``, ``SupportRequestIsClosed``, ``NoProviderConcerned`` or ``ProviderInvolvedAlready``.
    """
    drawn_in, fact = (await access.request_of_staff(tx, request_id)).involve_provider(tx.now)
    await _announce(tx, await _keep(tx, drawn_in), fact)
    return drawn_in


async def solve_support_request(tx: Transaction, request_id: str) -> SupportRequest:
    """Say that a request is solved; writing in it within 14 days opens it again.

    Raises ``NotFound``, ``OnlyAskersClose``, ``SupportRequestIsClosed`` or ``SupportRequestSolvedAlready``.
    """
    request = await access.request_to_finish(tx, request_id)
    solved, fact = request.solve(tx.now)
    await _announce(tx, await _keep(tx, solved), fact)
    return solved


async def close_support_request(tx: Transaction, request_id: str) -> SupportRequest:
    """Close a request for good. Raises ``NotFound``, ``OnlyAskersClose`` or ``SupportRequestIsClosed``."""
    return await _close(tx, await access.request_to_finish(tx, request_id))


# ---- What time and others bring about


async def close_solved(tx: Transaction) -> int:
    """Close requests that were solved 14 days ago; return how many were due."""
    lapsed = await repository.find_lapsed(tx, tx.now - REOPENED_WITHIN, _BATCH)
    for request in lapsed:
        await _close(tx, request)
    return len(lapsed)


async def close_all_of_organization(tx: Transaction, organization_id: str) -> None:
    """Close what a deleted organization has asked; the staff can still read it."""
    await repository.end(tx, organization_id)
    for request in await repository.find_all(tx, {"organization_id": organization_id, "status": {"$ne": Status.CLOSED.value}}):
        await _close(tx, request)


async def release_requests_of(tx: Transaction, user_id: str) -> None:
    """Let what somebody held wait for another one of the staff."""
    for request in await repository.find_all(tx, {"holder_id": user_id, "is_open": True}):
        await repository.keep(tx, request.release())


async def erase_person(tx: Transaction, user_id: str) -> None:
    """Forget what only an erased person and the operator saw; what an organization sees stays, of nobody."""
    await repository.end(tx, user_id)
    await attachments.release_unattached(tx, user_id)
    theirs = {"opened_by": user_id, "$or": [{"organization_id": None}, {"is_private": True}]}
    for request in await repository.find_all(tx, theirs):
        await attachments.release_all(tx, request.id)
        await repository.forget(tx, request.id)
    await answers.forget_person(tx, user_id)
    await release_requests_of(tx, user_id)


async def _keep(tx: Transaction, request: SupportRequest) -> SupportRequest:
    await repository.keep(tx, request)
    return request


async def _close(tx: Transaction, request: SupportRequest) -> SupportRequest:
    closed, fact = request.close(tx.now)
    await _announce(tx, await _keep(tx, closed), fact)
    return closed


async def _announce(tx: Transaction, request: SupportRequest, fact: Event) -> None:
    audience: Sequence[str] = ()
    if not request.is_private:
        both = (request.organization_id, request.provider_id)
        audience = tuple(dict.fromkeys(each for each in both if each is not None))
    within = None if request.is_private else request.organization_id
    await tx.emit(fact, subject=request.id, organization=within, audience=audience)


def _message(
    tx: Transaction, request: SupportRequest, written: Written, *, side: Side, author_id: str | None, is_note: bool = False
) -> Message:
    return Message(
        id=new_id(MESSAGE_PREFIX),
        request_id=request.id,
        side=side,
        author_id=author_id,
        at=tx.now,
        text=written.text,
        attachment_ids=written.attachment_ids,
        is_note=is_note,
        channel=written.channel,
        mail_id=written.mail_id,
    )
