"""What can be done with authority."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.mongo import Reader
from chassis.principal import TYPE
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import use_session
from services.identity.accounts.domain import Lifetimes, SessionNotLive
from services.identity.authority.domain import expiry_of, passport_claims
from services.identity.keys import Signer
from services.identity.organizations.access import standings_of


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


async def issue_passport(reader: Reader, token: str, office: PassportOffice) -> Passport:
    """Return a passport for the session that a token opens, with the rights of this moment. Raises ``SessionNotLive``."""
    session = await use_session(reader, token, office.lifetimes)
    user = await accounts.find_user(reader, session.user_id)
    if user is None:
        raise SessionNotLive
    standings = await standings_of(reader, user.id)
    roles = {organization_id: standing.role for organization_id, standing in standings.items()}
    claims = passport_claims(session, roles, user.platform_roles(office.operator_keys), now=reader.now, ttl=office.ttl)
    return Passport(office.signer.sign(TYPE, claims), expiry_of(claims), user.id, session.id)
