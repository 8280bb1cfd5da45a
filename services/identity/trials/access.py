"""The door to trials: members whose role allows it, as applications of their organization, of operations that are published."""

from chassis.errors import NotHeardOf
from chassis.mongo import Reader
from services.identity.applications import access as applications
from services.identity.applications.domain import Application
from services.identity.trials import repository
from services.identity.trials.domain import Environment, OperationNotPublished, Tried

ACTION = "TRY_OPERATION"


async def application_to_try_as(reader: Reader, application_id: str) -> Application:
    """Return an application, for those who may call as it. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``."""
    return await applications.require(reader, ACTION, application_id)


async def operation_to_try(reader: Reader, version_id: str, operation_id: str, environment: Environment) -> Tried:
    """Return an operation of a published version. Raises ``NotHeardOf`` or ``OperationNotPublished``."""
    published = await repository.find_version(reader, version_id)
    if published is None:
        raise NotHeardOf
    if operation_id not in published.operation_ids:
        raise OperationNotPublished(published.operation_ids)
    return Tried(version_id, operation_id, environment, published.product_slug)
