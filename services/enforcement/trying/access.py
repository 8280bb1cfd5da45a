"""Who may have an operation called: members whose role allows it, as the application that their token is of."""

from typing import NamedTuple

from chassis.errors import NotFound
from chassis.principal import Principal
from services.enforcement.checks.case import Credentials, Rejected
from services.enforcement.state.versions import Version
from services.enforcement.state.world import Application, World
from services.enforcement.trying.domain import TrialTokenNeeded, VersionNotInForce

ACTION = "TRY_OPERATION"
_TRIALS = "trl_"


class Admitted(NamedTuple):
    """What is called, and as which application."""

    application: Application
    version: Version


def application_of(principal: Principal, world: World, credentials: Credentials | Rejected) -> Application | None:
    """Return the application that a trial's credentials are of; None where it has not been heard of yet.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed`` or ``TrialTokenNeeded``.
    """
    principal.require_signed_in()
    if isinstance(credentials, Rejected) or not any(each.startswith(_TRIALS) for each in credentials.marks):
        raise TrialTokenNeeded
    application = world.application_of(credentials.client_id)
    if application is None:
        return None
    if application.is_deleted:
        raise NotFound
    principal.require(ACTION, application.organization_id)
    return application


def version_at(world: World, base_path: str, version_id: str) -> Version | None:
    """Return the version that can be called at a base path; None where it has not been heard of yet.

    Raises ``VersionNotInForce``.
    """
    version = world.version_at(base_path)
    if version is None or version.id != version_id:
        return None
    if version.life.is_retired:
        raise VersionNotInForce
    return version
