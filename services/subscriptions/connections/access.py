"""Who may touch which connection request.

A request exists for the members of the organization that files it; once it is filed, also for those who may conclude agreements
for the provider, for the operator's staff, and for named substitutes. Nobody else can tell one from an id that was never given
out. Its form and its documents are for those who may file, and for the others who decide.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.backlog import Held
from chassis.errors import FieldProblem, NotFound, NotHeardOf
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from chassis.principal import Principal
from services.subscriptions.agreements import access as agreements
from services.subscriptions.agreements.access import ADMINISTRATOR, CONCLUDE, FILE, REPRESENTATIVE, SECURITY, STAFF
from services.subscriptions.agreements.domain import Agreement, Finding, Kind
from services.subscriptions.approvals import access as approvals
from services.subscriptions.approvals.domain import ApprovingParty, FiledByYourself, NotYourStep, Step
from services.subscriptions.connections import repository
from services.subscriptions.connections.domain import (
    WITH_OPERATOR,
    AgreementNotAskedFor,
    NotYourRequest,
    OnlyAdministratorsAssign,
    OnlyRepresentativesTake,
    OnlyTheOperatorDecides,
    OnlyTheRecipientFiles,
    Request,
    Status,
)
from services.subscriptions.known import parties
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Applicant, Product

VIEW = "VIEW_ORGANIZATION"
_UNKNOWN = Applicant(None, None, None)


class NoSuchRepresentative(NotHeardOf):
    """There is no such business representative."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("user_id", "give a user with the platform role BUSINESS_REPRESENTATIVE")])


class RoleNotHeardOf(NotHeardOf):
    """The last that was heard of you is that you are no business representative any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request with what belongs to it; ``is_whole`` where the principal may see form and documents, too."""

    request: Request
    is_whole: bool
    steps: Sequence[Step]
    documents: Mapping[Kind, Agreement]
    findings: Mapping[str, Finding]
    organization_name: str | None
    applications: Sequence[tuple[str, Applicant]]


# ---- The recipient's doors


async def require_filing(tx: Transaction, organization_id: str) -> str:
    """Return the id of the user who may file for an organization. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``."""
    tx.principal.require(FILE, organization_id)
    if await known.has_ended(tx, organization_id):
        raise NotFound
    return tx.principal.require_signed_in()


async def product_to_connect(tx: Transaction, product_id: str) -> Product:
    """Return a published product that asks for an agreement. Raises ``NotHeardOf`` or ``AgreementNotAskedFor``."""
    product = await known.find_published_product(tx, product_id)
    if product is None:
        mend = FieldProblem("product_id", "give the id of a published product that exists")
        raise NotHeardOf("There is no such published product.", fields=[mend])
    if agreements.PREREQUISITE not in product.prerequisites:
        raise AgreementNotAskedFor
    return product


async def require_own_applications(tx: Transaction, organization_id: str, application_ids: Sequence[str]) -> None:
    """Refuse applications that are not the organization's. Raises ``NotHeardOf``."""
    found = await parties.find_own_applications(tx, organization_id, application_ids)
    if found != set(application_ids):
        mend = FieldProblem("application_ids", "give ids of applications of the organization")
        raise NotHeardOf("There is no such application of the organization.", fields=[mend])


async def own_request(tx: Transaction, request_id: str) -> Request:
    """Return a request that the principal may fill in and withdraw.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheRecipientFiles`` or ``RoleNotAllowed``.
    """
    request = await _concerned(tx, request_id)
    if not tx.principal.is_member(request.organization_id):
        raise OnlyTheRecipientFiles
    tx.principal.require(FILE, request.organization_id)
    return request


# ---- The operator's doors


async def request_to_run(tx: Transaction, request_id: str) -> Request:
    """Return a request that the principal runs: as its representative, or as an administrator of the operator.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheOperatorDecides``, ``NotYourRequest`` or ``FiledByYourself``.
    """
    request = await _concerned(tx, request_id)
    require_running(tx.principal, [request])
    return request


def require_running(principal: Principal, requests: Sequence[Request]) -> None:
    """Refuse whoever runs none of these requests, and whoever filed one of them.

    Raises ``OnlyTheOperatorDecides``, ``NotYourRequest`` or ``FiledByYourself``.
    """
    user_id = principal.require_signed_in()
    is_representative = principal.has_platform_role(REPRESENTATIVE)
    if not principal.has_platform_role(ADMINISTRATOR):
        if not is_representative:
            raise OnlyTheOperatorDecides
        if user_id not in [each.representative_id for each in requests]:
            raise NotYourRequest
    if any(user_id in each.filed_by for each in requests):
        raise FiledByYourself


