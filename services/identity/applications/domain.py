"""What is true of applications and of a single client secret; how secrets replace one another stands in ``secrets``."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
ACTIVE, RETIRING, RETIRED = "ACTIVE", "RETIRING", "RETIRED"
EXPIRED = "EXPIRED"
WARNED_DAYS_BEFORE = (30, 7, 1)
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
    """What is kept of a client secret: its keyed hash, its last four characters to tell it from others, and its life.

    ``expires_at``: from then on it is valid no more, whoever noted it; None while no end is set. ``replaced_at``: when another
    one took its place, so that it is RETIRING. ``look_at``: when to look next whether a RETIRING one has fallen silent;
    ``silent_at``: when it was found so. ``warned_days``: the latest warning of its end that was given.
    """

    id: str
    hint: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None
    replaced_at: datetime | None = None
    retire_when_silent: bool = False
    look_at: datetime | None = None
    silent_at: datetime | None = None
    warned_days: int | None = None
    retired_at: datetime | None = None
    retired_because: str | None = None

    def is_live(self, now: datetime) -> bool:
        """Say whether the secret is valid at this moment, although nobody may have noted its end yet."""
        return self.retired_at is None and (self.expires_at is None or now < self.expires_at)

    def status(self, now: datetime) -> str:
        """Return ACTIVE, RETIRING (another one has taken its place, and its end is set) or RETIRED."""
        if not self.is_live(now):
            return RETIRED
        return RETIRING if self.replaced_at is not None else ACTIVE

    def ended_at(self, now: datetime) -> datetime | None:
        """Return since when the secret is valid no more; None while it is."""
        return None if self.is_live(now) else self.retired_at or self.expires_at

    def why_ended(self, now: datetime) -> str | None:
        """Return ROTATED, RETIRED, EXPIRED or SILENT; None while it is valid, and where that was not kept."""
        return EXPIRED if self.retired_at is None and not self.is_live(now) else self.retired_because

    def warning_due(self, now: datetime) -> int | None:
        """Return which warning of the end (so many days before it) is to be given now, if one is."""
        due = [days for days, moment in self._warnings() if moment <= now]
        return min(due, default=None)

    @property
    def due_at(self) -> datetime | None:
        """Return when time changes something about the secret next: its end, a warning, a look at its use."""
        if self.retired_at is not None:
            return None
        moments = [self.expires_at, self.look_at, *(moment for _, moment in self._warnings())]
        return min((each for each in moments if each is not None), default=None)

    def _warnings(self) -> list[tuple[int, datetime]]:
        """Return the warnings that are still to come: of an end set when the secret was issued, and longer before."""
        if self.expires_at is None or self.replaced_at is not None:
            return []
        moments = [(days, self.expires_at - timedelta(days=days)) for days in WARNED_DAYS_BEFORE]
        given = self.warned_days or max(WARNED_DAYS_BEFORE) + 1
        return [(days, moment) for days, moment in moments if days < given and moment > self.created_at]


@dataclass(frozen=True, slots=True)
class Application:
    """What calls APIs on behalf of an organization: it belongs to the organization, not to who made it."""

    id: str
    organization_id: str
    name: str
    description: str | None
    client_id: str
    created_at: datetime
    secrets: tuple[ClientSecret, ...] = ()

    def live_secrets(self, now: datetime) -> tuple[ClientSecret, ...]:
        """Return the secrets that are valid at this moment, the oldest first."""
        return tuple(secret for secret in self.secrets if secret.is_live(now))

    @property
    def due_at(self) -> datetime | None:
        """Return when time changes something about one of the secrets next."""
        return min((each.due_at for each in self.secrets if each.due_at is not None), default=None)

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
        return self.keeping((*self.secrets, secret)), self.issued(secret)

    def issued(self, secret: ClientSecret) -> SecretIssued:
        """Return the fact that it has a secret."""
        return SecretIssued(
            application_id=self.id,
            organization_id=self.organization_id,
            client_id=self.client_id,
            secret_id=secret.id,
            expires_at=secret.expires_at,
        )

    def retire(self, secret: ClientSecret, at: datetime, because: str) -> tuple["Application", SecretRetired]:
        """Return the application with one of its secrets valid no more."""
        gone = replace(secret, retired_at=at, retired_because=because, look_at=None)
        return self.replacing(gone), self.retired(gone)

    def retired(self, secret: ClientSecret) -> SecretRetired:
        """Return the fact that one of its secrets is valid no more."""
        return SecretRetired(
            application_id=self.id,
            organization_id=self.organization_id,
            client_id=self.client_id,
            secret_id=secret.id,
            reason=secret.retired_because,
        )

    def replacing(self, secret: ClientSecret) -> "Application":
        """Return the application with one of its secrets as it is given here."""
        return self.keeping([secret if each.id == secret.id else each for each in self.secrets])

    def keeping(self, secrets: Sequence[ClientSecret]) -> "Application":
        """Return the application with these secrets; of the retired ones the latest few stay to be seen."""
        retired = [each.id for each in secrets if each.retired_at is not None]
        dropped = set(retired[:-RETIRED_SECRETS_SHOWN])
        return replace(self, secrets=tuple(each for each in secrets if each.id not in dropped))

    def delete(self) -> ApplicationDeleted:
        """Return the fact that the application is gone."""
        return ApplicationDeleted(application_id=self.id, organization_id=self.organization_id, client_id=self.client_id)
