"""What can be done with agreements. Who may do it to which, ``access`` and the request that asked for them say."""

from collections.abc import Sequence

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.agreements import access, repository
from services.subscriptions.agreements.domain import (
    AGREEMENT_PREFIX,
    Agreement,
    Change,
    Kind,
    NotToBeRenewed,
    Status,
    TechnicalAssignmentFirst,
    Validity,
    cover_of,
    read_kinds,
)
from services.subscriptions.events import AgreementLapsed
from services.subscriptions.known.files import KeptFile

_AT_ONCE = 20


async def set_required_documents(tx: Transaction, product_id: str, kinds: Sequence[Kind]) -> tuple[str, tuple[Kind, ...]]:
    """Say which documents a connection to the product takes from now on; what is asked for or concluded already stays.

    Raises ``KindsNotUsable``.
    """
    product = await access.product_to_arrange(tx, product_id)
    wanted = read_kinds(kinds)
    tx.concerns(product.provider_id)
    await repository.keep_required(tx, product.id, wanted)
    return product.id, wanted


async def require_documents(
    tx: Transaction, request_id: str, between: tuple[str, str, str], kinds: Sequence[Kind]
) -> list[Agreement]:
    """Ask for what is neither in force nor under way between (recipient, provider, product); return what was asked for."""
    organization_id, provider_id, product_id = between
    await repository.touch_standing(tx, organization_id, provider_id)
    present = await access.covering(tx, between, kinds)
    asked = []
    for kind in kinds:
        if kind in present and (present[kind].is_under_way or present[kind].holds_at(tx.now)):
            continue
        actor = tx.principal.require_signed_in()
        agreement = Agreement(
            id=new_id(AGREEMENT_PREFIX),
            kind=kind,
            organization_id=organization_id,
            provider_id=provider_id,
            product_id=product_id,
            request_id=request_id,
            status=Status.REQUESTED,
            created_at=tx.now,
            changes=(Change(Status.REQUESTED, actor, tx.now),),
        )
        await repository.add(tx, agreement)
        await _announce(tx, agreement, [agreement.requested()])
        asked.append(agreement)
    return asked


async def attach(tx: Transaction, agreement: Agreement, file_id: str) -> Agreement:
    """Take the recipient's file. Raises ``NotToBeAttached``, ``NoSuchUpload`` or ``FileUsedAlready``."""
    file = await _own_file(tx, file_id, agreement.id)
    attached, fact = agreement.attach(file, tx.principal.require_signed_in(), tx.now)
    return await _keep(tx, attached, [fact])


async def countersign(tx: Transaction, agreement: Agreement, file_id: str) -> Agreement:
    """Take the provider's file. Raises ``NotToBeCountersigned``, ``NoSuchUpload`` or ``FileUsedAlready``."""
    file = await _own_file(tx, file_id, agreement.id)
    countersigned, facts = agreement.countersign(file, tx.principal.require_signed_in(), tx.now)
    return await _keep(tx, countersigned, facts)


async def confirm(tx: Transaction, agreement: Agreement, validity: Validity, despite_finding: str | None) -> Agreement:
    """Put an agreement in force.

    Raises ``NotToBeConfirmed``, ``SignaturesNotJudgedYet``, ``SignatureNotGood``, ``TechnicalAssignmentFirst`` or
    ``ValidityNotUsable``.
    """
    agreement.require_confirmable(await access.findings_of(tx, [agreement]), despite_finding)
    if agreement.kind is Kind.ADDITIONAL_AGREEMENT:
        await _require_technical_assignment(tx, agreement)
    by = tx.principal.require_signed_in()
    confirmed, fact = agreement.confirm(validity, by, tx.now, reason=despite_finding)
    return await _keep(tx, confirmed, [fact])


async def send_back(tx: Transaction, agreement: Agreement, reason: str) -> Agreement:
    """Ask the recipient for another file. Raises ``NotToBeReturned``."""
    returned, fact = agreement.send_back(tx.principal.require_signed_in(), reason, tx.now)
    return await _keep(tx, returned, [fact])


