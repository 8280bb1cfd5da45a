"""Who may ask what stands in the way: anybody about a product, members about their own organizations and applications."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.mongo import Reader
from services.subscriptions.grounds import access as grounds
from services.subscriptions.grounds.domain import Ground
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Application, Product
from services.subscriptions.permissions import access as permissions
from services.subscriptions.permissions.domain import Permission
from services.subscriptions.requirements import repository
from services.subscriptions.requirements.connecting import connecting_of
from services.subscriptions.requirements.domain import (
    Asked,
    Connecting,
    Hold,
    Known,
    Onboarding,
    Requirement,
    Subscribed,
    requirements,
)
from services.subscriptions.requirements.repository import Pair
from services.subscriptions.subscriptions.domain import Subscription


@dataclass(frozen=True, slots=True)
class _Copies:
    """What was read for all questions together."""

    products: dict[str, Product]
    applications: dict[str, Application]
    organizations_with_applications: set[str]
    numbers: dict[str, str | None]
    onboarding: dict[str, Onboarding]
    agreements: set[Pair]
    connecting: dict[Pair, Connecting]
    permissions: dict[Pair, Permission]
    subscriptions: dict[Pair, Subscription]


async def ways(reader: Reader, asked: Sequence[Asked]) -> list[list[Requirement] | None]:
    """Return the way for each question, or None where something in it does not exist for the one who asks."""
    products, applications = await asyncio.gather(
        known.find_published_products(reader, {each.product_id for each in asked}),
        known.find_applications(reader, {each.application_id for each in asked if each.application_id is not None}),
    )
    visible = {key: each for key, each in applications.items() if _is_own(reader, each.organization_id)}
    answerable = [each if _exists(reader, each, products, visible) else None for each in asked]
    copies = await _read(reader, [each for each in answerable if each is not None], products, visible)
    return [None if each is None else requirements(_known(reader, each, copies)) for each in answerable]


def _is_own(reader: Reader, organization_id: str) -> bool:
    return reader.principal.may("VIEW_SUBSCRIPTIONS", organization_id)


def _exists(reader: Reader, asked: Asked, products: dict[str, Product], applications: dict[str, Application]) -> bool:
    if asked.product_id not in products:
        return False
    if asked.organization_id is not None and not _is_own(reader, asked.organization_id):
        return False
    if asked.application_id is None:
        return True
    application = applications.get(asked.application_id)
    return application is not None and asked.organization_id in (None, application.organization_id)


def _organization_of(asked: Asked, applications: dict[str, Application]) -> str | None:
    return asked.organization_id if asked.application_id is None else applications[asked.application_id].organization_id


async def _read(
    reader: Reader, asked: Sequence[Asked], products: dict[str, Product], applications: dict[str, Application]
) -> _Copies:
    organizations = {each for each in (_organization_of(one, applications) for one in asked) if each is not None}
    pairs = {(each.application_id, each.product_id) for each in asked if each.application_id is not None}
    agreeing = {
        (organization, each.product_id)
        for each in asked
        if (organization := _organization_of(each, applications)) is not None
        and Ground.AGREEMENT in products[each.product_id].prerequisites
    }
    agreements, connecting = await asyncio.gather(grounds.agreements_of(reader, agreeing), connecting_of(reader, agreeing))
    with_applications, standings, onboarding, permitted, subscribed = await asyncio.gather(
        known.find_organizations_with_applications(reader, organizations),
        known.find_standings(reader, organizations),
        known.find_onboarding(reader, organizations),
        permissions.latest_of(reader, pairs),
        repository.find_latest(reader, pairs),
    )
    return _Copies(
        products=products,
        applications=applications,
        organizations_with_applications=with_applications,
        numbers={key: each.data_exchange_number for key, each in standings.items()},
        onboarding={key: Onboarding(each["_id"], each["status"]) for key, each in onboarding.items()},
        agreements=agreements,
        connecting=connecting,
        permissions=permitted,
        subscriptions=subscribed,
    )


def _known(reader: Reader, asked: Asked, copies: _Copies) -> Known:
    organization = _organization_of(asked, copies.applications)
    pair = (asked.application_id or "", asked.product_id)
    subscription = copies.subscriptions.get(pair)
    return Known(
        product=copies.products[asked.product_id],
        now=reader.now,
        is_signed_in=not reader.principal.is_anonymous,
        application_id=asked.application_id,
        has_application=asked.application_id is not None or organization in copies.organizations_with_applications,
        number=copies.numbers.get(organization or ""),
        onboarding=copies.onboarding.get(organization or ""),
        has_agreement=(organization or "", asked.product_id) in copies.agreements,
        connecting=copies.connecting.get((organization or "", asked.product_id)),
        permission=copies.permissions.get(pair),
        subscribed=None if subscription is None else _subscribed(subscription),
    )


def _subscribed(subscription: Subscription) -> Subscribed:
    holds = tuple(Hold(each.cause.value, each.reason) for each in subscription.holds)
    return Subscribed(subscription.id, subscription.status.value, subscription.reason, holds)
