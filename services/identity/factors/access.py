"""The door to factors: their owner's alone."""

from chassis.mongo import Reader
from services.identity.factors import repository
from services.identity.factors.domain import Factor, NoSuchFactor


async def has_second_factor(reader: Reader, user_id: str) -> bool:
    """Say whether a user has a second factor beside the password."""
    return await repository.has_factor(reader, user_id)


async def own_factors(reader: Reader) -> list[Factor]:
    """Return the factors of the one who asks, the oldest first. Raises ``SignInFirst``."""
    return await repository.find_factors(reader, reader.principal.require_signed_in())


async def own_recovery_codes_left(reader: Reader) -> int:
    """Return how many recovery codes the one who asks has left. Raises ``SignInFirst``."""
    return await repository.count_recovery_codes(reader, reader.principal.require_signed_in())


async def require_own(reader: Reader, factor_id: str) -> Factor:
    """Return a factor of the one who asks; others' do not exist. Raises ``SignInFirst`` or ``NoSuchFactor``."""
    factor = await repository.find_factor(reader, reader.principal.require_signed_in(), factor_id)
    if factor is None:
        raise NoSuchFactor
    return factor
