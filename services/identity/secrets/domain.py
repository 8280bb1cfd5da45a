"""How client secrets replace one another: at most two are valid at a time, and each end has a reason.

An ACTIVE secret is valid. A RETIRING one is valid until its end, since another has taken its place. A RETIRED one is valid
no more, and neither are the tokens that it obtained.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from chassis.messages import Event
from services.identity.applications.domain import ACTIVE, EXPIRED, RETIRED, RETIRING, Application, ClientSecret
from services.identity.events import SecretExpiring, SecretUsedLast
from services.identity.secrets.use import NOTED_EVERY, Use

MOST_LIVE = 2
LONGEST_GRACE = timedelta(days=30)
LONGEST_LIFE = timedelta(days=731)
ROTATED, BY_HAND, SILENT = "ROTATED", RETIRED, "SILENT"

LAST_ONE, NOT_SILENT_YET, TOKEN_ALIVE, USAGE_NOT_KNOWN = "LAST_ONE", "NOT_SILENT_YET", "TOKEN_ALIVE", "USAGE_NOT_KNOWN"
FEED_LAG = timedelta(seconds=60)
"""The usage is known until recently when no more than this is missing; an idle data plane reports every few seconds."""
CLOCKS_APART = timedelta(seconds=10)
"""How far the clocks of processes may be apart without a token outliving what is said of it."""
LOOK_AGAIN = timedelta(seconds=30)


class TwoSecretsLive(Conflict):
    """Two secrets are valid already: retire one of them first, or rotate without grace, which ends both."""


class LastSecret(Conflict):
    """This is the application's last valid secret: issue another one first, or say evenIfLast."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("even_if_last", "give true if the application needs no secret any more")])


class NoSuchSecret(NotFound):
    """The application has no such secret."""


class GraceGivenTwice(Invalid):
    """Give the grace in seconds or in days, not both."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("grace_days", "leave it out where the grace is given in seconds")])


class SilenceNeedsGrace(Invalid):
    """Without a grace the former secrets end at once: there is no time in which they could fall silent."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("retire_when_silent", "leave it out, or give a grace")])


class SecretLifeNotUsable(Invalid):
    """A secret's end lies in the future, at most two years ahead."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("expires_at", "give a moment in the future, at most 731 days ahead")])


@dataclass(frozen=True, slots=True)
class Grace:
    """How the others end when a secret takes their place: ``length`` from now at the latest, or as soon as nobody uses them."""

    length: timedelta = timedelta()
    retire_when_silent: bool = False


def grace_of(seconds: int | None, days: int | None, *, retire_when_silent: bool) -> Grace:
    """Return the grace that is given in seconds or in days; in neither it is none.

    Raises ``GraceGivenTwice`` or ``SilenceNeedsGrace``.
    """
    if seconds is not None and days is not None:
        raise GraceGivenTwice
    length = timedelta(seconds=seconds or 0, days=days or 0)
    if retire_when_silent and not length:
        raise SilenceNeedsGrace
    return Grace(length, retire_when_silent)


@dataclass(frozen=True, slots=True)
class Terms:
    """``silence``: unused for so long a secret counts as silent. ``token_ttl``: how long a token that it obtains is valid."""

    silence: timedelta
    token_ttl: timedelta


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known when one asks whether a secret is still needed.

    ``proven_otherwise``: the application has a key or certificate to prove itself by. ``known_until``: see ``feed``.
    """

    uses: Mapping[str, Use]
    known_until: datetime | None
    proven_otherwise: bool = False


def check_life(expires_at: datetime | None, now: datetime) -> None:
    """Refuse an end that cannot be one. Raises ``SecretLifeNotUsable``."""
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise SecretLifeNotUsable


def issue_beside(application: Application, secret: ClientSecret, now: datetime) -> tuple[Application, list[Event]]:
    """Return the application with another secret, the others as they are. Raises ``TwoSecretsLive``."""
    if len(application.live_secrets(now)) >= MOST_LIVE:
        raise TwoSecretsLive
    issuing, issued = application.issue(secret)
    return issuing, [issued]


def rotate(application: Application, secret: ClientSecret, grace: Grace, now: datetime) -> tuple[Application, list[Event]]:
    """Return the application with a secret in place of the others, and the facts, first of the new one.

    Without grace the others are valid no more at once; with it each ends when the grace does, unless its own end comes before.
    Raises ``TwoSecretsLive``.
    """
    others = application.live_secrets(now)
    if grace.length and len(others) >= MOST_LIVE:
        raise TwoSecretsLive
    rotated, issued = application.issue(secret)
    facts: list[Event] = [issued]
    for other in others:
        if grace.length:
            ends_at = min(other.expires_at or now + grace.length, now + grace.length)
            silently = other.retire_when_silent or grace.retire_when_silent
            rotated = rotated.replacing(
                replace(other, expires_at=ends_at, replaced_at=now, retire_when_silent=silently, look_at=now)
            )
        else:
            rotated, fact = rotated.retire(other, now, ROTATED)
            facts.append(fact)
    return rotated, facts


