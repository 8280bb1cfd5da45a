"""What can be done with approval chains. Who may do it to which, the connection request says."""

from collections.abc import Callable, Sequence

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.agreements import access as agreements
from services.subscriptions.approvals import access, repository
from services.subscriptions.approvals.domain import (
    STEP_PREFIX,
    Decision,
    Planned,
    Step,
    StepStatus,
    next_to_open,
    read_chain,
)

_AT_ONCE = 20


async def set_approval_chain(tx: Transaction, product_id: str, steps: Sequence[Planned]) -> tuple[str, tuple[Planned, ...]]:
    """Say who decides on requests that are filed from now on; filed ones keep their chain. Raises ``ChainNotUsable``."""
    product = await agreements.product_to_arrange(tx, product_id)
    chain = read_chain(steps)
    tx.concerns(product.provider_id)
    await repository.keep_chain(tx, product.id, chain)
    return product.id, chain


async def begin(tx: Transaction, request_id: str, between: tuple[str, str, str]) -> None:
    """Write down the steps of a request between (recipient, provider, product), as the product's chain has them now."""
    organization_id, provider_id, product_id = between
    chain = (await repository.find_chains(tx, [product_id]))[product_id]
    steps = [
        Step(
            id=new_id(STEP_PREFIX),
            request_id=request_id,
            organization_id=organization_id,
            provider_id=provider_id,
            product_id=product_id,
            planned=planned,
        )
        for planned in chain
    ]
    await repository.add(tx, steps)


async def advance(tx: Transaction, request_id: str) -> None:
    """Open the steps whose turn has come."""
    for step in next_to_open(await _steps(tx, request_id)):
        opened, fact = step.open(tx.now)
        await _keep(tx, opened, [fact])


async def pause(tx: Transaction, request_id: str) -> None:
    """Let what is open wait again: the request is with the recipient, or it is finished."""
    await _reset(tx, request_id, lambda step: step.status is StepStatus.OPEN)


async def begin_again(tx: Transaction, request_id: str, *, also_approved: bool) -> None:
    """Let the steps that had not approved be decided again; where something else lies before them, those that had, too."""
    await _reset(tx, request_id, lambda step: also_approved or step.status is not StepStatus.APPROVED)


async def decide(tx: Transaction, step: Step, decision: Decision) -> Step:
    """Decide a step. Raises ``StepNotOpen`` or ``StepDecidedAlready``."""
    decided, fact = step.decide(decision)
    return await _keep(tx, decided, [fact])


async def substitute(tx: Transaction, step: Step, user_id: str) -> Step:
    """Let a named user decide, too. Raises ``NotOfTheParty`` or ``StepDecidedAlready``."""
    await access.require_of_the_party(tx, step, user_id)
    named, fact = step.substitute(user_id)
    return await _keep(tx, named, [fact] if named != step else [])


async def withdraw_substitute(tx: Transaction, step: Step, user_id: str) -> Step:
    """Let a named user decide no more. Raises ``NoSuchSubstitute``."""
    left, fact = step.withdraw_substitute(user_id)
    return await _keep(tx, left, [fact])


async def step_of(tx: Transaction, step_id: str) -> Step:
    """Return a step; whether it exists for the principal, its request says. Raises ``SignInFirst`` or ``NotFound``."""
    tx.principal.require_signed_in()
    step = await repository.find(tx, step_id)
    if step is None:
        raise NotFound("There is no such step.")
    return step


async def keep_time_of_steps(tx: Transaction) -> int:
    """Remind of some of the steps whose time has come, and say that they are late; return how many there were."""
    due = await repository.find_due(tx, _AT_ONCE)
    for step in due:
        kept, facts = step.keep_time(tx.now)
        await _keep(tx, kept, facts)
    return len(due)


async def _steps(tx: Transaction, request_id: str) -> list[Step]:
    return (await repository.find_of_requests(tx, [request_id]))[request_id]


async def _reset(tx: Transaction, request_id: str, concerns: Callable[[Step], bool]) -> None:
    for step in await _steps(tx, request_id):
        if step.status is not StepStatus.WAITING and concerns(step):
            await repository.keep(tx, step.reset())


async def _keep(tx: Transaction, step: Step, facts: Sequence[Event]) -> Step:
    await repository.keep(tx, step)
    both_sides = tuple(dict.fromkeys([step.organization_id, step.provider_id]))
    for fact in facts:
        await tx.emit(fact, subject=step.id, organization=step.organization_id, audience=both_sides)
    return step
