"""Posting a mail, and working off those that wait."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import orjson

from chassis.ids import new_id
from chassis.mongo import Store, Transaction
from chassis.smtp import Undelivered
from chassis.telemetry import log
from services.identity.inputs import DEFAULT_LANGUAGE, address_key
from services.identity.keys import Seal, SharedSeal
from services.identity.mail import repository
from services.identity.mail.domain import Letter, is_hopeless, pause_after
from services.identity.mail.letters import write_letter
from services.identity.mint import fingerprint

_HOLD = timedelta(seconds=60)
_BATCH = 20


@dataclass(frozen=True, slots=True)
class AddressBook:
    """What announcing how a user is reached takes: the seal for notifications, and whom the setting names as administrators."""

    seal: SharedSeal
    operator_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PostOffice:
    """What composing and posting a letter takes; ``has_mail`` wakes the one who sends."""

    portal_url: str
    seal: Seal
    book: AddressBook
    has_mail: asyncio.Event = field(default_factory=asyncio.Event)


Send = Callable[[str, Letter], Awaitable[None]]
_log = log("identity.mail")


async def post(
    tx: Transaction, office: PostOffice, kind: str, to: str, *, language: str = DEFAULT_LANGUAGE, **values: object
) -> None:
    """Put a letter among the mails that wait, with the transaction; it holds tokens, so it waits sealed.

    ``values`` are what the letter's text names, beside ``portal_url``.
    """
    letter = write_letter(kind, to, language=language, portal_url=office.portal_url, **values)
    sealed = office.seal.close(orjson.dumps([letter.to, letter.subject, letter.text]).decode())
    await repository.put(tx, new_id("mai"), sealed, fingerprint(address_key(to)))
    tx.after_commit(office.has_mail.set)


async def withdraw(tx: Transaction, to: str) -> None:
    """Take back the mails that wait to be sent to an address."""
    await repository.withdraw(tx, fingerprint(address_key(to)))


async def send_due(store: Store, office: PostOffice, send: Send) -> tuple[int, int]:
    """Send what is due and return how many mails were sent and how many have to wait."""
    sent = waiting = 0
    for mail in await repository.claim_due(store.reader(), _HOLD, _BATCH):
        try:
            await _hand_in(mail, office, send)
        except Undelivered as failure:
            now = store.clock.now()
            if is_hopeless(failure.reply_code, mail.created_at, now):
                await repository.finish(store.reader(), mail.id, "GIVEN_UP")
            else:
                await repository.postpone(store.reader(), mail.id, now + pause_after(mail.attempts))
                waiting += 1
        else:
            await repository.finish(store.reader(), mail.id, "SENT")
            sent += 1
    return sent, waiting


async def _hand_in(mail: repository.Waiting, office: PostOffice, send: Send) -> None:
    """Open a letter and send it; whatever is wrong with the one letter is not the others' fault. Raises ``Undelivered``."""
    try:
        await send(mail.id, Letter(*orjson.loads(office.seal.open(mail.sealed))))
    except Undelivered:
        raise
    except Exception as failure:
        _log.exception("a mail cannot be sent as it is", mail_id=mail.id)
        raise Undelivered(type(failure).__name__) from failure
