"""Who may touch which agreement, and whether what is agreed stands.

An agreement exists for those who may file connection requests in the recipient's organization, for those who may conclude
agreements for the provider, and for the operator's staff. Nobody else can tell one from an id that was never given out.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from chassis.errors import FieldProblem, Forbidden, NotFound, NotHeardOf
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from chassis.principal import Principal
from services.subscriptions.agreements import repository
from services.subscriptions.agreements.domain import (
    Agreement,
    Finding,
    Kind,
    NoSuchUpload,
    OnlyTheProviderCountersigns,
    OnlyTheRecipientAttaches,
    Status,
    cover_of,
)
from services.subscriptions.known import files, parties
from services.subscriptions.known.domain import Product
from services.subscriptions.known.files import KeptFile

FILE = "FILE_CONNECTION_REQUEST"
CONCLUDE = "CONCLUDE_AGREEMENTS"
ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
REPRESENTATIVE = "BUSINESS_REPRESENTATIVE"
SECURITY = "SECURITY_OFFICER"
STAFF = (ADMINISTRATOR, REPRESENTATIVE, SECURITY)
SIDES = {"organization_id": FILE, "provider_id": CONCLUDE}
SHOWN_BETWEEN = 20
PREREQUISITE = "AGREEMENT"


async def is_in_force(reader: Reader, organization_id: str, product_id: str) -> bool:
    """Say whether the organization is connected to the product, and each document that the connection rests on holds now."""
    connected = await repository.find_connected(reader, organization_id, product_id)
    if connected is None:
        return False
    provider_id, kinds = connected
    covers = [cover_of(kind, organization_id, provider_id, product_id) for kind in kinds]
    found = await repository.find_covering(reader, covers)
    return all(any(each.holds_at(reader.now) for each in found[cover]) for cover in covers)


async def is_covered_by_one_of(reader: Reader, agreement_ids: Iterable[str], product: Product) -> bool:
    """Say whether one of these agreements covers the product now, and no other of its kind does so in its place."""
    named = await repository.find(reader, agreement_ids)
    covers = {
        each.cover: each.id
        for each in named.values()
        if each.holds_at(reader.now) and each.cover == cover_of(each.kind, each.organization_id, product.provider_id, product.id)
    }
    found = await repository.find_covering(reader, covers)
    return any(not any(other.holds_at(reader.now) and other.id not in named for other in found[cover]) for cover in covers)


async def hold(tx: Transaction, organization_id: str, product_id: str) -> None:
    """Touch what stands between the organization and the product's provider: see ``known.repository.hold_application``."""
    product = (await parties.find_products(tx, [product_id])).get(product_id)
    if product is not None:
        await repository.touch_standing(tx, organization_id, product.provider_id)


async def covering(reader: Reader, between: tuple[str, str, str], kinds: Sequence[Kind]) -> dict[Kind, Agreement]:
    """Return for each kind the agreement that covers (recipient, provider, product): in force, or else under way.

    Who may see the connection request may see these.
    """
    return (await covering_all(reader, {"it": (between, kinds)}))["it"]


async def covering_all(
    reader: Reader, wanted: Mapping[str, tuple[tuple[str, str, str], Sequence[Kind]]]
) -> dict[str, dict[Kind, Agreement]]:
    """Return the same for many, by the keys under which they are wanted, with one read for all of them."""
    covers = {key: {kind: cover_of(kind, *between) for kind in kinds} for key, (between, kinds) in wanted.items()}
    found = await repository.find_covering(reader, {cover for each in covers.values() for cover in each.values()})
    best = {cover: max(each, key=partial(_standing, reader.now)) for cover, each in found.items() if each}
    return {key: {kind: best[cover] for kind, cover in each.items() if cover in best} for key, each in covers.items()}


def _standing(now: datetime, agreement: Agreement) -> tuple[bool, bool]:
    return agreement.holds_at(now), agreement.is_under_way


async def visible_agreements(reader: Reader, ids: Iterable[str]) -> dict[str, Agreement]:
    """Return those of the agreements that exist for the principal, by id."""
    found = await repository.find(reader, ids)
    return {key: each for key, each in found.items() if may_see(reader.principal, each)}


async def between(reader: Reader, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Agreement]]:
    """Return for each recipient and provider their newest agreements, to those for whom they would exist."""
    wanted = sorted(pair for pair in set(pairs) if _may_see_between(reader.principal, *pair))
    lists = await asyncio.gather(*(repository.find_between(reader, *pair, most=SHOWN_BETWEEN) for pair in wanted))
    return dict(zip(wanted, lists, strict=True))


