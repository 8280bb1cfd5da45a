"""How to ask about client secrets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field
from starlette.routing import BaseRoute

from chassis.clock import to_millisecond
from chassis.mongo import Reader
from chassis.web import Asked, Edge, Json, Routes
from services.identity.applications.actions import Keyed
from services.identity.applications.domain import Application
from services.identity.applications.routes import SecretRows, rows_of
from services.identity.inputs import Input
from services.identity.secrets import access, actions
from services.identity.secrets.access import Judging, Seen
from services.identity.secrets.actions import SecretOffice
from services.identity.secrets.domain import LONGEST_GRACE, Grace, grace_of


def _to_utc(moment: datetime) -> datetime:
    try:
        return to_millisecond(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("give a moment that a calendar holds") from error


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]


class IssueSecret(Input):
    """What ``issue_secret`` takes."""

    application_id: str
    expires_at: Moment | None = None


class RotateSecret(Input):
    """What ``rotate_secret`` takes: the grace in seconds or in days, none of them for no grace."""

    application_id: str
    grace_seconds: int | None = Field(None, ge=0, le=int(LONGEST_GRACE.total_seconds()))
    grace_days: int | None = Field(None, ge=0, le=LONGEST_GRACE.days)
    retire_when_silent: bool | None = None
    expires_at: Moment | None = None

    @property
    def grace(self) -> Grace:
        """Return how the others end. Raises ``GraceGivenTwice`` or ``SilenceNeedsGrace``."""
        return grace_of(self.grace_seconds, self.grace_days, retire_when_silent=bool(self.retire_when_silent))


class RetireSecret(Input):
    """What ``retire_secret`` takes."""

    application_id: str
    secret_id: str
    even_if_last: bool | None = None


def _row(seen: Seen, now: datetime) -> dict[str, Any]:
    secret, use = seen.secret, seen.use
    is_live = secret.is_live(now)
    return {
        "id": secret.id,
        "hint": secret.hint,
        "status": secret.status(now),
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "retired_at": secret.ended_at(now),
        "retired_because": secret.why_ended(now),
        "retire_when_silent": secret.retire_when_silent,
        "last_used_at": use.used_at,
        "calls_last_hour": use.calls_last_hour(now),
        "calls_last_day": use.calls_last_day(now),
        "calls_refused_last_day": use.refused_last_day(now),
        "safe_to_retire": is_live and not seen.holds,
        "holds": list(seen.holds),
        "usage_known_until": seen.known_until,
    }


def secret_rows(judging: Judging) -> SecretRows:
    """Return what gives the secrets of applications as they are shown."""

    async def rows(reader: Reader, applications: Sequence[Application]) -> dict[str, list[Json]]:
        if not applications:
            return {}
        found = await access.seen(reader, applications, judging)
        return {key: [_row(each, reader.now) for each in secrets] for key, secrets in found.items()}

    return rows


class _Handlers:
    def __init__(self, office: SecretOffice) -> None:
        self._office = office
        self._secret_rows = secret_rows(office.judging)

    async def _application(self, asked: Asked, application: Application) -> Json:
        [row] = await rows_of(asked.reader(), [application], self._secret_rows)
        return row

    async def _keyed(self, asked: Asked, keyed: Keyed) -> Json:
        return {"application": await self._application(asked, keyed.application), "client_secret": keyed.client_secret}

    async def issue_secret(self, asked: Asked) -> Json:
        given = asked.read(IssueSecret)
        keyed = await asked.transact(lambda tx: actions.issue_secret(tx, given.application_id, given.expires_at, self._office))
        return await self._keyed(asked, keyed)

    async def rotate_secret(self, asked: Asked) -> Json:
        given = asked.read(RotateSecret)
        grace = given.grace
        keyed = await asked.transact(
            lambda tx: actions.rotate_secret(tx, given.application_id, grace, given.expires_at, office=self._office)
        )
        return await self._keyed(asked, keyed)

    async def retire_secret(self, asked: Asked) -> Json:
        given = asked.read(RetireSecret)
        application = await asked.transact(
            lambda tx: actions.retire_secret(tx, given.application_id, given.secret_id, even_if_last=bool(given.even_if_last))
        )
        return await self._application(asked, application)


def routes(edge: Edge, office: SecretOffice) -> list[BaseRoute]:
    """Return the routes of client secrets."""
    handlers = _Handlers(office)
    r = Routes(edge)
    r.do("issue_secret", handlers.issue_secret)
    r.do("rotate_secret", handlers.rotate_secret)
    r.do("retire_secret", handlers.retire_secret)
    return r.collected