async def renew_agreement(tx: Transaction, agreement_id: str) -> Agreement:
    """Begin the agreement that shall follow another, as the recipient. Raises ``NotToBeRenewed`` or ``AgreementUnderWay``."""
    agreement = await access.agreement_to_attach(tx, agreement_id)
    if await repository.is_followed(tx, agreement):
        raise NotToBeRenewed
    successor = agreement.successor(new_id(AGREEMENT_PREFIX), tx.principal.require_signed_in(), tx.now)
    await repository.touch_standing(tx, successor.organization_id, successor.provider_id)
    await repository.add(tx, successor)
    await _announce(tx, successor, [successor.requested()])
    return successor


async def connect(tx: Transaction, between: tuple[str, str, str], kinds: Sequence[Kind]) -> None:
    """Note that the connection between (recipient, provider, product) is completed, and on which kinds it rests."""
    organization_id, provider_id, product_id = between
    await repository.touch_standing(tx, organization_id, provider_id)
    await repository.keep_connected(tx, organization_id, product_id, provider_id=provider_id, kinds=kinds)


async def use_file(tx: Transaction, file_id: str, thing_id: str) -> KeptFile:
    """Hang a file of the one who asks on a thing, once and for good. Raises ``NoSuchUpload`` or ``FileUsedAlready``."""
    return await _own_file(tx, file_id, thing_id)


async def give_up_file(tx: Transaction, agreement_id: str, file_id: str, reason: str) -> None:
    """Note that a file could not be attached after all; nothing happens where it is not known, or was noted before."""
    agreement = (await repository.find(tx, [agreement_id])).get(agreement_id)
    if agreement is None:
        return
    changed = agreement.give_up_file(file_id, reason, tx.principal.require_signed_in(), tx.now)
    if changed != agreement:
        await _keep(tx, changed, [])


async def end_unneeded(tx: Transaction, agreement_id: str, reason: str) -> None:
    """End an agreement that its recipient does not need any more (for those who have heard so)."""
    agreement = (await repository.find(tx, [agreement_id])).get(agreement_id)
    if agreement is not None and agreement.status is Status.CONFIRMED:
        ended = agreement.moved_by(Change(Status.LAPSED, tx.principal.require_signed_in(), tx.now, reason))
        await _keep(tx, ended, [AgreementLapsed(**ended.tells(reason))])


async def keep_time_of_agreements(tx: Transaction) -> int:
    """Begin, warn of and end some of the agreements whose time has come; return how many there were."""
    due = await repository.find_due(tx, _AT_ONCE)
    for agreement in due:
        followed = await repository.is_followed(tx, agreement)
        kept, facts = agreement.keep_time(tx.principal.require_signed_in(), tx.now, is_followed=followed)
        await _keep(tx, kept, facts)
    return len(due)


async def _require_technical_assignment(tx: Transaction, agreement: Agreement) -> None:
    cover = cover_of(Kind.TECHNICAL_ASSIGNMENT, agreement.organization_id, agreement.provider_id, agreement.product_id)
    found = await repository.find_covering(tx, [cover])
    if not any(each.status is Status.CONFIRMED for each in found[cover]):
        raise TechnicalAssignmentFirst


async def _own_file(tx: Transaction, file_id: str, thing_id: str) -> KeptFile:
    file = await access.own_upload(tx, file_id)
    await repository.use_file(tx, file.id, thing_id)
    return file


async def _keep(tx: Transaction, agreement: Agreement, facts: Sequence[Event]) -> Agreement:
    await repository.touch_standing(tx, agreement.organization_id, agreement.provider_id)
    await repository.keep(tx, agreement)
    await _announce(tx, agreement, facts)
    return agreement


async def _announce(tx: Transaction, agreement: Agreement, facts: Sequence[Event]) -> None:
    both_sides = tuple(dict.fromkeys([agreement.organization_id, agreement.provider_id]))
    for fact in facts:
        await tx.emit(fact, subject=agreement.id, organization=agreement.organization_id, audience=both_sides)
