"""What is done about documents of connection requests: the parties attach them, the representative confirms or returns them."""

from chassis.mongo import Transaction
from services.subscriptions.agreements import access as agreements
from services.subscriptions.agreements import actions as concluding
from services.subscriptions.agreements.domain import Agreement, Validity
from services.subscriptions.approvals import actions as approvals
from services.subscriptions.connections import access
from services.subscriptions.connections.actions import advance, keep
from services.subscriptions.connections.domain import ActKind, NoOpenRequest, Request


async def attach_agreement(tx: Transaction, agreement_id: str, file_id: str) -> Agreement:
    """Attach the recipient's file; what was approved over other documents is decided again.

    Raises ``NoOpenRequest`` and what ``agreements.actions.attach`` raises.
    """
    agreement = await agreements.agreement_to_attach(tx, agreement_id)
    requests = await access.concerned_by(tx, agreement)
    if not requests and agreement.is_under_way and agreement.renews is None:
        raise NoOpenRequest
    attached = await concluding.attach(tx, agreement, file_id)
    for request in requests:
        noted = await _note(tx, request, ActKind.DOCUMENT_ATTACHED, attached)
        if noted.is_with_operator:
            await approvals.begin_again(tx, noted.id, also_approved=True)
            await advance(tx, noted)
    return attached


async def countersign_agreement(tx: Transaction, agreement_id: str, file_id: str) -> Agreement:
    """Attach the provider's file. Raises what ``agreements.actions.countersign`` raises."""
    agreement = await agreements.agreement_to_countersign(tx, agreement_id)
    countersigned = await concluding.countersign(tx, agreement, file_id)
    for request in await access.concerned_by(tx, agreement):
        await _note(tx, request, ActKind.DOCUMENT_COUNTERSIGNED, countersigned)
    return countersigned


async def confirm_agreement(tx: Transaction, agreement_id: str, validity: Validity, despite_finding: str | None) -> Agreement:
    """Put an agreement in force, as whoever runs a request that takes it.

    Raises ``AttachedByYourself`` and what ``agreements.actions.confirm`` raises.
    """
    agreement, requests = await _to_decide(tx, agreement_id)
    confirmed = await concluding.confirm(tx, agreement, validity, despite_finding)
    for request in requests:
        await _note(tx, request, ActKind.DOCUMENT_CONFIRMED, confirmed, reason=despite_finding)
    return confirmed


async def return_agreement(tx: Transaction, agreement_id: str, reason: str) -> Agreement:
    """Ask the recipient for another file, as whoever runs a request that takes it.

    Raises ``AttachedByYourself`` or ``NotToBeReturned``.
    """
    agreement, requests = await _to_decide(tx, agreement_id)
    returned = await concluding.send_back(tx, agreement, reason)
    for request in requests:
        await _note(tx, request, ActKind.DOCUMENT_RETURNED, returned, reason=reason)
    return returned


async def _to_decide(tx: Transaction, agreement_id: str) -> tuple[Agreement, list[Request]]:
    agreement = await agreements.agreement_to_decide(tx, agreement_id)
    requests = await access.concerned_by(tx, agreement)
    access.require_running(tx.principal, requests or await access.asked_for_by(tx, agreement))
    agreement.require_of_others(tx.principal.require_signed_in())
    return agreement, requests


async def _note(tx: Transaction, request: Request, kind: ActKind, agreement: Agreement, *, reason: str | None = None) -> Request:
    by = tx.principal.require_signed_in()
    return await keep(tx, request.note(kind, by, tx.now, about=agreement.kind, reason=reason))
