"""How approval chains are kept: a document for each step, and what products say of their chains."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from services.subscriptions.approvals.domain import (
    DEFAULT_CHAIN,
    ApprovingParty,
    Decision,
    Notice,
    Planned,
    Step,
    StepStatus,
    Verdict,
)

STEPS = "approval_steps"
_CHAINS = "approval_chains"

INDEXES = (
    Index(STEPS, (("request_id", 1), ("stage", 1), ("_id", 1))),
    Index(STEPS, (("next_at", 1),), partial={"is_timed": True}),
    Index(_CHAINS, (("changed_at", 1),)),
)


def _to_document(step: Step) -> Document:
    return {
        "_id": step.id,
        "request_id": step.request_id,
        "organization_id": step.organization_id,
        "provider_id": step.provider_id,
        "product_id": step.product_id,
        **_planned_to_document(step.planned),
        "status": step.status.value,
        "opened_at": step.opened_at,
        "due_at": step.due_at,
        "told": sorted(step.told),
        "substitutes": list(step.substitutes),
        "decisions": [
            {
                "verdict": each.verdict.value,
                "by": each.by,
                "at": each.at,
                "reason": each.reason,
                "note": each.note,
                "file_id": each.file_id,
                "as_substitute": each.as_substitute,
            }
            for each in step.decisions
        ],
        "next_at": step.next_at,
        "is_timed": step.next_at is not None,
    }


def _planned_to_document(planned: Planned) -> Document:
    return {"party": planned.party.value, "stage": planned.stage, "due_days": planned.due_days, "title": planned.title}


def _to_planned(row: Mapping[str, Any]) -> Planned:
    return Planned(ApprovingParty(row["party"]), row["stage"], row["due_days"], row["title"])


def to_step(row: Mapping[str, Any]) -> Step:
    """Return the step that a row keeps."""
    return Step(
        id=row["_id"],
        request_id=row["request_id"],
        organization_id=row["organization_id"],
        provider_id=row["provider_id"],
        product_id=row["product_id"],
        planned=_to_planned(row),
        status=StepStatus(row["status"]),
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        told=frozenset(Notice(each) for each in row["told"]),
        substitutes=tuple(row["substitutes"]),
        decisions=tuple(Decision(**{**each, "verdict": Verdict(each["verdict"])}) for each in row["decisions"]),
    )


async def add(tx: Transaction, steps: Sequence[Step]) -> None:
    """Keep new steps."""
    await tx.collection(STEPS).insert_many([_to_document(each) for each in steps])


async def keep(tx: Transaction, step: Step) -> None:
    """Keep a step as it stands now."""
    await tx.collection(STEPS).replace_one({"_id": step.id}, _to_document(step))


async def find(reader: Reader, step_id: str) -> Step | None:
    """Return a step."""
    row = await reader.collection(STEPS).find_one({"_id": step_id})
    return None if row is None else to_step(row)


async def find_of_requests(reader: Reader, request_ids: Iterable[str]) -> dict[str, list[Step]]:
    """Return the steps of requests, by request, in the order of their stages."""
    wanted = sorted(set(request_ids))
    query = {"request_id": {"$in": wanted}}
    order = [("request_id", 1), ("stage", 1), ("_id", 1)]
    rows = await reader.collection(STEPS).find(query, sort=order) if wanted else []
    found: dict[str, list[Step]] = {each: [] for each in wanted}
    for row in rows:
        found[row["request_id"]].append(to_step(row))
    return found


async def find_due(tx: Transaction, most: int) -> list[Step]:
    """Return steps with which time has made something due."""
    query = {"is_timed": True, "next_at": {"$lte": tx.now}}
    return [to_step(each) for each in await tx.collection(STEPS).find(query, sort=[("next_at", 1)], limit=most)]


async def find_chains(reader: Reader, product_ids: Sequence[str]) -> dict[str, tuple[Planned, ...]]:
    """Return the chains of products, by product; the usual one where nothing else was said."""
    rows = await reader.collection(_CHAINS).find({"_id": {"$in": sorted(set(product_ids))}})
    said = {each["_id"]: tuple(_to_planned(step) for step in each["steps"]) for each in rows}
    return {key: said.get(key, DEFAULT_CHAIN) for key in product_ids}


async def keep_chain(tx: Transaction, product_id: str, steps: Sequence[Planned]) -> None:
    """Keep a product's chain."""
    kept = {"steps": [_planned_to_document(each) for each in steps], "changed_at": tx.now, "changed_by": tx.principal.id}
    await tx.collection(_CHAINS).update_one({"_id": product_id}, {"$set": kept}, upsert=True)
