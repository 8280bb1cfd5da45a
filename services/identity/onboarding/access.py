"""The door to onboarding requests: from the organization's side and from the operator's."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.backlog import Held
from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page
from services.identity.accounts import repository as accounts
from services.identity.files.domain import File
from services.identity.findings.access import Found
from services.identity.onboarding import repository
from services.identity.onboarding.domain import WITH_OPERATOR, Channel, Request, Status
from services.identity.onboarding.timeline import people_in
from services.identity.organizations import access as organizations
from services.identity.organizations.access import Standing
from services.identity.staff.domain import OperatorOnly

FILE = "FILE_ONBOARDING_REQUEST"
ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
STAFF = (ADMINISTRATOR, "SUPPORT")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as somebody may see it: ``is_whole`` with its form and documents, ``by_staff`` with what is the operator's."""

    request: Request
    is_whole: bool
    by_staff: bool
    by_administrator: bool


async def require_filing(reader: Reader, organization_id: str) -> Standing:
    """Return how the one who asks stands, if that allows to file. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``."""
    return await organizations.require(reader, FILE, organization_id)


async def require_own(reader: Reader, request_id: str) -> Request:
    """Return a request that the one who asks may fill in: that of an organization they may file in; a recorded one, the operator.

    What was signed on paper is what the operator wrote down; so nobody else changes it. Raises ``SignInFirst``, ``NotFound``,
    ``RoleNotAllowed`` or ``OperatorOnly``.
    """
    request = await require_concerned(reader, request_id)
    if request.channel is not Channel.PORTAL and not reader.principal.has_platform_role(ADMINISTRATOR):
        raise OperatorOnly
    return request


async def require_concerned(reader: Reader, request_id: str) -> Request:
    """Return a request that the one who asks may withdraw: like ``require_own``, and a recorded one's organization, too.

    Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    request = await repository.find(reader, request_id)
    if request is None:
        raise NotFound
    if request.channel is not Channel.PORTAL and reader.principal.has_platform_role(ADMINISTRATOR):
        return request
    if request.organization_id is None:
        raise NotFound
    await organizations.require(reader, FILE, request.organization_id)
    return request


def require_operator(reader: Reader) -> str:
    """Return the id of the operator who asks. Raises ``SignInFirst`` or ``OperatorOnly``."""
    user_id = reader.principal.require_signed_in()
    if not reader.principal.has_platform_role(ADMINISTRATOR):
        raise OperatorOnly
    return user_id


async def require_filed(reader: Reader, request_id: str) -> Request:
    """Return a request that the operator has had, for the operator. Raises ``SignInFirst``, ``OperatorOnly`` or ``NotFound``."""
    require_operator(reader)
    request = await repository.find(reader, request_id)
    if request is None or not request.is_filed:
        raise NotFound
    return request


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, Seen]:
    """Return by id those of the requests that the one who asks may see."""
    return await seen_of(reader, list((await repository.find_all(reader, ids)).values()))


async def seen_of(reader: Reader, requests: Sequence[Request]) -> dict[str, Seen]:
    """Return by id those of the requests that the one who asks may see, with how much of them."""
    if reader.principal.id is None or not requests:
        return {}
    is_staff = reader.principal.has_platform_role(*STAFF)
    is_administrator = reader.principal.has_platform_role(ADMINISTRATOR)
    standings = await organizations.own_standings(reader, [each.organization_id for each in requests if each.organization_id])
    found = {}
    for request in requests:
        standing = standings.get(request.organization_id or "")
        by_staff = is_staff and request.is_filed
        files = standing is not None and standing.may(FILE)
        views = standing is not None and standing.may("VIEW_ORGANIZATION")
        if by_staff or views:
            found[request.id] = Seen(request, files or by_staff, by_staff, by_staff and is_administrator)
    return found


async def with_documents(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Return those of the requests whose documents the one who asks may see."""
    return {key for key, seen in (await visible(reader, ids)).items() if seen.is_whole}


async def findings_of(reader: Reader, files: Sequence[File]) -> dict[str, Found]:
    """Return what was found out about files that hang on requests (for those who have checked that they may be seen)."""
    requests = await repository.find_all(reader, [each.attached_to for each in files if each.attached_to is not None])
    documents = {each.file_id: each for request in requests.values() for each in request.documents}
    wanted = [documents[each.id] for each in files if each.id in documents]
    return {each.file_id: Found(each.judging, each.finding) for each in wanted}


async def of_organizations(reader: Reader, organization_ids: Sequence[str]) -> dict[str, list[Seen]]:
    """Return by organization the requests that the one who asks may see, the newest first."""
    if reader.principal.id is None:
        return {}
    standings = await organizations.own_standings(reader, organization_ids)
    is_staff = reader.principal.has_platform_role(*STAFF)
    found = {}
    for key in set(organization_ids):
        standing = standings.get(key)
        if is_staff or (standing is not None and standing.may("VIEW_ORGANIZATION")):
            requests = await repository.find_of_organization(reader, key)
            seen = await seen_of(reader, requests)
            found[key] = [seen[each.id] for each in requests if each.id in seen]
    return found


async def queue(reader: Reader, statuses: Sequence[Status], page: Page) -> tuple[list[Seen], int] | None:
    """Return a page of the operator's queue (and one more where there is one) with its whole length; None for all others."""
    if not reader.principal.has_platform_role(*STAFF):
        return None
    requests = await repository.find_queue(reader, statuses, page)
    seen = await seen_of(reader, requests)
    return [seen[each.id] for each in requests], await repository.count_queue(reader, statuses)


async def queue_in_figures(reader: Reader) -> list[Held] | None:
    """Return who holds how many of the requests that wait for the operator; None for all but the staff."""
    if not reader.principal.has_platform_role(*STAFF):
        return None
    return await repository.sum_up_queue(reader, WITH_OPERATOR)


async def namesakes(reader: Reader, shown: Sequence[Seen]) -> dict[str, list[Request]]:
    """Return by request the newest ones of other organizations that give the same registration number; for the staff alone."""
    mine = [each.request for each in shown if each.by_staff]
    if not mine:
        return {}
    alike = await repository.find_namesakes(reader, [each.form.registration.key for each in mine])
    return {each.id: _others(each, alike) for each in mine}


def _others(request: Request, alike: Sequence[Request]) -> list[Request]:
    key, owner = request.form.registration.key, request.organization_id
    others: dict[str, Request] = {}
    for each in alike:
        is_other = each.organization_id != owner if owner and each.organization_id else each.id != request.id
        if is_other and each.form.registration.key == key:
            others.setdefault(each.organization_id or each.id, each)
    return list(others.values())


async def names_in(reader: Reader, requests: Sequence[Request]) -> dict[str, str]:
    """Return the names of those who did something about these requests, by id (for those who may see the requests)."""
    users = await accounts.find_users(reader, people_in(requests))
    return {key: user.name for key, user in users.items()}
