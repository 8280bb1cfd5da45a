"""What the verbs of onboarding take, as it is sent."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from chassis.errors import FieldProblem
from chassis.web import InputNotUsable
from services.identity.inputs import Description, EmailAddress, Input, LanguageCode, Name
from services.identity.onboarding.domain import Channel, Reason
from services.identity.onboarding.form import Contact, Form, Part, Registration
from services.identity.organizations.roles import Role

_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{3,28}[0-9]")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,48}[A-Za-z0-9]")
_PRODUCT = re.compile(r"prd_[0-9A-Za-z]{1,40}")
_MOST_PRODUCTS = 50
_MOST_REASONS = 30
_LARGEST_PEM = 32 * 1024


def _read_phone(text: str) -> str:
    phone = " ".join(text.split())
    if not _PHONE.fullmatch(phone):
        raise ValueError("give a telephone number, such as +371 6700 0000")
    return phone


def _read_number(text: str) -> str:
    number = " ".join(text.split())
    if not _NUMBER.fullmatch(number):
        raise ValueError("give a registration number of 2 to 50 letters and digits")
    return number


def _read_country(text: str) -> str:
    country = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{2}", country):
        raise ValueError("give a country as two letters (ISO 3166-1), such as LV")
    return country


def _read_product(text: str) -> str:
    if not _PRODUCT.fullmatch(text):
        raise ValueError("give the id of a product (prd_…)")
    return text


def _read_moment(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("give a moment in the years 1 to 9999, by UTC") from error


def _read_text(text: str) -> str:
    if not text:
        raise ValueError("write at least a word")
    return text


Text = Annotated[Description, AfterValidator(_read_text)]
Phone = Annotated[str, AfterValidator(_read_phone)]
Moment = Annotated[AwareDatetime, AfterValidator(_read_moment)]
RequestId = Annotated[str, Field(max_length=100)]


class ContactInput(Input):
    """A person to write to or to call."""

    name: Name
    email: EmailAddress
    phone: Phone | None = None
    position: Name | None = None


class ProviderContactInput(Input):
    """The person with the data provider who is told when the organization is onboarded."""

    name: Name
    email: EmailAddress


class FormInput(Input):
    """The onboarding form, whole."""

    legal_name: Name
    registration_number: Annotated[str, AfterValidator(_read_number)]
    address: Text
    country: Annotated[str, AfterValidator(_read_country)]
    e_address: Name | None = None
    email: EmailAddress | None = None
    phone: Phone | None = None
    contact: ContactInput
    contact_role: Role = Role.DEVELOPER
    provider_contact: ProviderContactInput
    purpose: Text
    legal_basis: Text | None = None
    product_ids: list[Annotated[str, AfterValidator(_read_product)]] = Field(default_factory=list, max_length=_MOST_PRODUCTS)
    services_text: Text | None = None
    certificate_pem: str | None = Field(None, max_length=_LARGEST_PEM)

    def to_form(self) -> Form:
        """Return the form. Raises ``FormNotComplete``."""
        form = Form(
            registration=Registration(
                legal_name=self.legal_name,
                registration_number=self.registration_number,
                address=self.address,
                country=self.country,
                e_address=self.e_address,
                email=self.email,
                phone=self.phone,
            ),
            contact=Contact(self.contact.name, self.contact.email, self.contact.phone, self.contact.position),
            provider_contact=Contact(self.provider_contact.name, self.provider_contact.email),
            purpose=self.purpose,
            contact_role=self.contact_role,
            legal_basis=self.legal_basis,
            product_ids=tuple(dict.fromkeys(self.product_ids)),
            services_text=self.services_text,
            certificate_pem=self.certificate_pem or None,
        )
        form.check()
        return form


class DraftRequest(Input):
    """What ``draft_onboarding_request`` takes."""

    organization_id: RequestId
    form: FormInput


class ChangeRequest(Input):
    """What ``change_onboarding_request`` takes: the whole form as it is to be."""

    request_id: RequestId
    form: FormInput


class AttachDocument(Input):
    """What ``attach_signed_document`` takes."""

    request_id: RequestId
    file_id: RequestId


class RemoveDocument(Input):
    """What ``remove_signed_document`` takes."""

    request_id: RequestId
    file_id: RequestId


class OfRequest(Input):
    """What ``submit_onboarding_request`` and ``take_onboarding_request`` take."""

    request_id: RequestId


class WithdrawRequest(Input):
    """What ``withdraw_onboarding_request`` takes."""

    request_id: RequestId
    reason: Description | None = None


class RecordRequest(Input):
    """What ``record_onboarding_request`` takes: a request that came by mail or on paper, with the file of its document.

    ``organization_id`` is given where the organization is on the portal already.
    """

    channel: Channel
    received_at: Moment
    form: FormInput
    file_id: RequestId
    language: LanguageCode
    organization_id: RequestId | None = None

    def received(self) -> datetime:
        """Return when it came. Raises ``InputNotUsable`` for a channel that is not for recording."""
        if self.channel is Channel.PORTAL:
            problem = FieldProblem("channel", "give MAIL or PAPER; what comes through the portal is filed there")
            raise InputNotUsable(f"channel: {problem.message}", fields=[problem])
        return self.received_at


class ReasonInput(Input):
    """Why a request is returned, and which part of it is at fault."""

    part: Part
    message: Text


class ReturnRequest(Input):
    """What ``return_onboarding_request`` takes."""

    request_id: RequestId
    reasons: list[ReasonInput] = Field(min_length=1, max_length=_MOST_REASONS)

    def to_reasons(self) -> tuple[Reason, ...]:
        """Return the reasons."""
        return tuple(Reason(each.part, each.message) for each in self.reasons)


class RejectRequest(Input):
    """What ``reject_onboarding_request`` takes."""

    request_id: RequestId
    reason: Text


class ApproveRequest(Input):
    """What ``approve_onboarding_request`` takes.

    ``certificate_pem`` stands in for the form's certificate; ``despite_finding`` says why a bad signature does not matter.
    ``submitted_at`` is that of the submission that was looked at.
    """

    request_id: RequestId
    submitted_at: Moment | None = None
    despite_finding: Text | None = None
    certificate_pem: str | None = Field(None, max_length=_LARGEST_PEM)
