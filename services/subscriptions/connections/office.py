"""What the operator does about connection requests: its representative runs them, its administrators assign them."""

from chassis.mongo import Transaction
from services.subscriptions.agreements import actions as concluding
from services.subscriptions.agreements.access import REPRESENTATIVE
from services.subscriptions.agreements.domain import Kind, KindsNotUsable, read_kinds
from services.subscriptions.agreements.domain import Status as AgreementStatus
from services.subscriptions.approvals import access as approvals_access
from services.subscriptions.approvals import actions as approvals
from services.subscriptions.approvals.domain import are_all_approved
from services.subscriptions.connections import access, repository
from services.subscriptions.connections.actions import advance, keep
from services.subscriptions.connections.domain import AssignedToAnother, Request
from services.subscriptions.known import parties


async def assign_representative(tx: Transaction, request_id: str, user_id: str) -> Request:
    """Let a business representative run a request. Raises ``RequestNotWithOperator`` or ``RepresentativeFiledIt``."""
    request = await access.request_to_assign(tx, request_id, user_id)
    return await _assign(tx, request, user_id)


async def take_connection_request(tx: Transaction, request_id: str) -> Request:
    """Run a request oneself.

    Raises ``AssignedToAnother``, ``RequestNotWithOperator`` or ``RepresentativeFiledIt``.
    """
    request = await access.request_to_take(tx, request_id)
    user_id = tx.principal.require_signed_in()
    if request.is_open and request.representative_id not in (None, user_id):
        raise AssignedToAnother
    return await _assign(tx, request, user_id)


async def release_requests_of(tx: Transaction, user_id: str) -> None:
    """Let the open requests of somebody who is no business representative wait for another one."""
    if await parties.holds_platform_role(tx, user_id, REPRESENTATIVE):
        return
    for request in await repository.find_all_run_by(tx, user_id):
        released, fact = request.release(tx.principal.require_signed_in(), tx.now)
        await keep(tx, released, [fact])


async def request_document(tx: Transaction, request_id: str, kind: Kind) -> Request:
    """Ask for one more document.

    Raises ``RequestNotWithOperator``, ``DocumentRequiredAlready``, or ``KindsNotUsable`` for an additional agreement without its
    technical assignment.
    """
    request = await access.request_to_run(tx, request_id)
    asking = request.require_document(kind, tx.principal.require_signed_in(), tx.now)
    if read_kinds(asking.kinds) != asking.kinds:
        raise KindsNotUsable
    await keep(tx, asking)
    await concluding.require_documents(tx, asking.id, asking.between, [kind])
    await advance(tx, asking)
    return asking


async def return_connection_request(tx: Transaction, request_id: str, reasons: tuple[str, ...]) -> Request:
    """Send a request back for correction. Raises ``RequestNotWithOperator``."""
    return await send_back(tx, await access.request_to_run(tx, request_id), reasons)


async def reject_connection_request(tx: Transaction, request_id: str, reason: str) -> Request:
    """Turn a request down. Raises ``RequestNotWithOperator``."""
    return await reject(tx, await access.request_to_run(tx, request_id), reason)


async def complete_connection_request(tx: Transaction, request_id: str) -> Request:
    """Let the organization be connected.

    Raises ``RequestNotWithOperator``, ``RepresentativeMissing``, ``StepsNotApproved`` or ``AgreementsNotConfirmed``.
    """
    request = await access.request_to_run(tx, request_id)
    steps = (await approvals_access.steps_of(tx, [request.id]))[request.id]
    documents = await access.documents_of(tx, request)
    confirmed = [kind for kind, each in documents.items() if each.status is AgreementStatus.CONFIRMED]
    completed, fact = request.complete(
        tx.principal.require_signed_in(),
        tx.now,
        has_steps_left=not are_all_approved(steps),
        lacks_agreements=len(confirmed) < len(request.kinds),
    )
    await concluding.connect(tx, request.between, request.kinds)
    return await keep(tx, completed, [fact])


async def send_back(tx: Transaction, request: Request, reasons: tuple[str, ...]) -> Request:
    """Send a request back, whoever wants it so; what is open in its chain waits."""
    returned, fact = request.send_back(tx.principal.require_signed_in(), reasons, tx.now)
    await approvals.pause(tx, request.id)
    return await keep(tx, returned, [fact])


async def reject(tx: Transaction, request: Request, reason: str) -> Request:
    """Turn a request down, whoever wants it so; what is open in its chain waits for ever."""
    rejected, fact = request.reject(tx.principal.require_signed_in(), reason, tx.now)
    await approvals.pause(tx, request.id)
    return await keep(tx, rejected, [fact])


async def _assign(tx: Transaction, request: Request, user_id: str) -> Request:
    if request.is_with_operator and request.representative_id == user_id:
        return request
    await parties.hold_platform_role(tx, user_id, REPRESENTATIVE)
    assigned, fact = request.assign(user_id, tx.principal.require_signed_in(), tx.now)
    return await keep(tx, assigned, [fact])
