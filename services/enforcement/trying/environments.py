"""Where an environment is called, and what answers there: the one place that says so for trials. Pure."""

from enum import StrEnum

from services.enforcement.state.upstreams import SANDBOX_PREFIX
from services.enforcement.state.versions import Version
from services.enforcement.state.world import World


class Environment(StrEnum):
    """What is asked for: the provider's own system, or the sandbox."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"


def path_in(environment: Environment, base_path: str) -> str:
    """Return the path below which a version is called in an environment."""
    return SANDBOX_PREFIX + base_path if environment is Environment.SANDBOX else base_path


def answered_by(world: World, version: Version, environment: Environment) -> Environment:
    """Return what answers there: a version behind which no system of the provider's stands is answered by the sandbox."""
    return Environment(world.upstream_of(version.id, environment).environment)
