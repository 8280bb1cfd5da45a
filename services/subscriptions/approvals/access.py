"""Who may see a product's approval chain, and who may be a substitute. Who decides a step, its connection request says."""

from collections.abc import Iterable, Sequence

from chassis.mongo import Reader
from services.subscriptions.agreements.access import ADMINISTRATOR, REPRESENTATIVE, SECURITY, STAFF
from services.subscriptions.approvals import repository
from services.subscriptions.approvals.domain import ApprovingParty, NotOfTheParty, Planned, Step
from services.subscriptions.known import parties

_ROLES = {ApprovingParty.SECURITY: (SECURITY,), ApprovingParty.OPERATOR: (REPRESENTATIVE, ADMINISTRATOR)}


async def chains(reader: Reader, product_ids: Sequence[str]) -> dict[str, tuple[Planned, ...]]:
    """Return the chains of those of the products whose provider the principal belongs to; the operator's staff sees all."""
    principal = reader.principal
    products = await parties.find_products(reader, product_ids)
    is_staff = principal.has_platform_role(*STAFF)
    seen = [key for key, each in products.items() if is_staff or principal.is_member(each.provider_id)]
    return await repository.find_chains(reader, seen) if seen else {}


async def steps_of(reader: Reader, request_ids: Iterable[str]) -> dict[str, list[Step]]:
    """Return the steps of requests, for those to whom the requests exist."""
    return await repository.find_of_requests(reader, request_ids)


async def require_of_the_party(reader: Reader, step: Step, user_id: str) -> None:
    """Refuse somebody who was not heard to belong to the party of a step. Raises ``NotOfTheParty``."""
    if step.party is ApprovingParty.PROVIDER:
        belongs = await parties.is_member(reader, user_id, step.provider_id)
    else:
        belongs = await parties.holds_platform_role(reader, user_id, *_ROLES[step.party])
    if not belongs:
        raise NotOfTheParty


def belongs_to_party(reader: Reader, step: Step) -> bool:
    """Say whether the principal belongs to the party of a step, as their passport has it now."""
    if step.party is ApprovingParty.PROVIDER:
        return reader.principal.is_member(step.provider_id)
    return reader.principal.has_platform_role(*_ROLES[step.party])
