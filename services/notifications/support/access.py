"""Who may touch which support request.

A request exists for those who belong to the organization in which it was opened, unless it is private: then, and where there is
no organization, for the one who opened it. It exists for the operator's support and administrators, and for those of a provider
who is drawn in who decide permissions or manage products. Nobody else can tell one from an id that was never given out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.backlog import Held
from chassis.errors import NotFound
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from chassis.principal import Principal
from services.notifications.attachments import access as attachments
from services.notifications.attachments.domain import Attachment
from services.notifications.known import repository as known
from services.notifications.support import repository, things
from services.notifications.support.domain import (
    STEP,
    Desk,
    Message,
    OnlyAskersClose,
    OnlyTheStaffDoes,
    Side,
    Status,
    SupportRequest,
    Topic,
    no_such_topic,
)

STAFF = ("SUPPORT", "OPERATOR_ADMINISTRATOR")
FOR_PROVIDERS = ("DECIDE_PERMISSIONS", "MANAGE_PRODUCTS")


@dataclass(frozen=True, slots=True)
class Thread:
    """A page of what was written in a request, with the files that hang on it."""

    messages: Sequence[Message]
    total: int
    attachments: Mapping[str, Attachment]


def is_staff(principal: Principal) -> bool:
    """Say whether somebody answers support requests for the operator."""
    return principal.has_platform_role(*STAFF)


def side_of(principal: Principal, request: SupportRequest) -> Side | None:
    """Return for whom somebody acts in a request, or None for whom it does not exist.

    Who belongs to those who ask acts for them, whatever else they are: nobody answers what they asked.
    """
    if principal.id is None:
        return None
    if principal.id == request.opened_by and (request.organization_id is None or principal.is_member(request.organization_id)):
        return Side.USER
    if request.organization_id is not None and not request.is_private and principal.is_member(request.organization_id):
        return Side.USER
    if is_staff(principal):
        return Side.OPERATOR
    provider = request.provider_id
    if provider is not None and any(principal.may(action, provider) for action in FOR_PROVIDERS):
        return Side.PROVIDER
    return None


async def still_asks(reader: Reader, request: SupportRequest, user_id: str) -> bool:
    """Say whether somebody who has written for those who ask still belongs to them, as far as it was announced: for mail."""
    if request.is_private and user_id != request.opened_by:
        return False
    organization_id = request.organization_id
    if organization_id is None:
        return True
    if await repository.has_ended(reader, organization_id):
        return False
    return not await known.is_shut_out(reader, organization_id, user_id)


# ---- Doing


async def require_opening(tx: Transaction, organization_id: str | None) -> str:
    """Return the id of the user who may open a request, within an organization of theirs or without one.

    Raises ``SignInFirst`` or ``NotFound``.
    """
    user_id = tx.principal.require_signed_in()
    if organization_id is not None:
        if not tx.principal.is_member(organization_id) or await repository.has_ended(tx, organization_id):
            raise NotFound
        await repository.hold(tx, organization_id)
    if await repository.has_ended(tx, user_id):
        raise NotFound
    await repository.hold(tx, user_id)
    return user_id


async def topic_of(tx: Transaction, about: str, organization_id: str | None) -> Topic:
    """Return what a request is about, if the one who asks can see it. Raises, after the bounded wait, ``NotHeardOf``.

    A thing belongs to the organization in which is asked, or to one of the asker's where there is none; published products and
    steps are everybody's. What was never announced, such as a draft, cannot be checked and is refused alike.
    """
    if STEP.fullmatch(about):
        return Topic(about, "STEP")
    thing = await things.find(tx, about)
    if thing is None:
        raise no_such_topic()
    theirs = {organization_id} if organization_id is not None else set(tx.principal.organizations)
    if not (thing.is_public or thing.owners & theirs):
        raise no_such_topic()
    return Topic(thing.id, thing.kind, thing.provider_id)


async def concerned(tx: Transaction, request_id: str) -> tuple[SupportRequest, Side]:
    """Return a request and for whom the one who asks acts in it. Raises ``SignInFirst`` or ``NotFound``."""
    tx.principal.require_signed_in()
    request = (await repository.find(tx, [request_id])).get(request_id)
    side = None if request is None else side_of(tx.principal, request)
    if request is None or side is None:
        raise NotFound("There is no such support request.")
    return request, side


async def request_of_staff(tx: Transaction, request_id: str) -> SupportRequest:
    """Return a request that the one who asks works on for the operator. Raises ``NotFound`` or ``OnlyTheStaffDoes``."""
    request, side = await concerned(tx, request_id)
    if side is not Side.OPERATOR:
        raise OnlyTheStaffDoes
    return request


async def request_to_finish(tx: Transaction, request_id: str) -> SupportRequest:
    """Return a request that the one who asks may solve and close. Raises ``NotFound`` or ``OnlyAskersClose``."""
    request, side = await concerned(tx, request_id)
    if side is Side.PROVIDER:
        raise OnlyAskersClose
    return request


# ---- Looking


def _shown(principal: Principal, requests: Iterable[SupportRequest]) -> dict[str, SupportRequest]:
    return {each.id: each for each in requests if side_of(principal, each) is not None}


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, SupportRequest]:
    """Return by id those of the requests that exist for the principal."""
    return _shown(reader.principal, (await repository.find(reader, ids)).values())


async def viewers(reader: Reader, ids: Sequence[str]) -> dict[str, bool]:
    """Return which of the requests exist for the principal, each with whether its notes do, too."""
    seen = await visible(reader, ids)
    return {key: side_of(reader.principal, each) is Side.OPERATOR for key, each in seen.items()}


async def of_organization(
    reader: Reader, organization_id: str, statuses: Sequence[Status], page: Page
) -> tuple[list[SupportRequest], int] | None:
    """Return a page of an organization's requests, for its members and the staff; None for all others."""
    principal = reader.principal
    query = {"organization_id": organization_id, **_in(statuses)}
    if principal.is_member(organization_id):
        query["$or"] = [{"is_private": False}, {"opened_by": principal.id}]
    elif not is_staff(principal):
        return None
    return await repository.find_page(reader, query, page)


