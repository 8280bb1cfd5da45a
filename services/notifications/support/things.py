"""What a support request can be about: whose each thing is, as far as it was announced. Reactions write it."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.errors import Invalid
from chassis.ids import prefix_of
from chassis.inbox import copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Index, Reader, Transaction

THINGS = "support_things"
PUBLISHED = "support_published_products"
INDEXES = (Index(THINGS, (("organization_id", 1),)), Index(PUBLISHED, (("sequence", 1),)))
KINDS: Mapping[str, str] = {
    "prd": "PRODUCT",
    "app": "APPLICATION",
    "sub": "SUBSCRIPTION",
    "prm": "PERMISSION",
    "cnr": "CONNECTION_REQUEST",
    "agr": "AGREEMENT",
    "onb": "ONBOARDING_REQUEST",
    "crt": "CERTIFICATE",
    "org": "ORGANIZATION",
}
# What is announced first of a thing, and what may follow and tell whose it is.
ANNOUNCED = (
    "catalog.product_created.v1",
    "identity.application_created.v1",
    "identity.organization_created.v1",
    "identity.certificate_registered.v1",
    "identity.onboarding_submitted.v1",
    "identity.onboarding_approved.v1",
    "subscriptions.subscription_requested.v1",
    "subscriptions.permission_requested.v1",
    "subscriptions.permission_granted.v1",
    "subscriptions.connection_requested.v1",
    "subscriptions.agreement_requested.v1",
)


class ThingNotUsable(Invalid):
    """The announcement of a thing does not say whose it is."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as it is known here; ``provider_id`` is whose product it is, or whose product it rests on."""

    id: str
    kind: str
    organization_id: str | None
    provider_id: str | None
    is_public: bool = False

    @property
    def owners(self) -> frozenset[str]:
        """Return the organizations whose members see it."""
        return frozenset(each for each in (self.organization_id, self.provider_id) if each)


async def remember(tx: Transaction, heard: Heard) -> None:
    """Keep whose a thing is. Raises ``ThingNotUsable``."""
    kind = KINDS.get(prefix_of(heard.subject))
    named = [heard.data.get(name) for name in ("organization_id", "provider_id")]
    if kind is None or not all(each is None or isinstance(each, str) for each in named):
        raise ThingNotUsable(f"{heard.key} {heard.id} is about {heard.subject!r} of nobody in particular.")
    organization_id, provider_id = named
    if kind == "PRODUCT":
        provider_id = organization_id
    await copy_if_newer(tx, THINGS, heard, {"kind": kind, "organization_id": organization_id, "provider_id": provider_id})


async def remember_published(tx: Transaction, heard: Heard) -> None:
    """Keep that a product has a version that was published: everybody sees it. Raises ``ThingNotUsable``."""
    product_id = heard.data.get("product_id")
    if not isinstance(product_id, str):
        raise ThingNotUsable(f"{heard.key} {heard.id} names no product.")
    await tx.collection(PUBLISHED).update_one({"_id": product_id}, {"$set": {"sequence": 1}}, upsert=True)


async def find(reader: Reader, thing_id: str) -> Thing | None:
    """Return a thing, or None where it is not heard of."""
    row = await reader.collection(THINGS).find_one({"_id": thing_id})
    if row is None:
        return None
    is_product = row["kind"] == "PRODUCT"
    is_public = is_product and await reader.collection(PUBLISHED).find_one({"_id": thing_id}) is not None
    return Thing(row["_id"], row["kind"], row["organization_id"], row["provider_id"], is_public)
