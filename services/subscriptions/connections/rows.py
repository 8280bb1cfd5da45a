"""Connection requests as they are shown: to the members of both sides and to the operator."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.subscriptions.agreements.domain import Agreement, Finding
from services.subscriptions.agreements.rows import agreement_row
from services.subscriptions.approvals.rows import record_rows, step_row
from services.subscriptions.connections.access import Seen
from services.subscriptions.connections.domain import Act, Request
from services.subscriptions.connections.timeline import Stage, stages_of

Row = dict[str, Any]


def request_row(seen: Seen, now: datetime) -> Row:
    """Return a request as the one who asks may see it."""
    request = seen.request
    return {
        "id": request.id,
        "organization_id": request.organization_id,
        "organization_name": seen.organization_name,
        "product_id": request.product_id,
        "provider_id": request.provider_id,
        "status": request.status.value,
        "holder": request.holder,
        "held_since": request.held_since,
        "held_seconds": max(0, int((now - request.held_since).total_seconds())) if request.is_open else None,
        "representative_id": request.representative_id,
        "created_at": request.created_at,
        "filed_at": request.filed_at,
        "times_returned": request.round_,
        "form": _form_row(seen) if seen.is_whole else None,
        "required_documents": list(request.kinds),
        "documents": _documents(request, seen.documents, seen.findings, now) if seen.is_whole else None,
        "approval": [step_row(each) for each in seen.steps],
        "decisions": record_rows(seen.steps),
        "timeline": [_stage_row(each, seen, now) for each in stages_of(request)],
    }


def _form_row(seen: Seen) -> Row:
    form = seen.request.form
    return {
        "applications": [
            {"application_id": key, "name": each.application_name, "client_id": each.client_id} for key, each in seen.applications
        ],
        "purpose": form.purpose,
        "legal_basis": form.legal_basis,
        "data_categories": list(form.data_categories),
        "contact_note": form.contact_note,
    }


def _documents(request: Request, documents: Mapping[Any, Agreement], findings: Mapping[str, Finding], now: datetime) -> list[Row]:
    return [agreement_row(documents[kind], findings, now) for kind in request.kinds if kind in documents]


def _stage_row(stage: Stage, seen: Seen, now: datetime) -> Row:
    return {
        "status": stage.status.value,
        "holder": stage.holder,
        "representative_id": stage.person_id,
        "since": stage.since,
        "until": stage.until,
        "seconds": stage.seconds(now),
        "acts": [_act_row(each, seen) for each in stage.acts],
    }


def _act_row(act: Act, seen: Seen) -> Row:
    return {
        "kind": act.kind.value,
        "at": act.at,
        "user_id": act.by,
        "about": act.about,
        "representative_id": act.person_id,
        "reason": act.reason,
        "reasons": list(act.reasons),
        # What the form says is for those alone who may see it.
        "differences": [asdict(each) for each in act.differences] if seen.is_whole else [],
    }
