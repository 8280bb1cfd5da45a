"""What a recipient does about its onboarding request."""

from datetime import timedelta

from chassis.errors import FieldProblem, Invalid
from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Transaction
from chassis.web import InputNotUsable
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.certificates.paper import read_and_judge
from services.identity.data_exchanges import repository as data_exchanges
from services.identity.data_exchanges.domain import AlreadyOnboarded
from services.identity.files import actions as files
from services.identity.inputs import DEFAULT_LANGUAGE
from services.identity.onboarding import access, repository
from services.identity.onboarding.domain import (
    REQUEST_PREFIX,
    Act,
    ActKind,
    Channel,
    Document,
    Request,
    RequestOpenAlready,
    Status,
)
from services.identity.onboarding.form import Form
from services.identity.onboarding.office import OnboardingOffice, announce, announce_and_tell
from services.identity.throttles import Limit

_CHANGES = Limit("change-onboarding-request", tries=100, window=timedelta(hours=1))


async def draft_request(tx: Transaction, organization_id: str, form: Form, office: OnboardingOffice) -> Request:
    """Begin an onboarding request within an organization; nobody else sees it before it is submitted.

    Raises ``RequestOpenAlready``, ``AlreadyOnboarded``, ``InputNotUsable`` or ``TriedTooOften``.
    """
    standing = await access.require_filing(tx, organization_id)
    await throttles.count_try(tx, _CHANGES, organization_id)
    check_certificate(tx, form.certificate_pem, office)
    if await data_exchanges.find_by_organization(tx, [organization_id]):
        raise AlreadyOnboarded
    user_id = standing.membership.user_id
    filer = await accounts.find_user(tx, user_id)
    request = Request(
        id=new_id(REQUEST_PREFIX),
        organization_id=organization_id,
        channel=Channel.PORTAL,
        language=filer.language if filer else DEFAULT_LANGUAGE,
        form=form,
        filed_by=user_id,
        created_at=tx.now,
        received_at=None,
        status=Status.DRAFT,
        held_since=tx.now,
        acts=(Act(ActKind.DRAFTED, tx.now, user_id, Status.DRAFT),),
    )
    try:
        await repository.add(tx, request)
    except DuplicateKey:
        raise RequestOpenAlready from None
    return request


async def change_request(tx: Transaction, request_id: str, form: Form, office: OnboardingOffice) -> Request:
    """Fill in the form anew, before it is submitted or after it was returned.

    Raises ``NotYoursToChangeNow``, ``InputNotUsable`` or ``TriedTooOften``.
    """
    request = await access.require_own(tx, request_id)
    await throttles.count_try(tx, _CHANGES, request.organization_id or request.id)
    check_certificate(tx, form.certificate_pem, office)
    changed = request.change(form, tx.principal.require_signed_in(), tx.now)
    await repository.save(tx, changed)
    return changed


async def attach_document(tx: Transaction, request_id: str, file_id: str) -> Request:
    """Hang an uploaded file on a request; its signatures are examined afterwards.

    Raises ``NotYoursToChangeNow``, ``TooManyDocuments``, ``NoSuchFile`` or ``TriedTooOften``.
    """
    request = await access.require_own(tx, request_id)
    await throttles.count_try(tx, _CHANGES, request.organization_id or request.id)
    attached = request.attach(await document_of(tx, file_id, request.id, request.round_))
    await repository.save(tx, attached)
    return attached


async def remove_document(tx: Transaction, request_id: str, file_id: str) -> Request:
    """Take a wrongly attached document off a request, before it is submitted; the file is removed with it.

    Raises ``NotYoursToChangeNow``, ``NoSuchDocument`` or ``TriedTooOften``.
    """
    request = await access.require_own(tx, request_id)
    await throttles.count_try(tx, _CHANGES, request.organization_id or request.id)
    removed = request.remove(file_id, tx.principal.require_signed_in(), tx.now)
    await files.release(tx, file_id)
    await repository.save(tx, removed)
    return removed


async def document_of(tx: Transaction, file_id: str, request_id: str, round_: int) -> Document:
    """Hang a file of the one who asks on a request and return it as a document. Raises ``NoSuchFile``."""
    file = await files.attach(tx, file_id, request_id)
    return Document(
        file_id=file.id,
        name=file.name,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        attached_at=tx.now,
        attached_by=tx.principal.require_signed_in(),
        round_=round_,
    )


async def submit_request(tx: Transaction, request_id: str, office: OnboardingOffice) -> Request:
    """Hand a request in, or in again, and give its recipient a receipt.

    Raises ``NotYoursToChangeNow``, ``SignedDocumentMissing``, or ``InputNotUsable`` for one that has lapsed meanwhile.
    """
    request = await access.require_own(tx, request_id)
    submitted, fact = request.submit(tx.principal.require_signed_in(), tx.now)
    check_certificate(tx, request.form.certificate_pem, office)
    await repository.save(tx, submitted)
    await announce_and_tell(tx, office, fact, submitted)
    return submitted


async def withdraw_request(tx: Transaction, request_id: str, reason: str | None) -> Request:
    """Take a request back. Raises ``RequestFinished``."""
    request = await access.require_concerned(tx, request_id)
    return await _withdraw(tx, request, reason)


async def end_some(tx: Transaction, organization_id: str, _most: int) -> bool:
    """Withdraw what a deleted organization has asked for; there is never more than one open request."""
    request = await repository.find_open(tx, organization_id)
    if request is not None:
        await _withdraw(tx, request, "The organization was deleted.")
    return False


async def _withdraw(tx: Transaction, request: Request, reason: str | None) -> Request:
    withdrawn, fact = request.withdraw(tx.principal.require_signed_in(), reason, tx.now)
    await repository.save(tx, withdrawn)
    if request.is_filed:
        await announce(tx, fact, withdrawn)
    return withdrawn


def check_certificate(tx: Transaction, pem: str | None, office: OnboardingOffice, *, field: str = "form.certificate_pem") -> None:
    """Refuse a certificate that could not be registered, naming the field that it came in. Raises ``InputNotUsable``."""
    if pem is None:
        return
    try:
        read_and_judge(pem, office.certificate_anchors, tx.now)
    except Invalid as refusal:
        problem = FieldProblem(field, refusal.fields[0].message if refusal.fields else refusal.message)
        raise InputNotUsable(f"{field}: {problem.message}", fields=[problem]) from refusal