def retire(application: Application, secret_id: str, now: datetime, *, even_if_last: bool) -> tuple[Application, list[Event]]:
    """Return the application with a secret valid no more; one that is so already stays as it is.

    Raises ``NoSuchSecret`` or ``LastSecret``.
    """
    secret = next((each for each in application.secrets if each.id == secret_id), None)
    if secret is None:
        raise NoSuchSecret
    live = application.live_secrets(now)
    if secret not in live:
        return application, []
    if len(live) == 1 and not even_if_last:
        raise LastSecret
    retired, fact = application.retire(secret, now, BY_HAND)
    return retired, [fact]


def holds(application: Application, secret: ClientSecret, evidence: Evidence, terms: Terms, *, now: datetime) -> list[str]:
    """Return what stands against retiring a valid secret; nothing means that it is safe.

    Safe is: another ACTIVE secret, key or certificate is there; neither a token was issued with this one nor a call heard of for
    the time of silence; no token of it can still be alive; and the calls are known until recently.
    """
    use = evidence.uses.get(secret.id, Use(secret.id))
    found = []
    others = (each for each in application.secrets if each.id != secret.id)
    if not evidence.proven_otherwise and not any(each.status(now) == ACTIVE for each in others):
        found.append(LAST_ONE)
    if now < _silent_from(secret, use, terms):
        found.append(NOT_SILENT_YET)
    if use.issued_at is not None and now < _tokens_end(use.issued_at, terms):
        found.append(TOKEN_ALIVE)
    if evidence.known_until is None or now - evidence.known_until > FEED_LAG:
        found.append(USAGE_NOT_KNOWN)
    return found


def _silent_from(secret: ClientSecret, use: Use, terms: Terms) -> datetime:
    called = max(use.called_at or secret.created_at, secret.created_at)
    issued = use.issued_at + NOTED_EVERY if use.issued_at is not None else called
    return max(called, issued) + terms.silence


def _tokens_end(issued_at: datetime, terms: Terms) -> datetime:
    return issued_at + NOTED_EVERY + terms.token_ttl + CLOCKS_APART


def keep_time(application: Application, evidence: Evidence, terms: Terms, now: datetime) -> tuple[Application, list[Event]]:
    """Return the application with everything that has become due, and the facts: ends, silences, warnings."""
    kept, facts = application, list[Event]()
    for secret in application.secrets:
        if secret.retired_at is not None:
            continue
        if not secret.is_live(now):
            kept, fact = kept.retire(secret, secret.expires_at or now, EXPIRED)
            facts.append(fact)
        elif secret.status(now) == RETIRING:
            kept, more = _look(kept, secret, evidence, terms, now=now)
            facts += more
        else:
            kept, more = _warn(kept, secret, now)
            facts += more
    return kept, facts


def _look(
    application: Application, secret: ClientSecret, evidence: Evidence, terms: Terms, *, now: datetime
) -> tuple[Application, list[Event]]:
    """Look whether a RETIRING secret has fallen silent; if not, say when to look again."""
    if secret.look_at is None or now < secret.look_at:
        return application, []
    use = evidence.uses.get(secret.id, Use(secret.id))
    found = holds(application, secret, evidence, terms, now=now)
    if found:
        again = max(_silent_from(secret, use, terms), now + LOOK_AGAIN)
        if use.issued_at is not None:
            again = max(again, _tokens_end(use.issued_at, terms))
        return application.replacing(replace(secret, look_at=again)), []
    silent = replace(secret, silent_at=secret.silent_at or now, look_at=None)
    facts: list[Event] = [_used_last(application, secret, use)] if secret.silent_at is None else []
    if not secret.retire_when_silent:
        return application.replacing(silent), facts
    retired, end = application.retire(silent, now, SILENT)
    return retired, [*facts, end]


def _used_last(application: Application, secret: ClientSecret, use: Use) -> SecretUsedLast:
    return SecretUsedLast(
        application_id=application.id,
        organization_id=application.organization_id,
        client_id=application.client_id,
        secret_id=secret.id,
        last_used_at=use.used_at,
    )


def _warn(application: Application, secret: ClientSecret, now: datetime) -> tuple[Application, list[Event]]:
    """Warn of the end of an ACTIVE secret: of what was missed, the latest warning alone."""
    due = secret.warning_due(now)
    if due is None or secret.expires_at is None:
        return application, []
    fact = SecretExpiring(
        application_id=application.id,
        organization_id=application.organization_id,
        client_id=application.client_id,
        secret_id=secret.id,
        expires_at=secret.expires_at,
        days_left=max(1, math.ceil((secret.expires_at - now) / timedelta(days=1))),
    )
    return application.replacing(replace(secret, warned_days=due)), [fact]
