"""What enforcement does when others announce something: it keeps a durable copy of what a decision needs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from chassis.errors import Invalid
from chassis.inbox import On, copy_if_newer, copy_those_newer
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.enforcement.state import numbering
from services.enforcement.state.copies import Copy, copy_of


class AnnouncementNotUsable(Invalid):
    """The announcement lacks a field that a decision needs."""


async def _remember(tx: Transaction, heard: Heard) -> None:
    await copy_if_newer(tx, "copies", *_told(tx, heard))


async def _remember_together(tx: Transaction, heard: Sequence[Heard]) -> None:
    await copy_those_newer(tx, "copies", [_told(tx, each) for each in heard])


def _told(tx: Transaction, heard: Heard) -> tuple[Heard, dict[str, Any]]:
    """Return the announcement as one about the copy's thing, and what the copy says."""
    try:
        copy: Copy = copy_of(heard)
    except KeyError as missing:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} lacks the field {missing}.") from missing
    except (TypeError, ValueError) as error:
        raise AnnouncementNotUsable(f"{heard.key} {heard.id} cannot be used: {error}.") from error
    fields = {"kind": copy.kind, "heard_at": tx.now, **numbering.not_numbered_yet(heard), **copy.fields}
    return replace(heard, subject=copy.id), fields


async def remember_application(tx: Transaction, heard: Heard) -> None:
    """Remember who an application belongs to, its Client ID, and whether it is deleted."""
    await _remember(tx, heard)


async def remember_secret(tx: Transaction, heard: Heard) -> None:
    """Remember whether a secret is retired: tokens that it obtained end with it."""
    await _remember(tx, heard)


async def remember_credential(tx: Transaction, heard: Heard) -> None:
    """Remember a key or a certificate that was registered: who asks why a call is refused is told whether there is any."""
    await _remember(tx, heard)


async def remember_withdrawn_credential(tx: Transaction, heard: Heard) -> None:
    """Remember a key that was removed, a certificate that was revoked or is suspended: tokens that rest on it are refused."""
    await _remember(tx, heard)


async def remember_revoked_token(tx: Transaction, heard: Heard) -> None:
    """Remember a revoked token until it would have expired anyway."""
    await _remember(tx, heard)


async def remember_deleted_organization(tx: Transaction, heard: Heard) -> None:
    """Remember that an organization is gone: none of its applications calls any more."""
    await _remember(tx, heard)


async def remember_product(tx: Transaction, heard: Heard) -> None:
    """Remember a product's sensitivity: an open test product needs no subscription."""
    await _remember(tx, heard)


async def remember_version(tx: Transaction, heard: Heard) -> None:
    """Remember a published version's base path and operations."""
    await _remember(tx, heard)


async def remember_life_of_version(tx: Transaction, heard: Heard) -> None:
    """Remember that a version is deprecated, until when, and what follows it; or that it is retired."""
    await _remember(tx, heard)


async def remember_upstream(tx: Transaction, heard: Heard) -> None:
    """Remember what answers a version's calls in production, or that nothing of its own does."""
    await _remember(tx, heard)


async def remember_plan(tx: Transaction, heard: Heard) -> None:
    """Remember a plan's rate and quota."""
    await _remember(tx, heard)


async def remember_subscription(tx: Transaction, heard: Heard) -> None:
    """Remember which application is on which plan of which product, and whether that is in force."""
    await _remember(tx, heard)


async def remember_permission(tx: Transaction, heard: Heard) -> None:
    """Remember which operations of a product an application is permitted to call, when, and how often."""
    await _remember(tx, heard)


# So many things change at busy times that a transaction a copy would let the copies come late.
_on: Callable[..., On] = partial(On, together=_remember_together)

REACTIONS: tuple[On, ...] = (
    _on(
        remember_application,
        "identity.application_created.v1",
        "identity.application_changed.v1",
        "identity.application_deleted.v1",
    ),
    _on(remember_secret, "identity.secret_issued.v1", "identity.secret_retired.v1"),
    _on(remember_credential, "identity.client_key_registered.v1", "identity.certificate_registered.v1"),
    _on(
        remember_withdrawn_credential,
        "identity.client_key_removed.v1",
        *(f"identity.certificate_{each}.v1" for each in ("revoked", "suspended", "resumed")),
    ),
    _on(remember_revoked_token, "identity.token_revoked.v1"),
    _on(remember_deleted_organization, "identity.organization_deleted.v1"),
    _on(remember_product, "catalog.product_created.v1", "catalog.product_changed.v1"),
    _on(remember_version, "catalog.api_version_published.v1"),
    _on(
        remember_life_of_version,
        "catalog.api_version_deprecated.v1",
        "catalog.api_version_undeprecated.v1",
        "catalog.api_version_retired.v1",
    ),
    _on(remember_upstream, "catalog.upstream_changed.v1"),
    _on(remember_plan, "catalog.plan_created.v1", "catalog.plan_changed.v1"),
    _on(
        remember_subscription,
        "subscriptions.subscription_requested.v1",
        "subscriptions.subscription_activated.v1",
        "subscriptions.subscription_rejected.v1",
        "subscriptions.subscription_cancelled.v1",
        "subscriptions.subscription_suspended.v1",
        "subscriptions.subscription_resumed.v1",
        "subscriptions.plan_changed.v1",
        *(f"subscriptions.plan_change_{each}.v1" for each in ("requested", "approved", "rejected", "withdrawn", "lapsed")),
    ),
    _on(
        remember_permission,
        "subscriptions.permission_granted.v1",
        "subscriptions.permission_began.v1",
        "subscriptions.permission_extended.v1",
        "subscriptions.permission_refused.v1",
        "subscriptions.permission_revoked.v1",
        "subscriptions.permission_lapsed.v1",
    ),
)
