"""Onboarding requests as they are shown: to members, to those who may file, to the operator."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.identity.onboarding.access import Seen
from services.identity.onboarding.domain import Act, Document, Holder, Request, Status
from services.identity.onboarding.form import Form
from services.identity.onboarding.timeline import Stage, stages_of
from services.identity.signatures.findings import without_personal_data

Row = dict[str, Any]
Names = Mapping[str, str]


def request_row(seen: Seen, names: Names, namesakes: Iterable[Request], now: datetime) -> Row:
    """Return a request; ``names`` are those of users by id, ``namesakes`` requests of others with the same number."""
    request = seen.request
    return {
        "id": request.id,
        "organization_id": request.organization_id,
        "legal_name": request.form.registration.legal_name,
        "channel": request.channel,
        "status": request.status,
        "holder": request.holder,
        "holder_name": _holder_name(
            request, request.holder, request.taken_by if request.status is Status.IN_REVIEW else None, names
        ),
        "held_since": request.held_since,
        "held_seconds": max(0, int((now - request.held_since).total_seconds())) if request.is_open else None,
        "created_at": request.created_at,
        "received_at": request.received_at,
        "submitted_at": request.submitted_at,
        "number": request.number,
        "form": form_row(request.form) if seen.is_whole else None,
        "documents": [_document_row(each, seen, names) for each in request.documents] if seen.is_whole else None,
        "timeline": [_stage_row(each, request, names, now) for each in stages_of(request)],
        "same_number": [_namesake_row(each) for each in namesakes] if seen.by_staff else None,
    }


def form_row(form: Form) -> Row:
    """Return the form as it was filled in."""
    row = asdict(form)
    registration = row.pop("registration")
    wanted = [{"product_id": each} for each in row.pop("product_ids")]
    return {**registration, **row, "contact_role": str(form.contact_role), "services": wanted}


def _document_row(document: Document, seen: Seen, names: Names) -> Row:
    finding = document.finding
    if finding is not None and not seen.by_administrator:
        # Who compares a signer with the form needs the personal code; nobody else does.
        finding = without_personal_data(dict(finding))
    return {
        "file": {
            "id": document.file_id,
            "name": document.name,
            "content_type": document.content_type,
            "size": document.size,
            "sha256": document.sha256,
            "uploaded_at": document.attached_at,
            "expires_at": None,
        },
        "attached_at": document.attached_at,
        "attached_by": names.get(document.attached_by),
        "is_current": document.round_ == seen.request.round_,
        "examination": document.judging,
        "signature": finding,
    }


def _holder_name(request: Request, holder: Holder | None, person_id: str | None, names: Names) -> str | None:
    if holder is Holder.RECIPIENT:
        return request.form.registration.legal_name
    return names.get(person_id or "")


def _stage_row(stage: Stage, request: Request, names: Names, now: datetime) -> Row:
    return {
        "status": stage.status,
        "holder": stage.holder,
        "holder_name": _holder_name(request, stage.holder, stage.person_id, names),
        "since": stage.since,
        "until": stage.until,
        "seconds": stage.seconds(now),
        "acts": [_act_row(each, names) for each in stage.acts],
    }


def _act_row(act: Act, names: Names) -> Row:
    return {
        "kind": act.kind,
        "at": act.at,
        "user_id": act.by,
        "user_name": names.get(act.by),
        "reason": act.reason,
        "reasons": [{"part": each.part, "message": each.message} for each in act.reasons],
    }


def _namesake_row(request: Request) -> Row:
    return {
        "request_id": request.id,
        "organization_id": request.organization_id,
        "legal_name": request.form.registration.legal_name,
        "status": request.status,
        "number": request.number,
    }
