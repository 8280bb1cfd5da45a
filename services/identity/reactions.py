"""What identity does when others, or itself, announce something."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.identity.agreement_files import actions as agreement_files
from services.identity.agreement_files.domain import Attachment
from services.identity.certificates import actions as certificates
from services.identity.findings.actions import ExaminingOffice
from services.identity.organizations import actions as organizations
from services.identity.secrets import actions as secrets
from services.identity.secrets.use import Called

_SECRET_RETIRED = "SECRET_RETIRED"  # noqa: S105 - the rejection of a call with a token of a retired secret
_STANDING_GRANTED = "catalog.provider_standing_granted.v1"
_Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that is needed here."""


def _take(heard: Heard, name: str) -> str:
    try:
        return str(heard.data[name])
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing


async def note_provider(tx: Transaction, heard: Heard) -> None:
    """Note that an organization is a data provider, and so is not deleted; or that it is one no more."""
    is_provider = heard.key == _STANDING_GRANTED
    await organizations.note_provider(tx, heard, _take(heard, "organization_id"), is_provider=is_provider)


async def remember_subscription(tx: Transaction, heard: Heard) -> None:
    """Keep which application is subscribed to which product: what a token's scope may name."""
    fields = {name: _take(heard, name) for name in ("application_id", "product_id", "status")}
    await copy_if_newer(tx, "heard_subscriptions", replace(heard, subject=_take(heard, "subscription_id")), fields)


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Keep what a product is called in a scope, whose it is, and whether it is open to all."""
    fields = {name: _take(heard, name) for name in ("slug", "organization_id", "sensitivity")}
    await copy_if_newer(tx, "heard_products", replace(heard, subject=_take(heard, "product_id")), fields)


async def remember_published_version(tx: Transaction, heard: Heard) -> None:
    """Keep which operations a product has."""
    try:
        operation_ids = [str(each["operation_id"]) for each in heard.data["operations"]]
    except (KeyError, TypeError) as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} does not list its operations.") from error
    fields = {"product_id": _take(heard, "product_id"), "operation_ids": operation_ids}
    await copy_if_newer(tx, "heard_versions", replace(heard, subject=_take(heard, "version_id")), fields)


async def revoke_certificates(tx: Transaction, heard: Heard) -> None:
    """Revoke the certificates of a deleted application."""
    await certificates.revoke_of_application(tx, _take(heard, "application_id"))


async def remember_representative(tx: Transaction, heard: Heard) -> None:
    """Keep who looks after a connection request for the operator, if anybody: they read what it is about."""
    is_released = heard.key.startswith("subscriptions.representative_released.")
    fields = {"user_id": None if is_released else _take(heard, "representative_id")}
    await copy_if_newer(tx, "heard_representatives", replace(heard, subject=_take(heard, "request_id")), fields)


async def remember_substitute(tx: Transaction, heard: Heard) -> None:
    """Keep who may decide a step of a connection request in somebody's place: they read what they decide about."""
    fields = {name: _take(heard, name) for name in ("user_id", "request_id", "organization_id", "provider_id", "product_id")}
    is_named = heard.key.startswith("subscriptions.approver_substituted.")
    naming = replace(heard, subject=f"{_take(heard, 'step_id')}:{fields['user_id']}")
    await copy_if_newer(tx, "heard_substitutes", naming, {**fields, "is_named": is_named})


def _attachment(heard: Heard, thing_field: str, file_field: str) -> Attachment:
    return Attachment(
        thing_id=_take(heard, thing_field),
        file_id=_take(heard, file_field),
        organization_id=_take(heard, "organization_id"),
        provider_id=_take(heard, "provider_id"),
        by=heard.actor,
        at=heard.time,
    )


async def _attach(tx: Transaction, heard: Heard, attachment: Attachment, office: ExaminingOffice) -> None:
    """Keep between whom the thing is, and hang the file on it; the copy is the newest, whichever announcement comes last."""
    told = {name: heard.data.get(name) for name in ("product_id", "kind", "request_id")}
    beside = {name: each if isinstance(each, str) else None for name, each in told.items()}
    parties = {"organization_id": attachment.organization_id, "provider_id": attachment.provider_id, **beside}
    await copy_if_newer(tx, "heard_agreements", replace(heard, subject=attachment.thing_id), parties)
    await agreement_files.attach(tx, attachment, office)


