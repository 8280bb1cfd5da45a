"""What can be done with applications."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import DuplicateKey, Transaction
from services.identity import throttles
from services.identity.applications import access, repository
from services.identity.applications.domain import (
    CLIENT_ID_PREFIX,
    Application,
    ApplicationNameTaken,
    ClientSecret,
    write_secret,
)
from services.identity.keys import Pepper
from services.identity.mint import random_text
from services.identity.organizations import access as organizations
from services.identity.throttles import Limit

_CREATIONS = Limit("create-application", tries=500, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The application that is to be made."""

    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """An application with a secret just issued, told once."""

    application: Application
    client_secret: str


async def create_application(tx: Transaction, organization_id: str, wanted: Wanted, pepper: Pepper) -> Keyed:
    """Make an application with its first secret. Raises ``ApplicationNameTaken``."""
    await organizations.require(tx, "CREATE_APPLICATION", organization_id)
    await throttles.count_try(tx, _CREATIONS, organization_id)
    client_id = f"{CLIENT_ID_PREFIX}_{random_text(22)}"
    bare = Application(new_id("app"), organization_id, wanted.name, wanted.description or None, client_id, created_at=tx.now)
    secret, kept = new_secret(tx, pepper)
    application, issued = bare.issue(kept)
    try:
        await repository.add(tx, application)
    except DuplicateKey:
        raise ApplicationNameTaken from None
    await announce(tx, application.created(), application)
    await announce(tx, issued, application)
    return Keyed(application, secret)


async def change_application(tx: Transaction, application_id: str, name: str | None, description: str | None) -> Application:
    """Give an application another name or description; None leaves it as it is. Raises ``ApplicationNameTaken``."""
    application = await access.require(tx, "CHANGE_APPLICATION", application_id)
    changed, fact = application.change(name, description)
    if fact is None:
        return application
    try:
        await repository.save(tx, changed)
    except DuplicateKey:
        raise ApplicationNameTaken from None
    await announce(tx, fact, changed)
    return changed


async def delete_application(tx: Transaction, application_id: str) -> Application:
    """Delete an application; its secrets and tokens are worth nothing from now on."""
    application = await access.require(tx, "DELETE_APPLICATION", application_id)
    await repository.bury(tx, application)
    await announce(tx, application.delete(), application)
    return application


def new_secret(tx: Transaction, pepper: Pepper, expires_at: datetime | None = None) -> tuple[str, ClientSecret]:
    """Return a new secret's text, to be told once, and what is kept of it."""
    secret = write_secret(random_text(43))
    return secret, ClientSecret(
        new_id("sec"), hint=secret[-4:], hash=pepper.hash(secret), created_at=tx.now, expires_at=expires_at
    )


async def keep(tx: Transaction, application: Application, facts: Sequence[Event]) -> None:
    """Keep an application whose secrets have changed, and announce that (for those who have checked that this may be)."""
    await repository.save(tx, application)
    for fact in facts:
        await announce(tx, fact, application)


async def announce(tx: Transaction, fact: Event, application: Application) -> None:
    """Announce a fact about an application to its organization."""
    organization_id = application.organization_id
    await tx.emit(fact, subject=application.id, organization=organization_id, audience=[organization_id])
