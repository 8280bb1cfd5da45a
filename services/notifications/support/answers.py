"""Answers on their way to those who asked: each goes to every one of them by mail, under an address that brings theirs back.

Such an address is unguessable and belongs to one person in one request. It says where an answer belongs; it does not prove who
wrote it: see ``incoming``.
"""

import secrets
from dataclasses import dataclass

from chassis.mongo import Index, Reader, Transaction
from services.notifications.attachments import access as attachments
from services.notifications.known import repository as known
from services.notifications.mail import actions as mail
from services.notifications.mail.actions import PostOffice
from services.notifications.mail.domain import Letter, To
from services.notifications.support import access, repository
from services.notifications.support.domain import Channel, Message, Side, SupportRequest
from services.notifications.support.words import DEFAULT_LANGUAGE, answer_in, received_in, words_in

REPLY_ADDRESSES = "support_reply_addresses"
INDEXES = (
    Index(REPLY_ADDRESSES, (("request_id", 1), ("user_id", 1)), unique=True),
    Index(REPLY_ADDRESSES, (("user_id", 1),)),
)
MOST_READERS = 20
_TOKEN_BYTES = 16
_MOST_REFERENCES = 10


@dataclass(frozen=True, slots=True)
class Office:
    """What mailing an answer takes. ``address`` is where people write for support; empty: no mail comes back."""

    post: PostOffice
    address: str = ""

    def reply_address(self, token: str) -> str | None:
        """Return the address that brings an answer back, where mail comes back at all."""
        local, mark, domain = self.address.rpartition("@")
        return f"{local}+{token}@{domain}" if mark else None

    def link_to(self, request: SupportRequest) -> str:
        """Return where a request is shown."""
        return f"{self.post.portal_url.rstrip('/')}/support/{request.id}"

    def root_of(self, request: SupportRequest) -> str:
        """Return the Message-ID under which all mails of a request hang together."""
        return f"<{request.id}@{self.post.domain}>"

    def mail_id_of(self, message_id: str, user_id: str) -> str:
        """Return the Message-ID under which somebody gets a message."""
        return f"<{message_id}.{user_id}@{self.post.domain}>"


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where a reply belongs: to which request, and whose address it was."""

    request_id: str
    user_id: str


async def mail_answer(tx: Transaction, office: Office, request: SupportRequest, message: Message) -> None:
    """Mail what was written to those who ask: to who opened it, and to those who have written in it and still belong there."""
    readers = [request.opened_by, *sorted(request.writers - {request.opened_by})]
    wanted = [each for each in readers if each is not None][:MOST_READERS]
    people = await known.find_people(tx, wanted)
    authors = await known.find_people(tx, [message.author_id] if message.author_id else [])
    author = authors.get(message.author_id or "")
    files = await attachments.find_all(tx, message.attachment_ids)
    for user_id in wanted:
        is_erased = user_id in people and people[user_id] is None
        if is_erased or not await access.still_asks(tx, request, user_id):
            continue
        person = people.get(user_id)
        language = person.language if person is not None else DEFAULT_LANGUAGE
        unnamed = words_in(language)["provider" if message.side is Side.PROVIDER else "somebody"]
        text, shown = answer_in(
            language,
            author.name if author is not None else unnamed,
            message.text,
            files=[files[key].name for key in message.attachment_ids if key in files],
            link=office.link_to(request),
        )
        plain = Letter(f"Re: {request.subject}", text, shown)
        letter = await _letter(tx, office, request, plain, user_id=user_id, message_id=message.id)
        await mail.post(tx, office.post, To(user_id=user_id), letter)


async def mail_received(tx: Transaction, office: Office, request: SupportRequest) -> None:
    """Tell who opened a request by mail that it is there."""
    user_id = request.opened_by
    if user_id is None:
        return
    person = (await known.find_people(tx, [user_id])).get(user_id)
    language = person.language if person is not None else DEFAULT_LANGUAGE
    subject, text, shown = received_in(language, request.subject, office.link_to(request))
    plain = Letter(subject, text, shown)
    letter = await _letter(tx, office, request, plain, user_id=user_id, message_id=f"{request.id}.received")
    await mail.post(tx, office.post, To(user_id=user_id), letter)


async def _letter(
    tx: Transaction, office: Office, request: SupportRequest, letter: Letter, *, user_id: str, message_id: str
) -> Letter:
    earlier = [each for each in await repository.find_newest_messages(tx, request.id, _MOST_REFERENCES) if each.id != message_id]
    told = [
        each.mail_id if each.channel is Channel.MAIL and each.mail_id else office.mail_id_of(each.id, user_id)
        for each in earlier
        if each.channel is Channel.MAIL or each.side is not Side.USER
    ]
    references = (office.root_of(request), *told)
    return Letter(
        letter.subject,
        letter.text,
        letter.html,
        reply_to=office.reply_address(await _token_of(tx, request.id, user_id)),
        message_id=office.mail_id_of(message_id, user_id),
        in_reply_to=references[-1],
        references=references,
    )


async def _token_of(tx: Transaction, request_id: str, user_id: str) -> str:
    addresses = tx.collection(REPLY_ADDRESSES)
    row = await addresses.find_one({"request_id": request_id, "user_id": user_id})
    if row is not None:
        return str(row["_id"])
    token = secrets.token_hex(_TOKEN_BYTES)
    await addresses.insert_one({"_id": token, "request_id": request_id, "user_id": user_id})
    return token


async def find_reply_to(reader: Reader, token: str) -> ReplyTo | None:
    """Return where a reply to an address belongs, or None where it was never given out."""
    row = await reader.collection(REPLY_ADDRESSES).find_one({"_id": token.lower()})
    return None if row is None else ReplyTo(row["request_id"], row["user_id"])


async def forget_person(tx: Transaction, user_id: str) -> None:
    """Forget the addresses under which somebody answered, and what is known of theirs."""
    await tx.collection(REPLY_ADDRESSES).delete_many({"user_id": user_id})
