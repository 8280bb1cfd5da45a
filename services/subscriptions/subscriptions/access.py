"""Who may touch which subscription: the only door from a principal and an id to the thing.

A subscription exists for the members of the organization whose application it is, for the members of the provider's, and for the
operator. Nobody else can tell one from an id that was never given out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from chassis.errors import FieldProblem, Forbidden, NotFound, NotHeardOf
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from chassis.principal import Principal
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Applicant, Application, Plan, Product
from services.subscriptions.subscriptions import repository
from services.subscriptions.subscriptions.domain import Cause, Status, Subscription


class OnlyTheProviderDecides(Forbidden):
    """Only the provider of the product decides about its subscriptions."""


class OnlyTheSubscriberCancels(Forbidden):
    """Only the organization whose application is subscribed cancels the subscription."""


class NotYourSide(Forbidden):
    """You do not act for this side of the subscription."""


OPERATOR = "OPERATOR_ADMINISTRATOR"
Pages = dict[str, tuple[list[Subscription], int]]


def _not_heard_of(field: str, noun: str) -> NotHeardOf:
    article = "an" if noun[0] in "aeiou" else "a"
    return NotHeardOf(f"There is no such {noun}.", fields=[FieldProblem(field, f"give the id of {article} {noun} that exists")])


async def application_to_subscribe(tx: Transaction, application_id: str) -> Application:
    """Return an application that the principal may subscribe. Raises ``SignInFirst``, ``NotHeardOf`` or ``RoleNotAllowed``."""
    tx.principal.require_signed_in()
    application = await known.find_application(tx, application_id)
    if application is None or not tx.principal.is_member(application.organization_id):
        # A stranger waits as long as for an id that does not exist: not even the time tells the two apart.
        raise _not_heard_of("application_id", "application")
    if await known.has_ended(tx, application.organization_id):
        # Its applications end one after another; none of them is subscribed meanwhile.
        raise _not_heard_of("application_id", "application")
    tx.principal.require("SUBSCRIBE", application.organization_id)
    return application


async def product_on_offer(tx: Transaction, product_id: str) -> Product:
    """Return a published product. Raises ``NotHeardOf``."""
    product = await known.find_published_product(tx, product_id)
    if product is None:
        raise _not_heard_of("product_id", "published product")
    return product


async def product_subscribed_to(tx: Transaction, subscription: Subscription) -> Product:
    """Return the product of a subscription, whatever has become of its versions. Raises ``NotHeardOf``."""
    product = await known.find_product(tx, subscription.product_id)
    if product is None:
        raise _not_heard_of("subscription_id", "subscription")
    return product


async def plan_on_offer(tx: Transaction, plan_id: str, product: Product) -> Plan:
    """Return a plan of the product, or of any other that is published: those of drafts are hidden. Raises ``NotHeardOf``."""
    plan = await known.find_plan(tx, plan_id)
    if plan is not None and plan.product_id == product.id:
        return plan
    if plan is None or await known.find_published_product(tx, plan.product_id) is None:
        raise _not_heard_of("plan_id", "plan")
    return plan


async def subscription_to_decide(tx: Transaction, subscription_id: str) -> Subscription:
    """Return a subscription that the principal may approve or reject.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheProviderDecides`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    if not tx.principal.is_member(subscription.provider_id):
        raise OnlyTheProviderDecides
    tx.principal.require("DECIDE_SUBSCRIPTIONS", subscription.provider_id)
    return subscription


async def subscription_to_cancel(tx: Transaction, subscription_id: str) -> Subscription:
    """Return a subscription that the principal may cancel.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheSubscriberCancels`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    if not tx.principal.is_member(subscription.organization_id):
        raise OnlyTheSubscriberCancels
    tx.principal.require("CANCEL_SUBSCRIPTION", subscription.organization_id)
    return subscription


async def subscription_to_change(tx: Transaction, subscription_id: str) -> Subscription:
    """Return a subscription whose plan the principal may change.

    Raises ``SignInFirst``, ``NotFound``, ``NotYourSide`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    if not tx.principal.is_member(subscription.organization_id):
        raise NotYourSide
    tx.principal.require("SUBSCRIBE", subscription.organization_id)
    return subscription


async def subscription_to_suspend(tx: Transaction, subscription_id: str, side: Cause | None) -> tuple[Subscription, Cause]:
    """Return a subscription that the principal may suspend, and for which side: the one named, or the first of theirs.

    Raises ``SignInFirst``, ``NotFound``, ``NotYourSide`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    return subscription, _sides(tx.principal, subscription, "CANCEL_SUBSCRIPTION", side)[0]


async def subscription_to_resume(
    tx: Transaction, subscription_id: str, side: Cause | None
) -> tuple[Subscription, tuple[Cause, ...]]:
    """Return a subscription that the principal may resume, and for which sides: the one named, or all that are theirs.

    Raises ``SignInFirst``, ``NotFound``, ``NotYourSide`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    return subscription, _sides(tx.principal, subscription, "SUBSCRIBE", side)


