"""Posting mails, and working off those that wait."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

import orjson

from chassis.ids import new_id
from chassis.mongo import Reader, Store, Transaction
from chassis.principal import system
from chassis.smtp import Undelivered
from chassis.telemetry import log
from services.notifications.known import repository as known
from services.notifications.mail import repository
from services.notifications.mail.domain import Letter, To, is_for_good, is_hopeless, pause_after
from services.notifications.mail.repository import ToKeep, Waiting
from services.notifications.sealing import Seal

_HOLD = timedelta(seconds=60)
SEND_SECONDS = 45.0
"""How long one try may take: less than a mail is held for, so that no two take the same one."""
_log = log("notifications.mail")


@dataclass(frozen=True, slots=True)
class PostOffice:
    """What posting a letter takes: the portal's address, the seals, whose domain makes Message-IDs, and who is to wake."""

    portal_url: str
    own_seal: Seal
    shared_seal: Seal
    domain: str
    has_mail: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail that is to be handed in now: where to, what, and under which Message-ID."""

    address: str
    letter: Letter
    message_id: str


Send = Callable[[Outgoing], Awaitable[None]]


async def post(tx: Transaction, office: PostOffice, to: To, letter: Letter) -> str:
    """Put a letter among the mails that wait, with the transaction; return the mail's id.

    A user is written to at the address that they have when it is sent, and not at all once they are erased.
    """
    return (await post_all(tx, office, [(to, letter)]))[0]


async def post_all(tx: Transaction, office: PostOffice, letters: Sequence[tuple[To, Letter]]) -> list[str]:
    """Put letters among the mails that wait, like ``post``; return the mails' ids in this order."""
    kept = [_sealed(office, to, letter) for to, letter in letters]
    if kept:
        await repository.put(tx, kept)
        tx.after_commit(office.has_mail.set)
    return [each.id for each in kept]


def _sealed(office: PostOffice, to: To, letter: Letter) -> ToKeep:
    mail_id = new_id("mai")
    content = orjson.dumps({"address": to.address, "letter": asdict(letter)}).decode()
    return ToKeep(mail_id, office.own_seal.close(content, mail_id), to.user_id)


async def withdraw(tx: Transaction, user_id: str) -> None:
    """Forget the mails of somebody who is erased."""
    await repository.withdraw(tx, user_id)


async def send_next(store: Store, office: PostOffice, send: Send) -> bool:
    """Send the mail that has been due for longest; say whether there was one. Raises ``Undelivered`` in an outage.

    In an outage the mail is given back as it was: it is the first one when the mail server answers again.
    """
    mail = await repository.claim(store.reader(), _HOLD)
    if mail is None:
        return False
    try:
        outgoing = await _open(store.reader(), office, mail)
        if outgoing is None:
            await repository.finish(store.reader(), mail.id, "WITHDRAWN")
            return True
        async with asyncio.timeout(SEND_SECONDS):
            await send(outgoing)
    except Undelivered as failure:
        await _undelivered(store, mail, failure)
        if failure.is_outage:
            raise
    except Exception as failure:  # noqa: BLE001 - whatever is wrong with one letter is not the others' fault
        _log.warning("a mail could not be handed in", mail_id=mail.id, reason=type(failure).__name__)
        await _undelivered(store, mail, Undelivered(type(failure).__name__))
    else:
        await repository.finish(store.reader(), mail.id, "SENT")
    return True


async def _open(reader: Reader, office: PostOffice, mail: Waiting) -> Outgoing | None:
    """Return a mail as it is to be handed in, or None where whoever it was for is erased."""
    content = orjson.loads(office.own_seal.open(mail.sealed, mail.id))
    told = content["letter"]
    letter = Letter(**{**told, "references": tuple(told["references"])})
    address = content["address"]
    if mail.user_id is not None:
        people = await known.find_people(reader, [mail.user_id])
        if mail.user_id not in people:
            raise Undelivered("it was not announced yet how the user is reached")
        person = people[mail.user_id]
        if person is None:
            return None
        address = office.shared_seal.open(person.sealed_address, person.id)
    return Outgoing(address, letter, letter.message_id or f"<{mail.id}@{office.domain}>")


async def _undelivered(store: Store, mail: Waiting, failure: Undelivered) -> None:
    reader = store.reader()
    if is_for_good(failure.reply_code):
        await repository.finish(reader, mail.id, "REFUSED", str(failure.reply_code))
        if failure.is_about_address and mail.user_id is not None:
            user_id = mail.user_id
            await store.transact(system("notifications.mail"), lambda tx: known.note_refused(tx, user_id))
    elif is_hopeless(mail.created_at, reader.now):
        await repository.finish(reader, mail.id, "GIVEN_UP", str(failure))
    else:
        pause = timedelta() if failure.is_outage else pause_after(mail.attempts)
        await repository.postpone(reader, mail.id, reader.now + pause)