async def of_provider(
    reader: Reader, provider_id: str, statuses: Sequence[Status], page: Page
) -> tuple[list[SupportRequest], int] | None:
    """Return a page of the requests into which a provider is drawn, for those who answer for it; None for all others."""
    if not any(reader.principal.may(action, provider_id) for action in FOR_PROVIDERS):
        return None
    return await repository.find_page(reader, {"provider_id": provider_id, **_in(statuses)}, page)


async def of_viewer(reader: Reader, statuses: Sequence[Status], page: Page) -> tuple[list[SupportRequest], int] | None:
    """Return a page of the requests that the principal has opened and still sees; None for nobody."""
    principal = reader.principal
    if principal.id is None:
        return None
    within = [None, *principal.organizations]
    query = {"opened_by": principal.id, "organization_id": {"$in": within}, **_in(statuses)}
    return await repository.find_page(reader, query, page)


async def queue(
    reader: Reader, statuses: Sequence[Status], holder_id: str | None, page: Page
) -> tuple[list[SupportRequest], int] | None:
    """Return a page of the operator's queue: without a status, what waits for the operator. None for all but the staff."""
    if not is_staff(reader.principal):
        return None
    query = _in(statuses) or {"waits_for": Desk.OPERATOR.value}
    if holder_id is not None:
        query = {**query, "holder_id": holder_id}
    return await repository.find_queue(reader, query, page)


async def queue_in_figures(reader: Reader) -> list[Held] | None:
    """Return who holds how many of the requests that wait for the operator; None for all but the staff."""
    return await repository.sum_up_queue(reader) if is_staff(reader.principal) else None


async def names_of(reader: Reader, user_ids: Iterable[str]) -> dict[str, str]:
    """Return what people are called, by id, as far as they are known and still there."""
    people = await known.find_people(reader, user_ids)
    return {key: each.name for key, each in people.items() if each is not None}


async def threads(reader: Reader, ids: Sequence[str], page: Page) -> dict[str, Thread]:
    """Return by id a page of what was written in those of the requests that exist for the principal."""
    found = {}
    for key, request in (await visible(reader, ids)).items():
        with_notes = side_of(reader.principal, request) is Side.OPERATOR
        messages, total = await repository.find_messages(reader, key, page, with_notes=with_notes)
        files = await attachments.find_all(reader, [one for each in messages for one in each.attachment_ids])
        found[key] = Thread(messages, total, files)
    return found


def _in(statuses: Sequence[Status]) -> dict[str, object]:
    return {"status": {"$in": [each.value for each in statuses]}} if statuses else {}
