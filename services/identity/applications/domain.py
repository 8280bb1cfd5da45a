"""What is true of applications and client secrets."""

import re
import zlib
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import Conflict, FieldProblem
from services.identity.events import (
    ApplicationChanged,
    ApplicationCreated,
    ApplicationDeleted,
    SecretIssued,
    SecretRetired,
)

CLIENT_ID_PREFIX = "pci"
SECRET_PREFIX = "pcs"  # noqa: S105 - what every secret begins with
RETIRED_SECRETS_SHOWN = 10
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET = re.compile(rf"{SECRET_PREFIX}_([0-9A-Za-z]{{43}})_([0-9A-Za-z]{{6}})")


class ApplicationNameTaken(Conflict):
    """The organization has an application of this name already."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "give a name that no other application of the organization has")])


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def write_secret(random_text: str) -> str:
    """Return a client secret: a prefix that scanners of leaked secrets know, randomness, a checksum."""
    return f"{SECRET_PREFIX}_{random_text}_{_checksum(random_text)}"


def is_well_formed_secret(text: str) -> bool:
    """Say whether this can be a client secret at all, without looking anything up."""
    found = _SECRET.fullmatch(text)
    return found is not None and _checksum(found.group(1)) == found.group(2)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What is kept of a client secret: its keyed hash, and its last four characters to tell it from others."""

    id: str
    hint: str
    hash: str
    created_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What calls APIs on behalf of an organization."""

    id: str
    organization_id: str
    name: str
    description: str | None
    client_id: str
    created_at: datetime
    secrets: tuple[ClientSecret, ...] = ()

    @property
    def live_secrets(self) -> tuple[ClientSecret, ...]:
        """Return the secrets that are valid."""
        return tuple(secret for secret in self.secrets if secret.retired_at is None)

    def created(self) -> ApplicationCreated:
        """Return the fact that there is this application."""
        return ApplicationCreated(
            application_id=self.id, organization_id=self.organization_id, name=self.name, client_id=self.client_id
        )

    def change(self, name: str | None, description: str | None) -> tuple["Application", ApplicationChanged | None]:
        """Return the application changed; None leaves a part as it is, and without any change there is no fact."""
        changed = replace(
            self,
            name=self.name if name is None else name,
            description=self.description if description is None else description or None,
        )
        if changed == self:
            return self, None
        return changed, ApplicationChanged(
            application_id=self.id, organization_id=self.organization_id, name=changed.name, client_id=self.client_id
        )

    def issue(self, secret: ClientSecret) -> tuple["Application", SecretIssued]:
        """Return the application with another secret."""
        issued = SecretIssued(
            application_id=self.id, organization_id=self.organization_id, client_id=self.client_id, secret_id=secret.id
        )
        return replace(self, secrets=(*self.secrets, secret)), issued

    def retire_all(self, now: datetime) -> tuple["Application", list[SecretRetired]]:
        """Return the application without a valid secret; of those retired the latest few stay to be seen."""
        retired = [
            SecretRetired(
                application_id=self.id, organization_id=self.organization_id, client_id=self.client_id, secret_id=secret.id
            )
            for secret in self.live_secrets
        ]
        secrets = tuple(secret if secret.retired_at else replace(secret, retired_at=now) for secret in self.secrets)
        return replace(self, secrets=secrets[-RETIRED_SECRETS_SHOWN:]), retired

    def delete(self) -> ApplicationDeleted:
        """Return the fact that the application is gone."""
        return ApplicationDeleted(application_id=self.id, organization_id=self.organization_id, client_id=self.client_id)
