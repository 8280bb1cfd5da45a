"""How support is put together, as a part of notifications: requests, the files that hang on them, mail that comes in."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import BaseRoute

from chassis.inbox import On
from chassis.mongo import Index
from chassis.service import Worker
from chassis.web import Edge
from services.notifications.attachments import repository as attachments
from services.notifications.attachments import routes as attachment_routes
from services.notifications.attachments.keeper import Keeper
from services.notifications.incoming import addresses
from services.notifications.incoming import repository as incoming
from services.notifications.incoming.actions import Desk
from services.notifications.incoming.addresses import AddressBook
from services.notifications.incoming.listener import Listener
from services.notifications.mail.actions import PostOffice
from services.notifications.sealing import read_key
from services.notifications.support import access, answers, repository, things
from services.notifications.support import routes as support_routes
from services.notifications.support.answers import Office
from services.notifications.support.timekeeper import SupportTimekeeper
from services.notifications.support_reactions import support_reactions

INDEXES: tuple[Index, ...] = (
    *attachments.INDEXES,
    *things.INDEXES,
    *repository.INDEXES,
    *answers.INDEXES,
    *addresses.INDEXES,
    *incoming.INDEXES,
)


@dataclass(frozen=True, slots=True)
class Door:
    """Where mail comes in: the support address, the port (None where none does), and whose word about senders is taken."""

    address: str
    host: str
    port: int | None
    authority: str


@dataclass(frozen=True, slots=True)
class SupportPart:
    """What support adds to the service."""

    routes: Sequence[BaseRoute]
    reactions: Sequence[On]
    workers: Sequence[Worker]


def support_part(edge: Edge, post: PostOffice, key_file: Path, door: Door, *, patience_seconds: float) -> SupportPart:
    """Put support together."""
    office = Office(post, door.address)
    key = hmac.digest(read_key(key_file), b"notifications support addresses", "sha256")
    book = AddressBook(post.shared_seal, key)
    workers: list[Worker] = [Keeper(edge.store), SupportTimekeeper(edge.store)]
    if door.port is not None and door.address:
        workers.append(Listener(Desk(edge.store, office, book, door.authority), door.host, door.port))
    return SupportPart(
        routes=[
            *attachment_routes.routes(edge, access.viewers),
            *support_routes.routes(edge, office, patience_seconds=patience_seconds),
        ],
        reactions=support_reactions(book),
        workers=workers,
    )


def port_of(workers: Sequence[Worker]) -> int | None:
    """Return the port where support takes mail, among a started service's workers; None where it takes none."""
    return next((each.port for each in workers if isinstance(each, Listener)), None)
