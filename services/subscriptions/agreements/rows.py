"""Agreements as they are shown to the parties and to the operator."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.subscriptions.agreements.domain import Agreement, AttachedFile, Finding

Row = dict[str, Any]


def agreement_row(agreement: Agreement, findings: Mapping[str, Finding], now: datetime) -> Row:
    """Return an agreement with its files; ``findings`` are by file."""
    validity = agreement.validity
    return {
        "id": agreement.id,
        "kind": agreement.kind.value,
        "organization_id": agreement.organization_id,
        "provider_id": agreement.provider_id,
        "product_id": agreement.product_id,
        "request_id": agreement.request_id,
        "status": agreement.status.value,
        "is_in_force": agreement.holds_at(now),
        "valid_from": validity.from_ if validity else None,
        "valid_to": validity.to if validity else None,
        "renews_id": agreement.renews,
        "created_at": agreement.created_at,
        "files": [_file_row(each, findings.get(each.file.id)) for each in agreement.files],
        "history": [
            {"status": each.status.value, "actor": each.by, "at": each.at, "reason": each.reason} for each in agreement.changes
        ],
    }


def _file_row(attached: AttachedFile, finding: Finding | None) -> Row:
    file = attached.file
    return {
        "file_id": file.id,
        "party": attached.party.value,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "attached_at": attached.attached_at,
        "attached_by": attached.attached_by,
        "not_attached": attached.not_attached,
        "verdict": finding.verdict if finding else None,
        "judged_at": finding.judged_at if finding else None,
    }