async def request_to_assign(tx: Transaction, request_id: str, user_id: str) -> Request:
    """Return a request to which the principal may assign a representative.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyAdministratorsAssign`` or, after the bounded wait, ``NoSuchRepresentative``.
    """
    request = await _concerned(tx, request_id)
    if not tx.principal.has_platform_role(ADMINISTRATOR):
        raise OnlyAdministratorsAssign
    if not await parties.holds_platform_role(tx, user_id, REPRESENTATIVE):
        raise NoSuchRepresentative
    return request


async def request_to_take(tx: Transaction, request_id: str) -> Request:
    """Return a request that the principal may take.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyRepresentativesTake`` or, after the bounded wait, ``RoleNotHeardOf``.
    """
    request = await _concerned(tx, request_id)
    if not tx.principal.has_platform_role(REPRESENTATIVE):
        raise OnlyRepresentativesTake
    if await parties.has_lost_platform_role(tx, tx.principal.require_signed_in(), REPRESENTATIVE):
        raise RoleNotHeardOf
    return request


async def step_to_decide(tx: Transaction, step: Step) -> tuple[Request, bool]:
    """Return the request of a step that the principal may decide, and whether they do it as a named substitute.

    Raises ``NotFound``, ``RoleNotAllowed``, ``NotYourStep`` or ``FiledByYourself``.
    """
    request = await request_of_step(tx, step)
    principal = tx.principal
    decides = _decides(principal, step, request)
    if not decides and not (principal.id in step.substitutes and approvals.belongs_to_party(tx, step)):
        raise NotYourStep
    if principal.id in request.filed_by:
        raise FiledByYourself
    return request, not decides


async def step_to_delegate(tx: Transaction, step: Step) -> Request:
    """Return the request of a step in which the principal may name substitutes: whoever decides it by right.

    Raises ``NotFound``, ``RoleNotAllowed`` or ``NotYourStep``.
    """
    request = await request_of_step(tx, step)
    if not _decides(tx.principal, step, request):
        raise NotYourStep
    return request


async def request_of_step(tx: Transaction, step: Step) -> Request:
    """Return the request of a step, if the principal knows of it. Raises ``NotFound`` or ``RoleNotAllowed``."""
    return await _concerned(tx, step.request_id, noun="step")


def _decides(principal: Principal, step: Step, request: Request) -> bool:
    if step.party is ApprovingParty.PROVIDER:
        return principal.may(CONCLUDE, request.provider_id)
    if step.party is ApprovingParty.SECURITY:
        return principal.has_platform_role(SECURITY)
    is_representative = principal.has_platform_role(REPRESENTATIVE) and principal.id == request.representative_id
    return is_representative or principal.has_platform_role(ADMINISTRATOR)


# ---- Looking


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, Seen]:
    """Return by id those of the requests that exist for the principal."""
    return await seen_of(reader, list((await repository.find(reader, ids)).values()))


async def seen_of(reader: Reader, requests: Iterable[Request]) -> dict[str, Seen]:
    """Return by id those of the requests that exist for the principal, with as much of them as they may see.

    However many there are, it costs the same reads.
    """
    shown = [each for each in requests if _may_see(reader.principal, each)]
    whole = {each.id: each for each in shown if _may_see_all(reader.principal, each)}
    steps = await approvals.steps_of(reader, [each.id for each in shown])
    names = await parties.find_organization_names(reader, {each.organization_id for each in shown})
    documents = await agreements.covering_all(reader, {key: (each.between, each.kinds) for key, each in whole.items()})
    findings = await agreements.findings_of(reader, [one for each in documents.values() for one in each.values()])
    asked = {one for each in whole.values() for one in each.form.application_ids}
    applications = await parties.find_application_names(reader, asked)
    return {
        each.id: Seen(
            each,
            each.id in whole,
            steps=steps[each.id],
            documents=documents.get(each.id, {}),
            findings=findings,
            organization_name=names.get(each.organization_id),
            applications=[(key, applications.get(key, _UNKNOWN)) for key in each.form.application_ids if each.id in whole],
        )
        for each in shown
    }


