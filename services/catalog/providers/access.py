"""Who may grant the standing of a provider, and who may act as one."""

from chassis.errors import NotHeardOf
from chassis.mongo import Reader
from services.catalog.providers import repository
from services.catalog.providers.domain import NotAProvider, OperatorOnly

MANAGE = "MANAGE_PRODUCTS"


async def organization_to_grant(reader: Reader, organization_id: str) -> str:
    """Return the name of an organization whose standing is to be granted or withdrawn, for the operator alone.

    Raises ``SignInFirst``, ``OperatorOnly`` or ``NotHeardOf``.
    """
    reader.principal.require_signed_in()
    if not reader.principal.has_platform_role("OPERATOR_ADMINISTRATOR"):
        raise OperatorOnly
    names = await repository.names_of(reader, [organization_id])
    if organization_id not in names or await repository.has_ended(reader, organization_id):
        raise NotHeardOf
    return names[organization_id]


async def require_provider(reader: Reader, organization_id: str) -> None:
    """Refuse unless the one who asks may manage products there and the organization is a provider.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed`` or ``NotAProvider``.
    """
    reader.principal.require(MANAGE, organization_id)
    if organization_id not in await repository.with_standing(reader, [organization_id]):
        raise NotAProvider
