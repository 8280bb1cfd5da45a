"""Taking a mail: it becomes an answer in a request, a new request, or something that the operator looks at. None is lost.

Whoever has a mail server that forwards to us knows from our answer what became of a mail: taken, to be tried again, or never.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.acts import Deed
from chassis.errors import Invalid, Refusal, Unavailable
from chassis.files import Upload, clean_name
from chassis.ids import new_id
from chassis.mongo import Store, Transaction
from chassis.principal import Principal, system
from services.notifications.attachments import actions as attachments
from services.notifications.attachments.domain import INTAKE, Attachment
from services.notifications.incoming import addresses, repository
from services.notifications.incoming.addresses import AddressBook
from services.notifications.incoming.domain import (
    MOST_UNASSIGNED_AN_HOUR,
    AutomaticMailNotTaken,
    Mail,
    NoSuchMailbox,
    Part,
    Target,
    TooManyUnassignedMails,
    left_out,
    target_of,
)
from services.notifications.incoming.reading import read_mail
from services.notifications.support import access, answers
from services.notifications.support import actions as support
from services.notifications.support import repository as requests
from services.notifications.support.actions import Written
from services.notifications.support.answers import Office, ReplyTo
from services.notifications.support.domain import (
    MOST_ATTACHMENTS,
    MOST_MESSAGES,
    MOST_OPEN,
    REQUEST_PREFIX,
    Category,
    Channel,
    Side,
    Status,
    SupportRequest,
    TooManyOpenSupportRequests,
)

_ITSELF = system("notifications.incoming")
_DEED = Deed("take_mail")
NOT_THEIRS = "This came to a reply address of this request, but not from its owner's e-mail address."
NOT_ANY_MORE = "This came from somebody who does not see this request any more."
NOT_PROVEN = "The mail server does not say that the sender's domain stands behind this mail."


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking mail takes. ``authority`` is the mail server whose Authentication-Results are believed; empty: nobody's."""

    store: Store
    office: Office
    book: AddressBook
    authority: str = ""

    def believes(self, mail: Mail) -> bool:
        """Say whether a mail is taken for its sender's: also where nobody is asked."""
        return not self.authority or mail.is_authentic(self.authority)


@dataclass(frozen=True, slots=True)
class _Arrived:
    mail: Mail
    key: str
    files: tuple[Attachment, ...]
    not_taken: tuple[str, ...]

    def fits(self, request: SupportRequest) -> bool:
        """Say whether a thread has room for it, and for the note of what was not taken."""
        return request.messages + (2 if self.not_taken else 1) <= MOST_MESSAGES

    @property
    def written(self) -> Written:
        return Written(self.mail.text, tuple(each.id for each in self.files), Channel.MAIL, self.mail.mail_id)


async def require_target(desk: Desk, address: str) -> Target:
    """Return what an address stands for. Raises ``NoSuchMailbox``."""
    target = target_of(address, desk.office.address)
    if target is None:
        raise NoSuchMailbox
    if target.token is not None and await answers.find_reply_to(desk.store.reader(), target.token) is None:
        raise NoSuchMailbox
    return target


async def take_mail(desk: Desk, address: str, envelope_sender: str | None, content: bytes) -> None:
    """Take a mail, once however often it comes.

    Raises ``NoSuchMailbox``, ``MailNotReadable``, ``AutomaticMailNotTaken``, ``TooManyUnassignedMails`` or
    ``TooManyOpenSupportRequests``.
    """
    target = await require_target(desk, address)
    mail = read_mail(content, envelope_sender)
    if mail.is_automatic and target.token is None:
        raise AutomaticMailNotTaken
    marks = "\n".join((address.lower(), desk.book.fingerprint(mail.sender), mail.mail_id))
    key = hashlib.sha256(marks.encode("utf-8", "surrogatepass")).hexdigest()
    if await repository.is_taken(desk.store.reader(), key):
        return
    principal = await _who_writes(desk, target, mail)
    arrived = _Arrived(mail, key, *await _keep_parts(desk.store, mail.parts))
    try:
        await desk.store.transact(principal, lambda tx: _take(tx, desk, target, arrived), deed=_DEED)
    except Refusal as refusal:
        if not isinstance(refusal, Unavailable):  # then nobody knows whether it was committed, and the files wait
            await attachments.discard(desk.store, arrived.files)
        raise


async def _who_writes(desk: Desk, target: Target, mail: Mail) -> Principal:
    """Return the one who acts: the user whose address it is, or the platform itself. Rights are looked up, not carried."""
    reader, fingerprint = desk.store.reader(), desk.book.fingerprint(mail.sender)
    if mail.is_automatic or not desk.believes(mail):
        return _ITSELF
    if target.token is None:
        user_id = await addresses.find_user(reader, fingerprint)
        return _ITSELF if user_id is None else Principal(user_id)
    reply_to = await answers.find_reply_to(reader, target.token)
    is_theirs = reply_to is not None and await addresses.is_of(reader, reply_to.user_id, fingerprint)
    return Principal(reply_to.user_id) if reply_to is not None and is_theirs else _ITSELF


