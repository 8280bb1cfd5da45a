"""What is true of trials: who tries which operation as which application, and for how long the token for it is valid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from chassis.errors import FieldProblem, Invalid
from services.identity.applications.domain import Application
from services.identity.tokens.domain import Proof, scope_form

TRIAL_PREFIX = "trl"
TOKEN_TTL = timedelta(seconds=60)
KEPT_FOR = timedelta(days=30)


class Environment(StrEnum):
    """What answers: the provider's system, or the sandbox."""

    PRODUCTION = "PRODUCTION"
    SANDBOX = "SANDBOX"


class OperationNotPublished(Invalid):
    """The version has no such operation."""

    def __init__(self, known: Sequence[str]) -> None:
        mend = f"name an operation of the version; it has: {', '.join(known[:10]) or 'none'}"
        super().__init__(self.default_message(), fields=[FieldProblem("operation_id", mend)])


class Published(NamedTuple):
    """A published version: its product's name in scopes, and its operations."""

    product_slug: str
    operation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What is tried: an operation of a published version, and the product's name in scopes."""

    version_id: str
    operation_id: str
    environment: Environment
    product_slug: str

    @property
    def scope(self) -> tuple[str, ...]:
        """Return what the token is narrowed to: this operation alone."""
        return (f"{self.product_slug}:{scope_form(self.operation_id)}",)


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial."""

    id: str
    application: Application
    user_id: str
    tried: Tried
    began_at: datetime

    def proof(self) -> Proof:
        """Return what the token rests on: no credential of the application's, but this trial, for a minute."""
        return Proof(self.application, trial_id=self.id, ends_at=self.began_at + TOKEN_TTL)
