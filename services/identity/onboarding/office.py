"""What acting on onboarding requests takes beside the transaction, and what people are told about them."""

from dataclasses import asdict, dataclass
from datetime import timedelta

import orjson

from chassis.messages import Event
from chassis.mongo import Reader, Transaction
from services.identity.accounts import repository as accounts
from services.identity.certificates.paper import Anchors
from services.identity.data_exchanges.domain import NumberPattern
from services.identity.findings.examining import Judge
from services.identity.inputs import address_key
from services.identity.mail.actions import PostOffice
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


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Somebody who is written to: as a user where the address is one's, otherwise at the address itself."""

    user_id: str | None
    address: str
    name: str
    language: str


async def announce_and_tell(
    tx: Transaction, office: OnboardingOffice, fact: Event, request: Request, *, is_for_provider: bool = False, **told: object
) -> None:
    """Announce a fact about a request, and with it, for notifications alone, whom to write to and what.

    Those who asked are the contact person and whoever filed the request through the portal; ``is_for_provider`` adds the contact
    person of the provider.
    """
    form = request.form
    asking = [await _addressee(tx, form.contact, request)]
    if request.channel is Channel.PORTAL:
        filer = await accounts.find_user(tx, request.filed_by)
        if filer is not None and all(each is None or each.user_id != filer.id for each in asking):
            asking.append(_Addressee(filer.id, filer.email, filer.name, filer.language))
    provider = [await _addressee(tx, form.provider_contact, request)] if is_for_provider else []
    document = {
        "asking": [asdict(each) for each in asking if each is not None],
        "provider": [asdict(each) for each in provider if each is not None],
        "registration_number": form.registration.registration_number,
        **told,
    }
    sealed = office.post_office.book.seal.close(orjson.dumps(document).decode(), request.id)
    await announce(tx, fact.model_copy(update={"legal_name": form.registration.legal_name, "sealed_told": sealed}), request)


async def _addressee(tx: Transaction, contact: Contact, request: Request) -> _Addressee | None:
    if not contact.email:
        return None  # whoever it was has had their data erased since
    user = await accounts.find_user_by_address(tx, address_key(contact.email))
    if user is not None:
        return _Addressee(user.id, user.email, user.name, user.language)
    return _Addressee(None, contact.email, contact.name, request.language)


async def language_of(reader: Reader, email: str, otherwise: str) -> str:
    """Return the language in which the owner of an address is written to."""
    user = await accounts.find_user_by_address(reader, address_key(email))
    return user.language if user else otherwise


async def announce(tx: Transaction, fact: Event, request: Request) -> None:
    """Announce a fact about a request, to its organization where it has one."""
    audience = [request.organization_id] if request.organization_id else []
    await tx.emit(fact, subject=request.id, organization=request.organization_id, audience=audience)