class _Call(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: _Milliseconds
    secret_id: str | None = None
    rejection: str | None = None


class _Calls(BaseModel):
    model_config = ConfigDict(frozen=True)

    source: str
    batch: int = Field(ge=1)
    records: tuple[_Call, ...]
    read_through: _Milliseconds | None = None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _by_secret(calls: _Calls) -> dict[str, list[Called]]:
    of_secrets = sorted(((each.secret_id, each) for each in calls.records if each.secret_id), key=lambda pair: pair[0])
    return {
        secret_id: [Called(_moment(call.at), is_refused=call.rejection == _SECRET_RETIRED) for _, call in of_one]
        for secret_id, of_one in groupby(of_secrets, key=lambda pair: pair[0])
    }


async def count_calls_by_secret(tx: Transaction, heard: Heard) -> None:
    """Count a batch of calls for the secrets that they were made with."""
    try:
        calls = _Calls.model_validate(heard.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnnouncementNotUsable(f"{heard.key} {heard.id}: {place}: {first['msg']}.") from error
    read_through = None if calls.read_through is None else _moment(calls.read_through)
    await secrets.count_calls(tx, secrets.Batch(calls.source, calls.batch, read_through, _by_secret(calls)))


@dataclass(frozen=True, slots=True)
class Offices:
    """What reactions take beside the transaction; ``wake_winding_up`` says that there is a deleted organization."""

    wake_winding_up: Callable[[], None]
    examining: ExaminingOffice


def reactions(offices: Offices) -> tuple[On, ...]:
    """Return the reactions."""
    return (*_reactions_of_copies(), *_reactions_with_offices(offices))


def _reactions_of_copies() -> tuple[On, ...]:
    return (
        On(
            remember_subscription,
            "subscriptions.subscription_requested.v1",
            "subscriptions.subscription_activated.v1",
            "subscriptions.subscription_rejected.v1",
            "subscriptions.subscription_cancelled.v1",
            "subscriptions.subscription_suspended.v1",
            "subscriptions.subscription_resumed.v1",
        ),
        On(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
        On(remember_published_version, "catalog.api_version_published.v1"),
        On(
            remember_representative,
            "subscriptions.representative_assigned.v1",
            "subscriptions.representative_released.v1",
        ),
        On(remember_substitute, "subscriptions.approver_substituted.v1", "subscriptions.substitute_withdrawn.v1"),
        On(revoke_certificates, "identity.application_deleted.v1", takes_republished=True),
        On(note_provider, _STANDING_GRANTED, "catalog.provider_standing_withdrawn.v1", takes_republished=True),
        # Batches meet in the same secrets: handled side by side they would only make one another run again.
        On(count_calls_by_secret, "enforcement.calls_recorded.v1", at_once=1),
    )


def _reactions_with_offices(offices: Offices) -> tuple[On, ...]:
    async def wind_up_organization(tx: Transaction, _heard: Heard) -> None:
        """End what a deleted organization had: not here, in one transaction, but batch by batch."""
        tx.after_commit(offices.wake_winding_up)

    async def attach_to_agreement(tx: Transaction, heard: Heard) -> None:
        """Hang the file that a party has attached on the agreement, and let its signatures be examined."""
        await _attach(tx, heard, _attachment(heard, "agreement_id", "file_id"), offices.examining)

    async def attach_evidence(tx: Transaction, heard: Heard) -> None:
        """Hang the evidence of a decision, where there is some, on the step that was decided."""
        if heard.data.get("evidence_file_id") is not None:
            await _attach(tx, heard, _attachment(heard, "step_id", "evidence_file_id"), offices.examining)

    return (
        On(wind_up_organization, "identity.organization_deleted.v1"),
        On(attach_to_agreement, "subscriptions.agreement_attached.v1"),
        On(attach_evidence, "subscriptions.approval_step_decided.v1"),
    )
