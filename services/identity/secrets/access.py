"""The door to client secrets: for who proves an application by one, and for who asks whether one is still needed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.mongo import Reader
from services.identity.applications.access import application_of_client
from services.identity.applications.domain import Application, ClientSecret, is_well_formed_secret
from services.identity.keys import Pepper
from services.identity.secrets import repository
from services.identity.secrets.domain import Evidence, Terms, holds
from services.identity.secrets.feed import known_until
from services.identity.secrets.use import Use

OtherProofs = Callable[[Reader, Sequence[str]], Awaitable[set[str]]]
"""Gives those of the applications (by id) that can prove themselves by something else than a secret at this moment."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging whether a secret is still needed takes: the terms, and who knows of keys and certificates."""

    terms: Terms
    other_proofs: tuple[OtherProofs, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A secret as those see it who may see its application."""

    secret: ClientSecret
    use: Use
    holds: tuple[str, ...]
    known_until: datetime | None


async def authenticate(reader: Reader, client_id: str, text: str, pepper: Pepper) -> tuple[Application, ClientSecret] | None:
    """Return the application and the valid secret that a Client ID and a secret prove, or None.

    What cannot be a secret is refused without a look-up.
    """
    if not is_well_formed_secret(text):
        return None
    application = await application_of_client(reader, client_id)
    if application is None:
        return None
    for secret in application.live_secrets(reader.now):
        if pepper.matches(text, secret.hash):
            return application, secret
    return None


async def evidence_of(reader: Reader, applications: Sequence[Application], judging: Judging) -> dict[str, Evidence]:
    """Return by application id what is known of the use of their secrets; so many look-ups whatever their number."""
    uses = await repository.find_uses(reader, [secret.id for each in applications for secret in each.secrets])
    sources = await repository.find_sources(reader)
    known = known_until(sources, reader.now - judging.terms.silence, reader.now)
    proven: set[str] = set()
    for proofs in judging.other_proofs:
        proven |= await proofs(reader, [each.id for each in applications])
    return {each.id: Evidence(uses, known, each.id in proven) for each in applications}


async def seen(reader: Reader, applications: Sequence[Application], judging: Judging) -> dict[str, list[Seen]]:
    """Return by application id their secrets as they are seen (for those who have checked that they may be)."""
    evidence = await evidence_of(reader, applications, judging)
    return {
        application.id: [
            _seen(application, secret, evidence[application.id], judging, now=reader.now) for secret in application.secrets
        ]
        for application in applications
    }


def _seen(application: Application, secret: ClientSecret, evidence: Evidence, judging: Judging, *, now: datetime) -> Seen:
    use = evidence.uses.get(secret.id, Use(secret.id))
    against = holds(application, secret, evidence, judging.terms, now=now) if secret.is_live(now) else []
    return Seen(secret, use, tuple(against), evidence.known_until)
