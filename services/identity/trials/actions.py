"""What can be done: try an operation, which begins with a token for it."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.ids import new_id
from chassis.mongo import Transaction
from services.identity.mint import random_text
from services.identity.throttles import Limit
from services.identity.tokens.actions import TokenOffice
from services.identity.tokens.domain import TOKEN_TYPE, token_claims
from services.identity.trials import access, repository
from services.identity.trials.domain import TRIAL_PREFIX, Environment, Trial

TRIALS = Limit("try-operation", tries=300, window=timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which operation is to be called, and where."""

    version_id: str
    operation_id: str
    environment: Environment


async def try_operation(tx: Transaction, application_id: str, wanted: Wanted) -> Trial:
    """Begin a trial. Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed``, ``NotHeardOf`` or ``OperationNotPublished``."""
    user_id = tx.principal.require_signed_in()
    application = await access.application_to_try_as(tx, application_id)
    tried = await access.operation_to_try(tx, wanted.version_id, wanted.operation_id, wanted.environment)
    trial = Trial(new_id(TRIAL_PREFIX), application, user_id, tried, tx.now)
    await repository.add(tx, trial)
    return trial


def token_for(trial: Trial, office: TokenOffice) -> str:
    """Return the access token for a trial's call: of this application, for this operation, for a minute at most."""
    claims = token_claims(trial.proof(), office.terms, trial.tried.scope, random_text(22), now=trial.began_at)
    return office.signer.sign(TOKEN_TYPE, claims)