async def subscription_to_end(tx: Transaction, subscription_id: str) -> Subscription:
    """Return a subscription that the principal may end, as its provider or as the operator.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheProviderDecides`` or ``RoleNotAllowed``.
    """
    subscription = await _visible_one(tx, subscription_id)
    if tx.principal.has_platform_role(OPERATOR):
        return subscription
    if not tx.principal.is_member(subscription.provider_id):
        raise OnlyTheProviderDecides
    tx.principal.require("DECIDE_SUBSCRIPTIONS", subscription.provider_id)
    return subscription


def _sides(principal: Principal, subscription: Subscription, recipients_action: str, side: Cause | None) -> tuple[Cause, ...]:
    """Return for which sides the principal may act (of the one named, where one is), in the order in which they are meant."""
    actions = {
        Cause.PROVIDER: ("DECIDE_SUBSCRIPTIONS", subscription.provider_id),
        Cause.RECIPIENT: (recipients_action, subscription.organization_id),
    }
    theirs = [each for each, (action, organization_id) in actions.items() if principal.may(action, organization_id)]
    if principal.has_platform_role(OPERATOR):
        theirs.append(Cause.OPERATOR)
    if side is not None:
        theirs = [each for each in theirs if each is side]
    if theirs:
        return tuple(theirs)
    for each, (action, organization_id) in actions.items():
        if side in (None, each) and principal.is_member(organization_id):
            principal.require(action, organization_id)
    raise NotYourSide


async def visible_subscriptions(reader: Reader, subscription_ids: Sequence[str]) -> dict[str, Subscription]:
    """Return those of the subscriptions that exist for the principal, by id."""
    found = await repository.find(reader, subscription_ids)
    return {key: each for key, each in found.items() if _may_see(reader.principal, each)}


async def subscriptions_of_applications(
    reader: Reader, application_ids: Sequence[str], status: Status | None, page: Page
) -> Pages:
    """Return for each application a page of its subscriptions that exist for the principal, newest first."""
    principal = reader.principal
    viewable = [each for each in principal.organizations if principal.may("VIEW_SUBSCRIPTIONS", each)]
    seen = {"$or": [{"organization_id": {"$in": viewable}}, {"provider_id": {"$in": list(principal.organizations)}}]}
    query: Mapping[str, object] = seen if status is None else {"status": status.value, **seen}
    listing = repository.Listing("application_id", query, newest_first=True)
    return await _pages(reader, listing, application_ids, page, is_visible=lambda _: True)


async def requests_to_providers(reader: Reader, provider_ids: Sequence[str], page: Page) -> Pages:
    """Return for each provider whose requests the principal may decide a page of them, the longest waiting first."""
    listing = repository.Listing("provider_id", {"status": Status.PENDING.value}, newest_first=False)
    return await _pages(
        reader, listing, provider_ids, page, is_visible=lambda key: reader.principal.may("DECIDE_SUBSCRIPTIONS", key)
    )


async def subscriptions_to_providers(
    reader: Reader, provider_ids: Sequence[str], page: Page, *, status: Status | None, product_id: str | None
) -> Pages:
    """Return for each provider that the principal belongs to a page of all subscriptions to its products, newest first."""
    wanted = {"status": status and status.value, "product_id": product_id}
    query = {name: value for name, value in wanted.items() if value is not None}
    listing = repository.Listing("provider_id", query, newest_first=True)
    return await _pages(reader, listing, provider_ids, page, is_visible=reader.principal.is_member)


async def applicants_of(reader: Reader, subscriptions: Iterable[Subscription]) -> dict[str, Applicant]:
    """Return by id who asks for each subscription, for those to whom the subscriptions exist.

    It is all that the provider, who does not belong to the application's organization, learns of it.
    """
    return await known.find_applicants(reader, subscriptions)


async def _pages(
    reader: Reader,
    listing: repository.Listing,
    keys: Sequence[str],
    page: Page,
    *,
    is_visible: Callable[[str], bool],
) -> Pages:
    asked = {key for key in keys if is_visible(key)}
    found = await listing.read(reader, sorted(asked), page) if asked else {}
    return {key: found.get(key, ([], 0)) for key in asked}


async def _visible_one(tx: Transaction, subscription_id: str) -> Subscription:
    tx.principal.require_signed_in()
    found = await visible_subscriptions(tx, [subscription_id])
    if subscription_id not in found:
        raise NotFound("There is no such subscription.")
    return found[subscription_id]


def _may_see(principal: Principal, subscription: Subscription) -> bool:
    return (
        principal.may("VIEW_SUBSCRIPTIONS", subscription.organization_id)
        or principal.is_member(subscription.provider_id)
        or principal.has_platform_role(OPERATOR)
    )
