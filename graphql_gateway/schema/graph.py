"""The whole graph, put together from its nouns."""

from functools import cache

import strawberry
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from graphql_gateway.engine.declare import Argument, Load, asks, planned
from graphql_gateway.engine.model import Model, model_of
from graphql_gateway.schema.accounts import AccountMutations, AccountQueries, User
from graphql_gateway.schema.agreements import AgreementMutations
from graphql_gateway.schema.applications import ApplicationMutations, ApplicationQueries
from graphql_gateway.schema.approvals import ApprovalMutations
from graphql_gateway.schema.categories import CategoryMutations, CategoryQueries
from graphql_gateway.schema.certificates import CertificateMutations, CertificateQueries
from graphql_gateway.schema.client_keys import ClientKeyMutations
from graphql_gateway.schema.connections import ConnectionMutations, ConnectionOfficeMutations, ConnectionQueries
from graphql_gateway.schema.dead_letters import DeadLetterMutations
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.explaining import ExplainingQueries
from graphql_gateway.schema.facets import FacetQueries
from graphql_gateway.schema.factors import FactorMutations
from graphql_gateway.schema.files import File
from graphql_gateway.schema.guidance import GuidanceMutations, GuidanceQueries
from graphql_gateway.schema.invitations import InvitationMutations
from graphql_gateway.schema.members import MemberMutations
from graphql_gateway.schema.nodes import Id, Node
from graphql_gateway.schema.notices import NoticeMutations
from graphql_gateway.schema.offering import ProductMutations
from graphql_gateway.schema.onboarding import OnboardingMutations
from graphql_gateway.schema.onboarding_deciding import OnboardingDecisions
from graphql_gateway.schema.openid import OpenIdMutations, OpenIdQueries
from graphql_gateway.schema.operator import OperatorQueries
from graphql_gateway.schema.organizations import OrganizationMutations, OrganizationQueries
from graphql_gateway.schema.passwords import PasswordMutations
from graphql_gateway.schema.permissions import Permission, PermissionMutations
from graphql_gateway.schema.plan_changes import PlanChangeMutations
from graphql_gateway.schema.privacy import PrivacyMutations
from graphql_gateway.schema.products import Plan, ProductQueries
from graphql_gateway.schema.recertification import CampaignItem, RecertificationMutations, RecertificationQueries
from graphql_gateway.schema.releases import Version
from graphql_gateway.schema.scalars import SCALARS
from graphql_gateway.schema.sessions import SessionMutations
from graphql_gateway.schema.signing_in import SigningInMutations
from graphql_gateway.schema.staff import StaffMutations
from graphql_gateway.schema.subscriptions import SubscriptionMutations, SubscriptionQueries
from graphql_gateway.schema.support import SupportMutations, SupportOfficeMutations, SupportQueries
from graphql_gateway.schema.trials import TrialMutations
from graphql_gateway.schema.updates import Updates
from graphql_gateway.schema.usage import UsageQueries
from graphql_gateway.schema.versions import VersionMutations, VersionQueries
from graphql_gateway.schema.webhooks import WebhookMutations, WebhookQueries

_KINDS = {
    "org": ("Organization", "identity", "organizations_by_id"),
    "app": ("Application", "identity", "applications_by_id"),
    "crt": ("Certificate", "identity", "certificates_by_id"),
    "onb": ("OnboardingRequest", "identity", "onboarding_requests_by_id"),
    "dxc": ("DataExchange", "identity", "data_exchanges_by_id"),
    "fil": ("File", "identity", "files_by_id"),
    "ctg": ("Category", "catalog", "categories_by_id"),
    "prd": ("Product", "catalog", "products_by_id"),
    "pln": ("Plan", "catalog", "plans_by_id"),
    "ver": ("Version", "catalog", "versions_by_id"),
    "prm": ("Permission", "subscriptions", "permissions_by_id"),
    "sub": ("Subscription", "subscriptions", "subscriptions_by_id"),
    "cnr": ("ConnectionRequest", "subscriptions", "connection_requests_by_id"),
    "agr": ("Agreement", "subscriptions", "agreements_by_id"),
    "sup": ("SupportRequest", "notifications", "support_requests_by_id"),
    "whk": ("Webhook", "notifications", "webhooks_by_id"),
    "cam": ("Campaign", "recertification", "campaigns_by_id"),
    "itm": ("CampaignItem", "recertification", "campaign_items_by_id"),
    "ntc": ("Notice", "notifications", "notices_by_id"),
}


@type_
class Query(
    AccountQueries,
    OpenIdQueries,
    OrganizationQueries,
    ApplicationQueries,
    CertificateQueries,
    ProductQueries,
    VersionQueries,
    FacetQueries,
    CategoryQueries,
    GuidanceQueries,
    SubscriptionQueries,
    ConnectionQueries,
    UsageQueries,
    ExplainingQueries,
    SupportQueries,
    WebhookQueries,
    OperatorQueries,
    RecertificationQueries,
):
    """What may be asked."""

    @asks(Load("identity", "node", Argument("id"), kinds=_KINDS))
    def node(self, id_: Id) -> Node | None:
        """Read anything by its id."""
        planned(id_)


@type_
class Mutation(
    AccountMutations,
    SigningInMutations,
    FactorMutations,
    OpenIdMutations,
    SessionMutations,
    PasswordMutations,
    PrivacyMutations,
    OrganizationMutations,
    MemberMutations,
    InvitationMutations,
    ApplicationMutations,
    CertificateMutations,
    ClientKeyMutations,
    ProductMutations,
    VersionMutations,
    PermissionMutations,
    CategoryMutations,
    GuidanceMutations,
    SubscriptionMutations,
    ConnectionMutations,
    DeadLetterMutations,
    ConnectionOfficeMutations,
    AgreementMutations,
    ApprovalMutations,
    PlanChangeMutations,
    OnboardingMutations,
    WebhookMutations,
    OnboardingDecisions,
    StaffMutations,
    SupportMutations,
    SupportOfficeMutations,
    RecertificationMutations,
    NoticeMutations,
    TrialMutations,
):
    """What may be done. Every verb takes one input and gives its thing or a problem.

    Sent with an idempotency key (the header Idempotency-Key, or extensions.idempotencyKey), it can be asked again safely.
    """


@cache
def graph() -> strawberry.Schema:
    """Return the schema."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Updates,
        types=[User, Plan, Version, File, Permission, CampaignItem],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


@cache
def model() -> Model:
    """Return the schema as the engine sees it."""
    return model_of(graph()._schema)  # noqa: SLF001 - Strawberry gives its graphql-core schema no public name


def sdl() -> str:
    """Return the schema in GraphQL's own language, as it is promised to the outside."""
    return print_schema(graph()) + "\n"
