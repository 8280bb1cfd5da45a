"""How to read the audit trail over HTTP."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.acts import DIGEST
from chassis.errors import Refusal
from chassis.paging import connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.audit.acts import access
from services.audit.acts.domain import PLATFORM, Entry

VIEW = "view_audit"
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Arguments(BaseModel):
    """Which entries, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    actor: Word | None = None
    verb: Word | None = None
    kind: Word | None = None
    thing_id: Word | None = None
    outcome: Literal["DONE", "DENIED"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    first: int | None = None
    after: str | None = None

    def wanted(self) -> dict[str, Any]:
        """Return what the entries are to be, by the names of their fields."""
        return self.model_dump(exclude={"first", "after", "organization_id"}, exclude_none=True)


class OperatorArguments(Arguments):
    """The same, of an organization or of the platform itself."""

    organization_id: Word | None = None


def _changes(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what changed, a row for each field; of a thing that was only named, one without a field."""
    rows = []
    for change in content["changes"]:
        before, after = change["before"], change["after"]
        thing = {"kind": change["kind"], "thing_id": change["id"]}
        fields = list({**(before or {}), **(after or {})})
        for field in fields:
            was, now = (before or {}).get(field), (after or {}).get(field)
            rows.append({**thing, "field": field, "before": _value(was), "after": _value(now), "disclosure": _how(was, now)})
        if not fields:
            rows.append({**thing, "field": None, "before": None, "after": None, "disclosure": "SHOWN"})
    return rows


def _value(value: Any) -> str | None:
    """Return a value as text: text itself as it is, everything else as JSON; of what may not be seen, the digest or nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and (DIGEST in value or "hidden" in value):
        return value.get(DIGEST)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _how(*values: Any) -> str:
    kinds = [each for each in values if isinstance(each, dict)]
    if any(DIGEST in each for each in kinds):
        return "DIGESTED"
    return "HIDDEN" if any("hidden" in each for each in kinds) else "SHOWN"


def row_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as it is shown."""
    content = entry.content
    return {
        "id": f"{entry.chain}:{entry.number}",
        "number": entry.number,
        "chain": entry.chain,
        **{name: content[name] for name in ("at", "service", "verb", "actor", "organization_id", "outcome", "code")},
        **{name: content[name] for name in ("request_id", "cause", "count", "event_id")},
        "changes": _changes(content),
        "is_cut": bool(content["left_out"] or any(each["left_out"] for each in content["changes"])),
        "hash": entry.hash,
        "previous": entry.previous,
    }


class _Handlers:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def by_organization(self, asked: Asked) -> Json:
        given = read_input(Arguments, asked.args)
        return [await self._page(asked, key, given, access.refusal_for(asked.principal, key)) for key in asked.ids]

    async def of_the_operator(self, asked: Asked) -> Json:
        given = read_input(OperatorArguments, asked.args)
        page = await self._page(asked, given.organization_id or PLATFORM, given, access.refusal_for_staff(asked.principal))
        return [page for _ in asked.keys]

    async def _page(self, asked: Asked, chain: str, given: Arguments, refusal: Refusal | None) -> Json:
        page, wanted = read_page(given.first, given.after), given.wanted()
        self._edge.tally.view(asked.principal, VIEW, chain, None if refusal is None else refusal.code)
        if refusal is not None:
            return None
        entries, total = await access.page_of(asked.reader(), chain, wanted, page)
        return connection([row_of(each) for each in entries], page, lambda row: (row["number"],), total=total)


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes."""
    r, handlers = Routes(edge), _Handlers(edge)
    r.load("audit_by_organization", handlers.by_organization)
    r.load("operator_audit", handlers.of_the_operator)
    return r.collected
