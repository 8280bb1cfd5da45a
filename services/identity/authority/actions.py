"""What can be done with authority."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.mongo import Reader
from chassis.principal import TYPE
from services.identity.accounts import repository as accounts
from services.identity.authority.domain import Rights, expiry_of, passport_claims, visitor_claims
from services.identity.keys import Signer
from services.identity.organizations.access import standings_in_force
from services.identity.sessions.actions import is_seen_today, use_session
from services.identity.sessions.domain import Lifetimes, SessionNotLive


@dataclass(frozen=True, slots=True)
class PassportOffice:
    """What issuing a passport takes."""

    signer: Signer
    lifetimes: Lifetimes
    ttl: timedelta
    operator_keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Passport:
    """A signed passport."""

    text: str
    expires_at: datetime
    user_id: str
    session_id: str
    is_first_of_day: bool = False
    """Whether it was not known yet that the user is there today."""


@dataclass(frozen=True, slots=True)
class VisitorPassport:
    """A signed passport of nobody."""

    text: str
    expires_at: datetime


async def issue_passport(reader: Reader, token: str, office: PassportOffice) -> Passport:
    """Return a passport for the session that a token opens, with the rights of this moment. Raises ``SessionNotLive``."""
    session = await use_session(reader, token, office.lifetimes)
    # The user, and so the version of the rights, is read before the rights: read between two changes, the passport is refused as
    # outdated where it need not be, and never the other way round.
    user = await accounts.find_user(reader, session.user_id)
    if user is None:
        raise SessionNotLive
    standings = await standings_in_force(reader, user.id)
    roles = {organization_id: standing.role for organization_id, standing in standings.items()}
    rights = Rights(roles, [str(each) for each in user.platform_roles(office.operator_keys)], user.rights_version)
    claims = passport_claims(session, rights, now=reader.now, ttl=office.ttl)
    text = office.signer.sign(TYPE, claims)
    is_first = not await is_seen_today(reader, session)
    return Passport(text, expiry_of(claims), user.id, session.id, is_first_of_day=is_first)


def issue_visitor_passport(reader: Reader, office: PassportOffice) -> VisitorPassport:
    """Return a passport for whoever has no session: it opens what everybody may see, and nothing else."""
    claims = visitor_claims(now=reader.now)
    return VisitorPassport(office.signer.sign(TYPE, claims), expiry_of(claims))
