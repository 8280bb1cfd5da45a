"""How to ask over HTTP who had access to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page, cursor_of, read_page
from chassis.web import Asked, BodyNotReadable, Edge, Json, Routes, read_input
from services.audit.holdings import access
from services.audit.holdings.access import Found
from services.audit.holdings.domain import HELD, OF_ORGANIZATIONS, SEEN_BY_PROVIDERS, Holding, Kind, Question

VIEW = "view_access"
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MOST_SCOPES = 20


class Moment(BaseModel):
    """At which moment."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime


class OfOrganization(Moment):
    """Of which organization, at which moment."""

    organization_id: Id


class OfAnybody(Moment):
    """Narrowed by what is given; by nothing, it is everybody."""

    organization_id: Id | None = None
    product_id: Id | None = None
    user_id: Id | None = None


class Arguments(BaseModel):
    """Which kinds, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[Kind] | None = None
    first: Any = None
    after: Any = None

    def page(self) -> Page:
        """Return the page. Raises ``PageNotReadable``."""
        return read_page(self.first, self.after)

    def among(self, kinds: tuple[Kind, ...], otherwise: tuple[Kind, ...]) -> tuple[Kind, ...]:
        """Return the kinds that were asked for, as far as they may be, or others where none were."""
        return tuple(each for each in kinds if each in self.kinds) if self.kinds is not None else otherwise


def _scopes(asked: Asked) -> list[Any]:
    if len(asked.keys) > MOST_SCOPES:
        raise BodyNotReadable(f"keys: give at most {MOST_SCOPES} keys")
    return asked.keys


def _ground(held: Holding) -> Json:
    return {"kind": held.kind, "id": held.thing_id, "since": held.since, "until": held.until}


def _row(found: Found, held: Holding) -> Json:
    about, state = held.about, held.state
    application = about.get("application_id")
    return {
        "kind": held.kind,
        "id": about.get("user_id") if held.kind in (Kind.MEMBER, Kind.PLATFORM_ROLE) else held.thing_id,
        "since": held.since,
        "until": held.until,
        "user_id": about.get("user_id"),
        "role": state.get("role"),
        "organization_id": about.get("organization_id"),
        "organization_name": found.named(Kind.ORGANIZATION, about.get("organization_id")),
        "provider_id": about.get("provider_id"),
        "provider_name": found.named(Kind.ORGANIZATION, about.get("provider_id")),
        "application_id": application,
        "application_name": found.named(Kind.APPLICATION, application),
        "client_id": found.named(Kind.APPLICATION, application, "client_id"),
        "product_id": about.get("product_id"),
        "product_title": found.named(Kind.PRODUCT, about.get("product_id")),
        "plan_id": state.get("plan_id"),
        "plan_name": found.named(Kind.PLAN, state.get("plan_id")),
        "status": state.get("status"),
        "causes": state.get("causes") or [],
        "operations": state.get("operations"),
        "grounds": [_ground(each) for each in found.grounds.get(held.id, ())],
    }


async def _answer(reader: Reader, question: Question, page: Page) -> Json:
    access.require_past(reader, question.at)
    found = await access.find(reader, question, page)
    rows = [_row(found, each) for each in found.holdings]
    cursors = [cursor_of(each.id) for each in found.holdings]
    following = cursor_of(found.next_id) if found.next_id else None
    return {"nodes": rows, "cursors": cursors, "next": following, "total": None}


@dataclass(frozen=True, slots=True)
class _List:
    """What a list of an organization shows: found by which id, which kinds it may show, and which it does unasked."""

    by: str
    kinds: tuple[Kind, ...]
    otherwise: tuple[Kind, ...]

    async def load(self, asked: Asked) -> Json:
        """Answer a load whose keys name organizations and moments."""
        reader, arguments, rows = asked.reader(), read_input(Arguments, asked.args), []
        for key in _scopes(asked):
            of = read_input(OfOrganization, key)
            question = Question(of.at, arguments.among(self.kinds, self.otherwise), {self.by: of.organization_id})
            may = access.may_ask_about(reader, of.organization_id)
            rows.append(await _answer(reader, question, arguments.page()) if may else None)
        return rows


LISTS = {
    "members_on": _List("organization_id", (Kind.MEMBER,), (Kind.MEMBER,)),
    "holdings_on": _List("organization_id", OF_ORGANIZATIONS, (Kind.SUBSCRIPTION,)),
    "recipients_on": _List("provider_id", SEEN_BY_PROVIDERS, (Kind.SUBSCRIPTION,)),
}


async def _load_holdings_of_anybody(asked: Asked) -> Json:
    reader, arguments, rows = asked.reader(), read_input(Arguments, asked.args), []
    for key in _scopes(asked):
        of = read_input(OfAnybody, key)
        question = Question(of.at, arguments.among(HELD, HELD), of.model_dump(exclude={"at"}, exclude_none=True))
        rows.append(await _answer(reader, question, arguments.page()) if access.is_staff(reader) else None)
    return rows


def routes(edge: Edge, *, known_since: datetime | None) -> list[BaseRoute]:
    """Return the routes; ``known_since`` is from when on a replay has told everything, where somebody says so."""

    def count(asked: Asked, organization_id: str | None, *, may: bool) -> None:
        """Let it be recorded who has asked."""
        edge.tally.view(asked.principal, VIEW, organization_id, None if may else NotFound.code)

    async def told(reader: Reader, at: datetime, about: Mapping[str, str | None]) -> Json:
        access.require_past(reader, at)
        return {**about, "at": at, "known_since": known_since or await access.known_since(reader)}

    async def load_access_on(asked: Asked) -> Json:
        reader, at = asked.reader(), read_input(Moment, asked.args).at
        seen = {each for each in asked.ids if access.may_ask_about(reader, each)}
        for each in asked.ids:
            count(asked, each, may=each in seen)
        return [await told(reader, at, {"organization_id": each}) if each in seen else None for each in asked.ids]

    async def load_operator_access_on(asked: Asked) -> Json:
        reader, of = asked.reader(), read_input(OfAnybody, asked.args)
        count(asked, of.organization_id, may=access.is_staff(reader))
        row = await told(reader, of.at, of.model_dump(exclude={"at"})) if access.is_staff(reader) else None
        return [row for _ in asked.keys]

    r = Routes(edge)
    r.load("access_on", load_access_on)
    r.load("operator_access_on", load_operator_access_on)
    for name, each in LISTS.items():
        r.load(name, each.load)
    r.load("holdings_of_anybody", _load_holdings_of_anybody)
    return r.collected
