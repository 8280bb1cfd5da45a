"""Products as the check sees them: whose they are, how sensitive, and what they ask for beside a subscription."""

from typing import NamedTuple

from services.enforcement.state.copies import Fields

OPEN_TEST = "OPEN_TEST"
CONFIDENTIAL = "CONFIDENTIAL"


class Product(NamedTuple):
    """What is remembered of a product."""

    id: str
    organization_id: str
    sensitivity: str
    needs_permission: bool
    needs_agreement: bool
    stays_open: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether every registered application may call it."""
        return self.sensitivity == OPEN_TEST


def product_of(identifier: str, fields: Fields) -> Product:
    """Return the product that a copy tells of."""
    sensitivity = fields["sensitivity"]
    # Copies that are older than permissions do not say so: nothing needed any.
    needs_permission = bool(fields.get("needs_permission"))
    needs_agreement = bool(fields.get("needs_agreement", sensitivity == CONFIDENTIAL))
    return Product(
        identifier, fields["organization_id"], sensitivity, needs_permission, needs_agreement, bool(fields.get("stays_open"))
    )