async def documents_of(reader: Reader, request: Request) -> dict[Kind, Agreement]:
    """Return for each kind that a request takes the agreement that stands or is being concluded."""
    return await agreements.covering(reader, request.between, request.kinds)


async def of_organizations(
    reader: Reader, organization_ids: Sequence[str], status: Status | None, page: Page
) -> dict[str, tuple[list[Seen], int]]:
    """Return for each organization whose cabinet the principal may see, or for the staff, a page of its requests."""
    principal = reader.principal
    query = {} if status is None else {"status": status.value}
    own = [each for each in organization_ids if principal.may(VIEW, each)]
    found = await repository.find_pages(reader, ("organization_id", own), query, page)
    if principal.has_platform_role(*STAFF):
        others = [each for each in organization_ids if each not in own]
        found |= await repository.find_pages(reader, ("organization_id", others), {**query, "is_filed": True}, page)
    return await _seen_pages(reader, found)


async def of_providers(
    reader: Reader, provider_ids: Sequence[str], status: Status | None, page: Page
) -> dict[str, tuple[list[Seen], int]]:
    """Return for each provider for which the principal may conclude agreements a page of the requests to its products."""
    query = {"is_filed": True, **({} if status is None else {"status": status.value})}
    own = [each for each in provider_ids if reader.principal.may(CONCLUDE, each)]
    return await _seen_pages(reader, await repository.find_pages(reader, ("provider_id", own), query, page))


async def queue(reader: Reader, statuses: Sequence[Status], page: Page, *, is_mine: bool) -> tuple[list[Seen], int] | None:
    """Return a page of the operator's queue (and one more where there is one) with its whole length; None for all others."""
    if not reader.principal.has_platform_role(*STAFF):
        return None
    mine = reader.principal.id if is_mine else None
    requests, total = await repository.find_queue(reader, statuses, page, representative_id=mine)
    seen = await seen_of(reader, requests)
    return [seen[each.id] for each in requests], total


async def queue_in_figures(reader: Reader) -> list[Held] | None:
    """Return who runs how many of the requests that wait for the operator; None for all but the staff."""
    if not reader.principal.has_platform_role(*STAFF):
        return None
    return await repository.sum_up_queue(reader, WITH_OPERATOR)


async def concerned_by(tx: Transaction, agreement: Agreement) -> list[Request]:
    """Return the open requests that take an agreement, for those to whom the agreement exists."""
    filed = [
        each
        for each in await repository.find_all_open(tx, agreement.organization_id, agreement.provider_id)
        if each.is_filed and agreement.kind in each.kinds
    ]
    taken = [(each, (await documents_of(tx, each)).get(agreement.kind)) for each in filed]
    return [each for each, document in taken if document is not None and document.id == agreement.id]


async def asked_for_by(tx: Transaction, agreement: Agreement) -> list[Request]:
    """Return the request that asked for an agreement first, also if it is finished."""
    return list((await repository.find(tx, [agreement.request_id])).values())


async def _seen_pages(reader: Reader, found: Mapping[str, tuple[list[Request], int]]) -> dict[str, tuple[list[Seen], int]]:
    seen = await seen_of(reader, [each for requests, _ in found.values() for each in requests])
    return {key: ([seen[each.id] for each in requests], total) for key, (requests, total) in found.items()}


async def _concerned(tx: Transaction, request_id: str, *, noun: str = "connection request") -> Request:
    principal = tx.principal
    principal.require_signed_in()
    request = (await repository.find(tx, [request_id])).get(request_id)
    if request is None:
        raise NotFound(f"There is no such {noun}.")
    if not _may_see(principal, request):
        if request.is_filed and principal.is_member(request.provider_id):
            principal.require(CONCLUDE, request.provider_id)
        raise NotFound(f"There is no such {noun}.")
    return request


def _may_see(principal: Principal, request: Request) -> bool:
    return principal.may(VIEW, request.organization_id) or (request.is_filed and _may_decide(principal, request))


def _may_see_all(principal: Principal, request: Request) -> bool:
    return principal.may(FILE, request.organization_id) or (request.is_filed and _may_decide(principal, request))


def _may_decide(principal: Principal, request: Request) -> bool:
    is_substitute = principal.id in request.substitutes and principal.is_member(request.provider_id)
    return is_substitute or principal.may(CONCLUDE, request.provider_id) or principal.has_platform_role(*STAFF)
