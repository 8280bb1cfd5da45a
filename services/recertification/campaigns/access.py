"""Who may touch which campaign.

A campaign exists for those who act for its starter, and for those who confirm what an organization holds that is in it. To
anybody else it is an id that was never given out; a member of its starter is told that the role does not suffice.
"""

from collections.abc import Iterable

from chassis.errors import NotFound
from chassis.mongo import Reader, Transaction
from chassis.principal import Principal, RoleNotAllowed
from services.recertification.campaigns import repository
from services.recertification.campaigns.domain import Campaign, Scope, ScopeNotYours, Side
from services.recertification.known import repository as known

ACTION = "RECERTIFY"
ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
AUDITOR = "AUDITOR"


class OnlyTheOperatorAsksEverybody(RoleNotAllowed):
    """Only an administrator of the operator starts campaigns over organizations."""


class OnlyTheStarter(RoleNotAllowed):
    """Only who has started the campaign changes it."""


def acts_for_starter(principal: Principal, campaign: Campaign) -> bool:
    """Say whether the principal may change a campaign."""
    if campaign.scope.side is Side.OPERATOR:
        return principal.has_platform_role(ADMINISTRATOR)
    return principal.may(ACTION, campaign.scope.starter_id or "")


def sees_all(principal: Principal, campaign: Campaign) -> bool:
    """Say whether everything in a campaign exists for the principal."""
    is_auditor = campaign.scope.side is Side.OPERATOR and principal.has_platform_role(AUDITOR)
    return is_auditor or acts_for_starter(principal, campaign)


def own_organizations(principal: Principal) -> list[str]:
    """Return for which organizations the principal confirms what they hold."""
    return [each for each in principal.organizations if principal.may(ACTION, each)]


async def require_scope(tx: Transaction, scope: Scope) -> None:
    """Refuse a campaign that the principal may not start.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed``, ``OnlyTheOperatorAsksEverybody`` or ``ScopeNotYours``.
    """
    tx.principal.require_signed_in()
    if scope.side is Side.OPERATOR:
        if not tx.principal.has_platform_role(ADMINISTRATOR):
            raise OnlyTheOperatorAsksEverybody
    else:
        tx.principal.require(ACTION, scope.starter_id or "")
    if scope.product_ids is not None:
        owners = await known.find_product_owners(tx, scope.product_ids)
        is_own = scope.side is not Side.PROVIDER or set(owners.values()) <= {scope.starter_id}
        # Somebody else's product is answered as one that does not exist.
        if not is_own or len(owners) < len(set(scope.product_ids)):
            raise ScopeNotYours("product_ids", "give ids of products of yours")
    named = scope.organization_ids if scope.side is Side.OPERATOR else None
    if named is not None and await known.known_organizations(tx, named) != set(named):
        raise ScopeNotYours("organization_ids", "give ids of organizations that exist")


async def campaign_to_change(tx: Transaction, campaign_id: str) -> Campaign:
    """Return a campaign that the principal may change.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed`` or ``OnlyTheStarter``.
    """
    tx.principal.require_signed_in()
    campaign = (await repository.find(tx, [campaign_id])).get(campaign_id)
    if campaign is not None and acts_for_starter(tx.principal, campaign):
        return campaign
    if campaign is None:
        raise NotFound("There is no such campaign.")
    if campaign.scope.starter_id is not None and tx.principal.is_member(campaign.scope.starter_id):
        tx.principal.require(ACTION, campaign.scope.starter_id)
    if campaign.id not in await visible_campaigns(tx, [campaign_id]):
        raise NotFound("There is no such campaign.")
    raise OnlyTheStarter


async def visible_campaigns(reader: Reader, campaign_ids: Iterable[str]) -> dict[str, Campaign]:
    """Return those of the campaigns that exist for the principal, by id."""
    found = await repository.find(reader, campaign_ids)
    own = own_organizations(reader.principal)
    shared = await repository.shared_with(reader, found, own) if own else set()
    return {key: each for key, each in found.items() if key in shared or sees_all(reader.principal, each)}


def sees_campaigns_of(principal: Principal, organization_id: str) -> bool:
    """Say whether the principal sees which campaigns an organization has started."""
    return principal.may(ACTION, organization_id)


def sees_campaigns_of_operator(principal: Principal) -> bool:
    """Say whether the principal sees which campaigns the operator has started."""
    return principal.has_platform_role(ADMINISTRATOR, AUDITOR)


async def count_organizations(reader: Reader, campaign_ids: Iterable[str]) -> dict[str, int]:
    """Return of how many organizations things are in each of the campaigns (for those who see all of them)."""
    return await repository.count_shares(reader, campaign_ids)
