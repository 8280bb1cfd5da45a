"""How the parties decide the steps of a connection request's chain, and let others decide for them."""

from dataclasses import dataclass

from chassis.mongo import Transaction
from services.subscriptions.agreements import actions as concluding
from services.subscriptions.approvals import access as approvals_access
from services.subscriptions.approvals import actions as approvals
from services.subscriptions.approvals.domain import Decision, Step, Verdict
from services.subscriptions.connections import access, office
from services.subscriptions.connections.actions import advance, keep
from services.subscriptions.connections.domain import ActKind, Request


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a party wants to decide, why, and on what evidence: an uploaded file, a note, or none."""

    verdict: Verdict
    reason: str | None
    file_id: str | None
    note: str | None


async def decide_approval_step(tx: Transaction, step_id: str, wanted: Wanted) -> Request:
    """Decide a step: APPROVE lets the chain go on, RETURN sends the request back, REJECT ends it.

    Raises ``StepNotOpen``, ``StepDecidedAlready``, ``NoSuchUpload`` or ``FileUsedAlready``.
    """
    step = await approvals.step_of(tx, step_id)
    request, as_substitute = await access.step_to_decide(tx, step)
    by = tx.principal.require_signed_in()
    decision = Decision(wanted.verdict, by, tx.now, wanted.reason, wanted.note, wanted.file_id, as_substitute=as_substitute)
    await approvals.decide(tx, step, decision)
    if wanted.file_id is not None:
        await concluding.use_file(tx, wanted.file_id, step.id)
    noted = await keep(tx, request.note(ActKind.STEP_DECIDED, by, tx.now, about=step.party, reason=wanted.reason))
    if wanted.verdict is Verdict.REJECT:
        return await office.reject(tx, noted, wanted.reason or "")
    if wanted.verdict is Verdict.RETURN:
        return await office.send_back(tx, noted, (wanted.reason or "",))
    await advance(tx, noted)
    return noted


async def substitute_approver(tx: Transaction, step_id: str, user_id: str) -> Request:
    """Let a named user of the same party decide a step, too. Raises ``NotOfTheParty`` or ``StepDecidedAlready``."""
    step = await approvals.step_of(tx, step_id)
    request = await access.step_to_delegate(tx, step)
    await approvals.substitute(tx, step, user_id)
    return await _with_substitutes(tx, request)


async def withdraw_substitute(tx: Transaction, step_id: str, user_id: str) -> Request:
    """Let a named user decide a step no more. Raises ``NoSuchSubstitute``."""
    step = await approvals.step_of(tx, step_id)
    request = await access.step_to_delegate(tx, step)
    await approvals.withdraw_substitute(tx, step, user_id)
    return await _with_substitutes(tx, request)


async def _with_substitutes(tx: Transaction, request: Request) -> Request:
    steps: list[Step] = (await approvals_access.steps_of(tx, [request.id]))[request.id]
    named = frozenset(user_id for each in steps for user_id in each.substitutes)
    return await keep(tx, request.with_substitutes(named))