async def of_organizations(
    reader: Reader, organization_ids: Iterable[str], status: Status | None, page: Page
) -> dict[str, tuple[list[Agreement], int]]:
    """Return for each organization a page of its agreements, the newest first: of the side for which the principal acts."""
    principal = reader.principal
    is_staff = principal.has_platform_role(*STAFF)
    sides = {
        key: [side for side, action in SIDES.items() if is_staff or principal.may(action, key)] for key in set(organization_ids)
    }
    seen = {key: each for key, each in sides.items() if each}
    pages = await asyncio.gather(
        *(repository.find_page(reader, key, page, sides=each, status=status) for key, each in seen.items())
    )
    return dict(zip(seen, pages, strict=True))


def may_see(principal: Principal, agreement: Agreement) -> bool:
    """Say whether an agreement exists for the principal."""
    return _may_see_between(principal, agreement.organization_id, agreement.provider_id)


def _may_see_between(principal: Principal, organization_id: str, provider_id: str) -> bool:
    return principal.may(FILE, organization_id) or principal.may(CONCLUDE, provider_id) or principal.has_platform_role(*STAFF)


async def findings_of(reader: Reader, agreements: Iterable[Agreement]) -> Mapping[str, Finding]:
    """Return what is known of the signatures of the agreements' files, by file, for those to whom the agreements exist."""
    return await repository.find_findings(reader, [each.file.id for agreement in agreements for each in agreement.files])


async def agreement_to_attach(tx: Transaction, agreement_id: str) -> Agreement:
    """Return an agreement to which the principal may attach the recipient's file.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheRecipientAttaches`` or ``RoleNotAllowed``.
    """
    agreement = await _concerned(tx, agreement_id)
    _require_party(tx.principal, FILE, agreement.organization_id, OnlyTheRecipientAttaches)
    return agreement


async def agreement_to_countersign(tx: Transaction, agreement_id: str) -> Agreement:
    """Return an agreement that the principal may countersign.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheProviderCountersigns`` or ``RoleNotAllowed``.
    """
    agreement = await _concerned(tx, agreement_id)
    _require_party(tx.principal, CONCLUDE, agreement.provider_id, OnlyTheProviderCountersigns)
    return agreement


async def agreement_to_decide(tx: Transaction, agreement_id: str) -> Agreement:
    """Return an agreement that is known to the principal: whether they decide about it, its request says.

    Raises ``SignInFirst`` or ``NotFound``.
    """
    return await _concerned(tx, agreement_id)


async def own_upload(tx: Transaction, file_id: str) -> KeptFile:
    """Return a file that the principal has uploaded. Raises ``NoSuchUpload``, after the bounded wait."""
    file = await files.find_file(tx, file_id)
    if file is None or file.uploaded_by != tx.principal.require_signed_in():
        # What is somebody else's is waited for as long as what does not exist.
        raise NoSuchUpload
    return file


async def product_to_arrange(tx: Transaction, product_id: str) -> Product:
    """Return a product for whose provider, or for the operator, the principal says what connecting to it takes.

    Raises ``SignInFirst``, ``NotHeardOf`` or ``RoleNotAllowed``.
    """
    principal = tx.principal
    principal.require_signed_in()
    product = (await parties.find_products(tx, [product_id])).get(product_id)
    is_operator = principal.has_platform_role(ADMINISTRATOR)
    if product is None or not (is_operator or principal.is_member(product.provider_id)):
        raise NotHeardOf("There is no such product.", fields=[FieldProblem("product_id", "give the id of a product of yours")])
    if not is_operator:
        principal.require(CONCLUDE, product.provider_id)
    return product


async def required_kinds(reader: Reader, product_ids: Sequence[str]) -> dict[str, tuple[Kind, ...]]:
    """Return for each product that asks for an agreement the kinds of its documents: who sees a product may see them."""
    products = await parties.find_products(reader, product_ids)
    asked = [key for key, each in products.items() if PREREQUISITE in each.prerequisites]
    return await repository.find_required(reader, asked) if asked else {}


async def _concerned(tx: Transaction, agreement_id: str) -> Agreement:
    principal = tx.principal
    principal.require_signed_in()
    agreement = (await repository.find(tx, [agreement_id])).get(agreement_id)
    if agreement is None:
        raise NotFound("There is no such agreement.")
    if may_see(principal, agreement):
        return agreement
    for action, organization_id in ((FILE, agreement.organization_id), (CONCLUDE, agreement.provider_id)):
        if principal.is_member(organization_id):
            principal.require(action, organization_id)
    raise NotFound("There is no such agreement.")


def _require_party(principal: Principal, action: str, organization_id: str, otherwise: type[Forbidden]) -> None:
    if not principal.is_member(organization_id):
        raise otherwise
    principal.require(action, organization_id)
