"""What a recipient does about its connection requests. Each verb touches nothing but its transaction."""

from collections.abc import Sequence

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.agreements import access as agreements
from services.subscriptions.agreements import actions as concluding
from services.subscriptions.agreements.domain import Kind
from services.subscriptions.agreements.domain import Status as AgreementStatus
from services.subscriptions.approvals import actions as approvals
from services.subscriptions.connections import access, repository
from services.subscriptions.connections.domain import (
    REQUEST_PREFIX,
    Act,
    ActKind,
    AlreadyConnected,
    Form,
    Request,
    RequestOpenAlready,
    Status,
)

ORGANIZATION_DELETED = "The organization was deleted."


async def draft_connection_request(tx: Transaction, organization_id: str, product_id: str, form: Form) -> Request:
    """Begin a connection request within an organization; nobody else sees it before it is filed.

    Raises ``RequestOpenAlready``, ``AlreadyConnected``, ``AgreementNotAskedFor`` or ``NotHeardOf``.
    """
    user_id = await access.require_filing(tx, organization_id)
    product = await access.product_to_connect(tx, product_id)
    await access.require_own_applications(tx, organization_id, form.application_ids)
    if await agreements.is_in_force(tx, organization_id, product.id):
        raise AlreadyConnected
    request = Request(
        id=new_id(REQUEST_PREFIX),
        organization_id=organization_id,
        product_id=product.id,
        provider_id=product.provider_id,
        form=form,
        status=Status.DRAFT,
        created_at=tx.now,
        held_since=tx.now,
        filed_by=frozenset({user_id}),
        acts=(Act(ActKind.DRAFTED, tx.now, user_id, Status.DRAFT),),
    )
    await repository.hold_organization(tx, organization_id)
    await repository.add(tx, request)
    return request


async def change_connection_request(tx: Transaction, request_id: str, form: Form) -> Request:
    """Fill in the form anew, before it is filed or after it was returned. Raises ``RequestNotWithYou``."""
    request = await access.own_request(tx, request_id)
    changed = request.change(form, tx.principal.require_signed_in(), tx.now)
    await access.require_own_applications(tx, request.organization_id, form.application_ids)
    await repository.keep(tx, changed)
    return changed


async def submit_connection_request(tx: Transaction, request_id: str) -> Request:
    """Hand a request in as it stands, or in again. Raises ``RequestNotWithYou``."""
    return await _submit(tx, await access.own_request(tx, request_id))


async def file_connection_request(tx: Transaction, organization_id: str, product_id: str, form: Form) -> Request:
    """File a request in one step; a draft, or one that was returned, is filed with this form.

    Raises what drafting and changing raise.
    """
    user_id = await access.require_filing(tx, organization_id)
    present = await repository.find_open(tx, organization_id, product_id)
    if present is None:
        return await _submit(tx, await draft_connection_request(tx, organization_id, product_id, form))
    if present.is_with_operator:
        raise RequestOpenAlready
    await access.require_own_applications(tx, organization_id, form.application_ids)
    return await _submit(tx, present.change(form, user_id, tx.now))


async def withdraw_connection_request(tx: Transaction, request_id: str, reason: str | None) -> Request:
    """Take a request back. Raises ``RequestFinished``."""
    return await _withdraw(tx, await access.own_request(tx, request_id), reason)


async def withdraw_all_of_organization(tx: Transaction, organization_id: str) -> None:
    """Withdraw what a deleted organization has asked for."""
    await repository.hold_organization(tx, organization_id)
    for request in await repository.find_all_open(tx, organization_id):
        await _withdraw(tx, request, ORGANIZATION_DELETED)


async def keep(tx: Transaction, request: Request, facts: Sequence[Event] = ()) -> Request:
    """Keep a request as it stands now, and announce what has happened to it."""
    await repository.keep(tx, request)
    both_sides = tuple(dict.fromkeys([request.organization_id, request.provider_id]))
    for fact in facts:
        await tx.emit(fact, subject=request.id, organization=request.organization_id, audience=both_sides)
    return request


async def advance(tx: Transaction, request: Request) -> None:
    """Let the chain of a request go on, if the request is being worked on and all of its documents are attached."""
    if not request.is_with_operator:
        return
    documents = await access.documents_of(tx, request)
    lying = (AgreementStatus.ATTACHED, AgreementStatus.COUNTERSIGNED, AgreementStatus.CONFIRMED)
    if all(kind in documents and documents[kind].status in lying for kind in request.kinds):
        await approvals.advance(tx, request.id)


async def _submit(tx: Transaction, request: Request) -> Request:
    is_first = not request.is_filed
    kinds: Sequence[Kind] = (await agreements.required_kinds(tx, [request.product_id])).get(request.product_id, ())
    is_other = bool(request.differences()) or request.has_new_documents
    submitted, fact = request.submit(kinds if is_first else (), tx.principal.require_signed_in(), tx.now)
    await keep(tx, submitted, [fact])
    await concluding.require_documents(tx, submitted.id, submitted.between, submitted.kinds)
    if is_first:
        await approvals.begin(tx, submitted.id, submitted.between)
    else:
        await approvals.begin_again(tx, submitted.id, also_approved=is_other)
    await advance(tx, submitted)
    return submitted


async def _withdraw(tx: Transaction, request: Request, reason: str | None) -> Request:
    withdrawn, fact = request.withdraw(tx.principal.require_signed_in(), reason, tx.now)
    await approvals.pause(tx, request.id)
    return await keep(tx, withdrawn, [fact] if request.is_filed else [])
