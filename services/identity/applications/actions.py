"""What can be done with applications."""

from dataclasses import dataclass
from datetime import timedelta

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
    secret, kept = _new_secret(tx, pepper)
    application, issued = bare.issue(kept)
    try:
        await repository.add(tx, application)
    except DuplicateKey:
        raise ApplicationNameTaken from None
    await _announce(tx, application.created(), application)
    await _announce(tx, issued, application)
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
    await _announce(tx, fact, changed)
    return changed


async def delete_application(tx: Transaction, application_id: str) -> Application:
    """Delete an application; its secrets and tokens are worth nothing from now on."""
    application = await access.require(tx, "DELETE_APPLICATION", application_id)
    await repository.bury(tx, application)
    await _announce(tx, application.delete(), application)
    return application


async def rotate_secret(tx: Transaction, application_id: str, pepper: Pepper) -> Keyed:
    """Issue another secret and retire the former at once."""
    application = await access.require(tx, "REISSUE_SECRET", application_id)
    secret, kept = _new_secret(tx, pepper)
    bare, retired = application.retire_all(tx.now)
    rotated, issued = bare.issue(kept)
    await repository.save(tx, rotated)
    await _announce(tx, issued, rotated)
    for fact in retired:
        await _announce(tx, fact, rotated)
    return Keyed(rotated, secret)


def _new_secret(tx: Transaction, pepper: Pepper) -> tuple[str, ClientSecret]:
    secret = write_secret(random_text(43))
    return secret, ClientSecret(new_id("sec"), hint=secret[-4:], hash=pepper.hash(secret), created_at=tx.now)


async def _announce(tx: Transaction, fact: Event, application: Application) -> None:
    organization_id = application.organization_id
    await tx.emit(fact, subject=application.id, organization=organization_id, audience=[organization_id])
