"""What the operator does about onboarding requests, all but approving them."""

from dataclasses import dataclass
from datetime import datetime

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Transaction
from services.identity.data_exchanges import repository as data_exchanges
from services.identity.data_exchanges.domain import AlreadyOnboarded
from services.identity.onboarding import access, repository
from services.identity.onboarding.actions import check_certificate, document_of
from services.identity.onboarding.domain import (
    REQUEST_PREFIX,
    Act,
    ActKind,
    Channel,
    NoSuchOrganization,
    NotReceivedYet,
    Reason,
    Request,
    RequestOpenAlready,
    Status,
)
from services.identity.onboarding.form import Form
from services.identity.onboarding.office import OnboardingOffice, announce_and_tell
from services.identity.organizations import repository as organizations


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came by mail or on paper; ``file_id`` is the document, as it came or scanned.

    ``organization_id`` names an organization that is on the portal already.
    """

    channel: Channel
    received_at: datetime
    form: Form
    file_id: str
    language: str
    organization_id: str | None = None


async def record_request(tx: Transaction, received: Received, office: OnboardingOffice) -> Request:
    """Write down a request that did not come through the portal, and give its contact person a receipt.

    Raises ``SignInFirst``, ``OperatorOnly``, ``NotReceivedYet``, ``NoSuchFile`` or ``InputNotUsable``; of an organization that is
    here already also ``NoSuchOrganization``, ``AlreadyOnboarded`` or ``RequestOpenAlready``.
    """
    operator_id = access.require_operator(tx)
    if received.received_at > tx.now:
        raise NotReceivedYet
    check_certificate(tx, received.form.certificate_pem, office)
    await _require_recordable(tx, received.organization_id)
    request_id = new_id(REQUEST_PREFIX)
    document = await document_of(tx, received.file_id, request_id, 0)
    request = Request(
        id=request_id,
        organization_id=received.organization_id,
        channel=received.channel,
        language=received.language,
        form=received.form,
        filed_by=operator_id,
        created_at=tx.now,
        received_at=received.received_at,
        status=Status.SUBMITTED,
        held_since=tx.now,
        acts=(Act(ActKind.RECORDED, tx.now, operator_id, Status.SUBMITTED),),
        documents=(document,),
        submitted_at=tx.now,
    )
    try:
        await repository.add(tx, request)
    except DuplicateKey:
        raise RequestOpenAlready from None
    await announce_and_tell(tx, office, request.submitted(), request)
    return request


async def _require_recordable(tx: Transaction, organization_id: str | None) -> None:
    if organization_id is None:
        return
    organization = await organizations.find_organization(tx, organization_id)
    if organization is None:
        raise NoSuchOrganization
    # It must not be deleted at this very moment.
    await organizations.hold(tx, organization)
    if await data_exchanges.find_by_organization(tx, [organization_id]):
        raise AlreadyOnboarded


async def take_request(tx: Transaction, request_id: str) -> Request:
    """Begin to work on a request, or take it over from another operator. Raises ``NotToBeDecided``."""
    request = await access.require_filed(tx, request_id)
    taken = request.take(access.require_operator(tx), tx.now)
    if taken is not request:
        await repository.save(tx, taken)
    return taken


async def return_request(tx: Transaction, request_id: str, reasons: tuple[Reason, ...], office: OnboardingOffice) -> Request:
    """Send a request back for correction. Raises ``NotToBeDecided`` or ``TakenByAnother``."""
    request = await access.require_filed(tx, request_id)
    returned, fact = request.send_back(access.require_operator(tx), reasons, tx.now)
    await repository.save(tx, returned)
    told = [{"part": str(each.part), "message": each.message} for each in reasons]
    by_portal = request.channel is Channel.PORTAL
    await announce_and_tell(tx, office, fact, returned, reasons=told, by_portal=by_portal)
    return returned


async def reject_request(tx: Transaction, request_id: str, reason: str, office: OnboardingOffice) -> Request:
    """Turn a request down. Raises ``NotToBeDecided`` or ``TakenByAnother``."""
    request = await access.require_filed(tx, request_id)
    rejected, fact = request.reject(access.require_operator(tx), reason, tx.now)
    await repository.save(tx, rejected)
    await announce_and_tell(tx, office, fact, rejected, reason=reason)
    return rejected
