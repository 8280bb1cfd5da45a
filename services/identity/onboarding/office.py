"""What acting on onboarding requests takes beside the transaction, and what people are told about them."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.messages import Event
from chassis.mongo import Reader, Transaction
from services.identity.accounts import repository as accounts
from services.identity.certificates.paper import Anchors
from services.identity.data_exchanges.domain import NumberPattern
from services.identity.findings.examining import Judge
from services.identity.inputs import address_key
from services.identity.mail.actions import PostOffice, post
from services.identity.onboarding.domain import Channel, Request
from services.identity.onboarding.form import Contact


@dataclass(frozen=True, slots=True)
class OnboardingOffice:
    """What differs per place, and who helps. ``invitation_ttl`` is how long the contact person's invitation stands."""

    post_office: PostOffice
    pattern: NumberPattern
    invitation_ttl: timedelta
    certificate_anchors: Anchors
    judge: Judge


async def tell_recipient(tx: Transaction, office: OnboardingOffice, kind: str, request: Request, **values: object) -> None:
    """Write a letter to the contact person, and to whoever filed the request through the portal, each in their own language."""
    addressees = {address_key(request.form.contact.email): (request.form.contact.email, request.form.contact.name)}
    if request.channel is Channel.PORTAL:
        filer = await accounts.find_user(tx, request.filed_by)
        if filer is not None:
            addressees.setdefault(filer.email_key, (filer.email, filer.name))
    for email, name in addressees.values():
        await _write(tx, office, kind, Contact(name, email), request=request, **values)


async def tell_provider(tx: Transaction, office: OnboardingOffice, request: Request, **values: object) -> None:
    """Write to the provider's contact person that the organization is onboarded."""
    await _write(tx, office, "onboarding_provider_informed", request.form.provider_contact, request=request, **values)


async def _write(
    tx: Transaction, office: OnboardingOffice, kind: str, to: Contact, *, request: Request, **values: object
) -> None:
    if not to.email:
        return  # whoever it was has had their data erased since
    form = request.form
    about = {
        "name": to.name,
        "organization": form.registration.legal_name,
        "registration_number": form.registration.registration_number,
        "request_id": request.id,
        **values,
    }
    await post(tx, office.post_office, kind, to.email, language=await language_of(tx, to.email, request.language), **about)


async def language_of(reader: Reader, email: str, otherwise: str) -> str:
    """Return the language in which the owner of an address is written to."""
    user = await accounts.find_user_by_address(reader, address_key(email))
    return user.language if user else otherwise


async def announce(tx: Transaction, fact: Event, request: Request) -> None:
    """Announce a fact about a request, to its organization where it has one."""
    audience = [request.organization_id] if request.organization_id else []
    await tx.emit(fact, subject=request.id, organization=request.organization_id, audience=audience)
