"""What can be done with client secrets, what time does with them, and what is noted of their use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.mongo import Reader, Transaction
from services.identity.applications import access as applications
from services.identity.applications.actions import Keyed, keep, new_secret
from services.identity.applications.domain import Application
from services.identity.keys import Pepper
from services.identity.secrets import access, domain, repository
from services.identity.secrets.access import Judging
from services.identity.secrets.domain import Grace
from services.identity.secrets.use import NOTED_EVERY, Called, Use


@dataclass(frozen=True, slots=True)
class SecretOffice:
    """What issuing secrets and watching over them takes."""

    pepper: Pepper
    judging: Judging


async def issue_secret(tx: Transaction, application_id: str, expires_at: datetime | None, office: SecretOffice) -> Keyed:
    """Issue a secret beside the one that there is, which goes on. Raises ``TwoSecretsLive`` or ``SecretLifeNotUsable``."""
    application = await applications.require(tx, "REISSUE_SECRET", application_id)
    domain.check_life(expires_at, tx.now)
    text, secret = new_secret(tx, office.pepper, expires_at)
    changed, facts = domain.issue_beside(application, secret, tx.now)
    await keep(tx, changed, facts)
    return Keyed(changed, text)


async def rotate_secret(
    tx: Transaction, application_id: str, grace: Grace, expires_at: datetime | None, *, office: SecretOffice
) -> Keyed:
    """Issue a secret in place of the others. Raises ``TwoSecretsLive`` or ``SecretLifeNotUsable``."""
    application = await applications.require(tx, "REISSUE_SECRET", application_id)
    domain.check_life(expires_at, tx.now)
    text, secret = new_secret(tx, office.pepper, expires_at)
    rotated, facts = domain.rotate(application, secret, grace, tx.now)
    await keep(tx, rotated, facts)
    return Keyed(rotated, text)


async def retire_secret(tx: Transaction, application_id: str, secret_id: str, *, even_if_last: bool) -> Application:
    """End a secret, and the tokens that it obtained, at once. Raises ``NoSuchSecret`` or ``LastSecret``."""
    application = await applications.require(tx, "REISSUE_SECRET", application_id)
    retired, facts = domain.retire(application, secret_id, tx.now, even_if_last=even_if_last)
    if facts:
        await keep(tx, retired, facts)
    return retired


async def note_issue(reader: Reader, secret_id: str) -> None:
    """Note that a token is issued with a secret, before it is handed out.

    Mostly one read: a note is written at most every ``NOTED_EVERY``, which whoever judges by it adds to it.
    """
    noted_at = await repository.find_issued_at(reader, secret_id)
    if noted_at is None or reader.now - noted_at >= NOTED_EVERY:
        await repository.save_issued_at(reader, secret_id)


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that one data plane reports, by secret, and how far its log is told with this batch."""

    source: str
    number: int
    read_through: datetime | None
    calls: Mapping[str, Sequence[Called]]


async def count_calls(tx: Transaction, batch: Batch) -> None:
    """Count a batch of calls, whatever its size in one read and one write; one that was heard before changes nothing."""
    source = await repository.find_source(tx, batch.source)
    await repository.save_source(tx, source.hear(batch.number, batch.read_through, tx.now))
    if batch.calls and not source.has_heard(batch.number):
        known = await repository.find_uses(tx, batch.calls)
        uses = [known.get(key, Use(key)).heard(calls, tx.now) for key, calls in batch.calls.items()]
        await repository.save_calls(tx, uses)


async def keep_time(tx: Transaction, application_id: str, office: SecretOffice) -> None:
    """Do what time has made due with an application's secrets: end them, find them silent, warn of their end."""
    application = await applications.live_application(tx, application_id)
    if application is None:
        return
    evidence = (await access.evidence_of(tx, [application], office.judging))[application.id]
    kept, facts = domain.keep_time(application, evidence, office.judging.terms, tx.now)
    if kept == application:
        return
    await keep(tx, kept, facts)
