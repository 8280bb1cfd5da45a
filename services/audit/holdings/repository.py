"""How holdings are kept: one document a thing, with the facts about it and the spans that follow from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.audit.holdings.domain import FOR_EVER, Change, Fact, Holding, Kind, Question, Span, spans_of

_HOLDINGS, _KNOWN = "holdings", "holdings_known"
INDEXES = (
    *(
        Index(_HOLDINGS, ((f"about.{each}", 1), ("_id", 1)))
        for each in ("organization_id", "provider_id", "product_id", "user_id")
    ),
    Index(_KNOWN, (("since", 1),)),
)


async def find_facts(tx: Transaction, change: Change) -> list[Fact] | None:
    """Return what is known about a thing, in order, or None where nothing is."""
    found = await tx.collection(_HOLDINGS).find_one({"_id": change.id}, projection={"facts": 1})
    return None if found is None else [Fact(each["sequence"], each["at"], each["state"]) for each in found["facts"]]


async def add(tx: Transaction, change: Change, facts: Sequence[Fact]) -> None:
    """Keep a thing that nothing was known about."""
    named = {"_id": change.id, "kind": change.kind, "thing_id": change.thing_id, "about": dict(change.about)}
    await tx.collection(_HOLDINGS).insert_one({**named, **_told(facts)})


async def save(tx: Transaction, change: Change, facts: Sequence[Fact]) -> None:
    """Keep what is known about a thing now."""
    about = {f"about.{name}": value for name, value in change.about.items()}
    await tx.collection(_HOLDINGS).update_one({"_id": change.id}, {"$set": {**about, **_told(facts)}})


def _told(facts: Sequence[Fact]) -> Document:
    spans = [{"since": each.since, "until": each.until, "state": dict(each.state)} for each in spans_of(facts)]
    return {"facts": [{"sequence": each.sequence, "at": each.at, "state": each.state} for each in facts], "spans": spans}


async def find_page(reader: Reader, question: Question, page: Page) -> list[Holding]:
    """Return up to one more than a page of what was held at a moment, ordered by kind and id."""
    query: dict[str, Any] = {
        **{f"about.{name}": value for name, value in question.about.items()},
        "kind": {"$in": list(question.kinds)},
        "spans": _at(question.at),
    }
    if page.after is not None:
        query["_id"] = {"$gt": page.after[0]}
    found = await reader.collection(_HOLDINGS).find(query, sort=[("_id", 1)], limit=page.first + 1, projection={"facts": 0})
    return [_to_holding(each, question.at) for each in found]


async def find_grounds(reader: Reader, holdings: Iterable[Holding], kinds: Iterable[Kind], at: datetime) -> list[Holding]:
    """Return what was in force at a moment between the organizations and for the products of these holdings."""
    found = list(holdings)
    if not found:
        return []
    query = {
        "about.product_id": {"$in": sorted({each.about["product_id"] or "" for each in found})},
        "about.organization_id": {"$in": sorted({each.about["organization_id"] or "" for each in found})},
        "kind": {"$in": list(kinds)},
        "spans": _at(at),
    }
    kept = await reader.collection(_HOLDINGS).find(query, sort=[("_id", 1)], projection={"facts": 0})
    return [_to_holding(each, at) for each in kept]


async def find_names(reader: Reader, keys: Mapping[Kind, Iterable[str | None]], at: datetime) -> dict[str, Mapping[str, Any]]:
    """Return how organizations, applications, products and plans were named at a moment, by kind and id."""
    ids = sorted({f"{kind}:{each}" for kind, several in keys.items() for each in several if each})
    found = await reader.collection(_HOLDINGS).find({"_id": {"$in": ids}, "spans": _at(at)}, projection={"spans": 1})
    return {each["_id"]: _span_at(each, at).state for each in found}


async def find_ends(reader: Reader, organization_ids: Iterable[str | None]) -> dict[str, datetime]:
    """Return when organizations have ended, those that have."""
    ids = sorted({f"{Kind.ORGANIZATION}:{each}" for each in organization_ids if each})
    found = await reader.collection(_HOLDINGS).find({"_id": {"$in": ids}}, projection={"facts": 1, "thing_id": 1})
    return {each["thing_id"]: fact["at"] for each in found for fact in each["facts"] if fact["state"] is None}


async def begin(tx: Transaction) -> None:
    """Note that from now on every announcement is heard, unless that was noted before."""
    query = {"_id": "since"}
    if await tx.collection(_KNOWN).find_one(query) is None:
        await tx.collection(_KNOWN).insert_one({**query, "since": tx.now})


async def find_known_since(reader: Reader) -> datetime | None:
    """Return from when on every announcement was heard, or None where nothing was."""
    found = await reader.collection(_KNOWN).find_one({"_id": "since"})
    return None if found is None else found["since"]


def _at(moment: datetime) -> dict[str, Any]:
    return {"$elemMatch": {"since": {"$lte": moment}, "until": {"$gt": moment}}}


def _span_at(kept: Document, at: datetime) -> Span:
    [found] = [each for each in kept["spans"] if each["since"] <= at < each["until"]]
    return Span(found["since"], found["until"], found["state"])


def _to_holding(kept: Document, at: datetime) -> Holding:
    span = _span_at(kept, at)
    until = None if span.until >= FOR_EVER else span.until
    return Holding(kept["_id"], Kind(kept["kind"]), kept["thing_id"], kept["about"], span.state, span.since, until)