async def _take(tx: Transaction, desk: Desk, target: Target, arrived: _Arrived) -> None:
    if not await repository.mark(tx, arrived.key):
        return
    if target.token is None:
        request = await _open(tx, desk, arrived)
    else:
        reply_to = await answers.find_reply_to(tx, target.token)
        request = await _answer(tx, desk, reply_to, arrived)
    if arrived.not_taken:
        await support.note(tx, request, Written(left_out(arrived.not_taken)), by=None)


async def _open(tx: Transaction, desk: Desk, arrived: _Arrived) -> SupportRequest:
    user_id = tx.principal.require_signed_in()
    if user_id == _ITSELF.id:
        return await _put_to_operator(tx, arrived, why=None if desk.believes(arrived.mail) else NOT_PROVEN)
    if await requests.has_ended(tx, user_id):
        return await _put_to_operator(tx, arrived)
    return await _begin(tx, desk, _request_of(tx, user_id, arrived.mail), arrived)


async def _answer(tx: Transaction, desk: Desk, reply_to: ReplyTo | None, arrived: _Arrived) -> SupportRequest:
    found = {} if reply_to is None else await requests.find(tx, [reply_to.request_id])
    request = None if reply_to is None else found.get(reply_to.request_id)
    if reply_to is None or request is None:
        return await _put_to_operator(tx, arrived)
    if arrived.mail.is_automatic and arrived.fits(request):
        return await support.note(tx, request, arrived.written, by=None)
    if tx.principal.id != reply_to.user_id:
        return await _put_to_operator(tx, arrived, request, why=NOT_THEIRS if desk.believes(arrived.mail) else NOT_PROVEN)
    if not await access.still_asks(tx, request, reply_to.user_id):
        return await _put_to_operator(tx, arrived, request, why=NOT_ANY_MORE)
    if not (request.is_alive(tx.now) and arrived.fits(request)):
        again = replace(
            _request_of(tx, reply_to.user_id, arrived.mail),
            organization_id=request.organization_id,
            is_private=request.is_private,
            topic=request.topic,
            category=request.category,
            follows=request.id,
        )
        return await _begin(tx, desk, again, arrived)
    return await support.write(tx, request, Side.USER, written=arrived.written, office=desk.office)


async def _begin(tx: Transaction, desk: Desk, request: SupportRequest, arrived: _Arrived) -> SupportRequest:
    assert request.opened_by is not None
    for who in (request.opened_by, request.organization_id):
        if who is not None:
            await requests.hold(tx, who)
    if await requests.count_open(tx, request.opened_by) >= MOST_OPEN:
        raise TooManyOpenSupportRequests
    begun = await support.begin(tx, request, arrived.written)
    await answers.mail_received(tx, desk.office, begun)
    return begun


async def _put_to_operator(
    tx: Transaction, arrived: _Arrived, meant: SupportRequest | None = None, *, why: str | None = None
) -> SupportRequest:
    """Keep a mail as a request of nobody, which the operator's staff alone sees, with the request that it was meant for."""
    if await repository.count_unassigned(tx) >= MOST_UNASSIGNED_AN_HOUR:
        raise TooManyUnassignedMails
    nobodys = replace(
        _request_of(tx, None, arrived.mail), mail_from=arrived.mail.sender, follows=meant.id if meant is not None else None
    )
    begun = await support.begin(tx, nobodys, arrived.written)
    return begun if why is None else await support.note(tx, begun, Written(why), by=None)


def _request_of(tx: Transaction, user_id: str | None, mail: Mail) -> SupportRequest:
    return SupportRequest(
        id=new_id(REQUEST_PREFIX),
        subject=mail.subject,
        category=Category.OTHER,
        opened_at=tx.now,
        opened_by=user_id,
        organization_id=None,
        status=Status.OPEN,
        held_since=tx.now,
    )


async def _keep_parts(store: Store, parts: Sequence[Part]) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """Keep the files of a mail that can be taken; return them, and the names of the others."""
    uploads: list[Upload] = []
    not_taken: list[str] = []
    for part in parts:
        name = clean_name(part.name)
        if len(uploads) >= MOST_ATTACHMENTS:
            not_taken.append(name)
            continue
        try:
            uploads.append(INTAKE.read(name, part.content))
        except Invalid:
            not_taken.append(name)
    if not uploads:
        return (), tuple(not_taken)
    coming = await store.transact(_ITSELF, lambda tx: attachments.announce_mailed(tx, uploads))
    for file, upload in zip(coming, uploads, strict=True):
        await attachments.put_contents(store.reader(), file, upload)
        await attachments.keep_or_forget(store, _ITSELF, file)
    return tuple(coming), tuple(not_taken)
