"""What an organization says of itself when it asks to be onboarded."""

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import FieldProblem, Invalid
from services.identity.organizations.roles import Role


class FormNotComplete(Invalid):
    """Something is missing in the form."""


class Part(StrEnum):
    """The parts of a request that an operator's reason can point at."""

    LEGAL_NAME = "LEGAL_NAME"
    REGISTRATION_NUMBER = "REGISTRATION_NUMBER"
    ADDRESS = "ADDRESS"
    COUNTRY = "COUNTRY"
    E_ADDRESS = "E_ADDRESS"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CONTACT = "CONTACT"
    CONTACT_ROLE = "CONTACT_ROLE"
    PROVIDER_CONTACT = "PROVIDER_CONTACT"
    PURPOSE = "PURPOSE"
    LEGAL_BASIS = "LEGAL_BASIS"
    SERVICES = "SERVICES"
    CERTIFICATE = "CERTIFICATE"
    DOCUMENT = "DOCUMENT"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person to write to or to call."""

    name: str
    email: str
    phone: str | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """An organization as a register of companies knows it. ``country`` is ISO 3166-1 alpha-2."""

    legal_name: str
    registration_number: str
    address: str
    country: str
    e_address: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def key(self) -> str:
        """Return the number in the form in which numbers are compared: within a country, without spaces and marks."""
        return f"{self.country}:{''.join(each for each in self.registration_number.upper() if each.isalnum())}"


@dataclass(frozen=True, slots=True)
class Form:
    """The onboarding form. ``contact_role`` is what the contact person is to be in the organization."""

    registration: Registration
    contact: Contact
    provider_contact: Contact
    purpose: str
    contact_role: Role = Role.DEVELOPER
    legal_basis: str | None = None
    product_ids: tuple[str, ...] = ()
    services_text: str | None = None
    certificate_pem: str | None = None

    def check(self) -> None:
        """Refuse a form that names no service, or no address at which the organization is reached. Raises ``FormNotComplete``."""
        missing = []
        if not self.product_ids and not self.services_text:
            missing += [
                FieldProblem("form.product_ids", "name at least one product, or describe the services in servicesText"),
                FieldProblem("form.services_text", "describe the services wanted, or name products in productIds"),
            ]
        if not self.registration.email and not self.registration.e_address:
            missing += [
                FieldProblem("form.email", "give the organization's e-mail address, or its eAddress"),
                FieldProblem("form.e_address", "give the organization's e-address, or its email"),
            ]
        if self.contact_role is Role.OWNER:
            missing.append(FieldProblem("form.contact_role", "give ADMINISTRATOR, DEVELOPER or OBSERVER"))
        if missing:
            raise FormNotComplete("; ".join(f"{each.field}: {each.message}" for each in missing), fields=missing)
