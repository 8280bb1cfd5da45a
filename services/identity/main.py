"""How identity is put together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.routing import BaseRoute

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import ALGORITHM, PassportVerifier
from chassis.service import Service
from chassis.smtp import MailServer
from chassis.web import Edge
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.accounts import routes as account_routes
from services.identity.addresses import routes as address_routes
from services.identity.agreement_files import access as agreement_access
from services.identity.agreement_files import repository as agreement_files
from services.identity.agreement_files.domain import AGREEMENT_PREFIX, STEP_PREFIX
from services.identity.announcing import repository as announcing
from services.identity.announcing.worker import Announcer
from services.identity.applications import repository as applications
from services.identity.applications import routes as application_routes
from services.identity.audited import ACTS
from services.identity.authority import routes as authority_routes
from services.identity.authority.actions import PassportOffice
from services.identity.certificates import access as certificate_access
from services.identity.certificates import repository as certificates
from services.identity.certificates import routes as certificate_routes
from services.identity.certificates.anchors import read_anchors
from services.identity.certificates.worker import Reminder
from services.identity.client_keys import access as client_key_access
from services.identity.client_keys import repository as client_keys
from services.identity.client_keys import routes as client_key_routes
from services.identity.data_exchanges import repository as data_exchanges
from services.identity.data_exchanges import routes as data_exchange_routes
from services.identity.data_exchanges.domain import NumberPattern
from services.identity.desk import routes as desk_routes
from services.identity.factors import repository as factors
from services.identity.factors import routes as factor_routes
from services.identity.factors.actions import FactorOffice
from services.identity.factors.passkeys import relying_party
from services.identity.files import repository as files
from services.identity.files import routes as file_routes
from services.identity.files.keeper import Keeper
from services.identity.findings import access as finding_access
from services.identity.findings import repository as findings
from services.identity.findings import routes as finding_routes
from services.identity.findings.actions import ExaminingOffice
from services.identity.findings.examining import judge_of_signatures
from services.identity.findings.worker import Examiner
from services.identity.invitations import repository as invitations
from services.identity.invitations import routes as invitation_routes
from services.identity.keys import NOTICES_KEY, Pepper, Seal, SharedSeal, Signer, read_public
from services.identity.links import repository as links
from services.identity.mail import repository as mail
from services.identity.mail.actions import AddressBook, PostOffice
from services.identity.mail.postman import Postman
from services.identity.members import routes as member_routes
from services.identity.onboarding import access as onboarding_access
from services.identity.onboarding import repository as onboarding
from services.identity.onboarding import routes as onboarding_routes
from services.identity.onboarding.domain import REQUEST_PREFIX
from services.identity.onboarding.judging import Clerk
from services.identity.onboarding.office import OnboardingOffice
from services.identity.openid import repository as openid
from services.identity.openid import routes as openid_routes
from services.identity.openid.actions import OpenIdOffice
from services.identity.openid.client import CALLBACK, ProviderClient
from services.identity.openid.providers import read_providers
from services.identity.organizations import repository as organizations
from services.identity.organizations import routes as organization_routes
from services.identity.passwords import routes as password_routes
from services.identity.passwords.hashing import Hasher
from services.identity.privacy import routes as privacy_routes
from services.identity.reactions import Offices, reactions
from services.identity.recertifications import repository as recertifications
from services.identity.republishing import KINDS
from services.identity.secrets import repository as secrets
from services.identity.secrets import routes as secret_routes
from services.identity.secrets.access import Judging
from services.identity.secrets.actions import SecretOffice
from services.identity.secrets.domain import Terms
from services.identity.secrets.timekeeper import Timekeeper
from services.identity.sessions import repository as sessions
from services.identity.sessions import routes as session_routes
from services.identity.sessions.domain import Lifetimes
from services.identity.settings import IdentitySettings
from services.identity.signing_in import repository as signing_in
from services.identity.signing_in import routes as signing_in_routes
from services.identity.signing_in.actions import Entrance
from services.identity.signing_in.gate import Gate
from services.identity.signing_in.routes import Reception
from services.identity.signing_in.watchman import Watchman
from services.identity.staff import routes as staff_routes
from services.identity.tokens import repository as tokens
from services.identity.tokens import routes as token_routes
from services.identity.tokens.actions import TokenOffice
from services.identity.tokens.domain import TokenTerms
from services.identity.tokens.reading import TokenReader
from services.identity.trials import repository as trials
from services.identity.trials import routes as trial_routes
from services.identity.welcome import routes as welcome_routes
from services.identity.winding_up.worker import WindingUp

_INDEXES = [
    *accounts.INDEXES,
    *announcing.INDEXES,
    *sessions.INDEXES,
    *factors.INDEXES,
    *openid.INDEXES,
    *signing_in.INDEXES,
    *links.INDEXES,
    *organizations.INDEXES,
    *invitations.INDEXES,
    *applications.INDEXES,
    *secrets.INDEXES,
    *certificates.INDEXES,
    *client_keys.INDEXES,
    *tokens.INDEXES,
    *trials.INDEXES,
    *files.INDEXES,
    *findings.INDEXES,
    *agreement_files.INDEXES,
    *data_exchanges.INDEXES,
    *onboarding.INDEXES,
    *recertifications.INDEXES,
    *mail.INDEXES,
    *throttles.INDEXES,
]

# By the prefix of what a file hangs on: who may see it, and where what was found out about it is kept.
_VIEWERS = {
    REQUEST_PREFIX: onboarding_access.with_documents,
    AGREEMENT_PREFIX: agreement_access.with_files,
    STEP_PREFIX: agreement_access.with_evidence,
}
_FINDERS = {
    REQUEST_PREFIX: onboarding_access.findings_of,
    AGREEMENT_PREFIX: finding_access.kept,
    STEP_PREFIX: finding_access.kept,
}


def build(settings: IdentitySettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service. Raises ``KeyFileNotUsable`` where a key file is missing (``make_missing_keys`` makes them)."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    hasher = Hasher(settings.hashing_threads)
    book = AddressBook(SharedSeal(settings.keys_dir / NOTICES_KEY), settings.operator_keys)
    post_office = PostOffice(settings.portal_url.rstrip("/"), Seal(settings.keys_dir / "mail.key"), book)
    gate = Gate(Pepper(settings.keys_dir / "factors.key", "networks"))
    openid_office = _openid_office(settings, store, post_office)
    secret_office = SecretOffice(Pepper(settings.keys_dir / "client-secrets.key"), _judging(settings))
    onboarding_office = _onboarding_office(settings, post_office)
    winding_up, examining = WindingUp(store), ExaminingOffice(onboarding_office.judge)
    return Service(
        name="identity",
        store=store,
        bus=bus,
        routes=[
            *_routes_of_people(edge, settings, hasher, post_office),
            *_routes_of_signing_in(edge, settings, Doors(hasher, gate, openid_office)),
            *_routes_of_organizations(edge, settings, post_office, onboarding_office),
            *_routes_of_applications(edge, settings, secret_office),
            *authority_routes.routes(edge, _passport_office(settings)),
        ],
        indexes=_INDEXES,
        verifier=verifier,
        reactions=reactions(Offices(winding_up.wake, examining)),
        kinds=KINDS,
        workers=[
            hasher,
            Announcer(store, book),
            winding_up,
            openid_office.client,
            Watchman(store, gate, post_office),
            Postman(store, post_office, _mail_server(settings)),
            Reminder(store),
            Timekeeper(store, secret_office),
            Keeper(store),
            Clerk(store, onboarding_office.judge),
            Examiner(store, examining),
            edge.tally,
        ],
    )


def _routes_of_people(edge: Edge, settings: IdentitySettings, hasher: Hasher, post_office: PostOffice) -> list[BaseRoute]:
    verification_ttl = timedelta(seconds=settings.verification_ttl_seconds)
    return [
        *account_routes.routes(edge, account_routes.Rules(_lifetimes(settings), verification_ttl, post_office.book)),
        *staff_routes.routes(edge, post_office.book),
        *session_routes.routes(edge),
        *password_routes.routes(edge, hasher, post_office, timedelta(seconds=settings.reset_ttl_seconds)),
        *address_routes.routes(edge, hasher, post_office, verification_ttl),
        *privacy_routes.routes(edge, hasher, post_office),
        *welcome_routes.routes(edge, hasher, post_office, verification_ttl),
    ]


@dataclass(frozen=True, slots=True)
class Doors:
    """What all the ways to sign in stand on."""

    hasher: Hasher
    gate: Gate
    openid: OpenIdOffice


def _routes_of_signing_in(edge: Edge, settings: IdentitySettings, doors: Doors) -> list[BaseRoute]:
    factor_office = _factor_office(settings, doors.openid.post_office)
    entrance = Entrance(factor_office, _lifetimes(settings))
    return [
        *factor_routes.routes(edge, factor_office),
        *openid_routes.routes(edge, doors.openid),
        *signing_in_routes.routes(edge, Reception(entrance, doors.gate, doors.hasher, doors.openid, settings.operator_keys)),
    ]


def _routes_of_organizations(
    edge: Edge, settings: IdentitySettings, post_office: PostOffice, onboarding_office: OnboardingOffice
) -> list[BaseRoute]:
    return [
        *organization_routes.routes(edge),
        *member_routes.routes(edge),
        *invitation_routes.routes(edge, post_office, timedelta(seconds=settings.invitation_ttl_seconds)),
        *file_routes.routes(edge, _VIEWERS),
        *finding_routes.routes(edge, _VIEWERS, _FINDERS),
        *data_exchange_routes.routes(edge),
        *onboarding_routes.routes(edge, onboarding_office),
        *desk_routes.routes(edge),
    ]


def _routes_of_applications(edge: Edge, settings: IdentitySettings, secret_office: SecretOffice) -> list[BaseRoute]:
    pepper = secret_office.pepper
    public_keys = partial(read_public, settings.keys_dir / "tokens.public.json")
    token_office = _token_office(settings, pepper, public_keys)
    return [
        *application_routes.routes(edge, pepper, secret_routes.secret_rows(secret_office.judging)),
        *secret_routes.routes(edge, secret_office),
        *certificate_routes.routes(edge, read_anchors(settings.certificate_anchors_dir)),
        *client_key_routes.routes(edge),
        *token_routes.routes(edge, token_office, public_keys),
        *trial_routes.routes(edge, token_office),
    ]


def _factor_office(settings: IdentitySettings, post_office: PostOffice) -> FactorOffice:
    path = settings.keys_dir / "factors.key"
    party = relying_party(settings.portal_url, settings.passkey_relying_party)
    return FactorOffice(Seal(path), Pepper(path, "recovery-codes"), party, post_office)


def _openid_office(settings: IdentitySettings, store: Store, post_office: PostOffice) -> OpenIdOffice:
    callback = settings.portal_url.rstrip("/") + CALLBACK
    client = ProviderClient(callback, now=lambda: store.clock.now().timestamp())
    return OpenIdOffice(
        read_providers(settings.openid_providers_file), client, Seal(settings.keys_dir / "factors.key"), post_office
    )


def _lifetimes(settings: IdentitySettings) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(seconds=settings.session_idle_seconds), absolute=timedelta(seconds=settings.session_absolute_seconds)
    )


def _passport_office(settings: IdentitySettings) -> PassportOffice:
    return PassportOffice(
        Signer(settings.keys_dir / "passport.private.json", ALGORITHM),
        _lifetimes(settings),
        ttl=timedelta(seconds=settings.passport_ttl_seconds),
        operator_keys=settings.operator_keys,
    )


def _onboarding_office(settings: IdentitySettings, post_office: PostOffice) -> OnboardingOffice:
    return OnboardingOffice(
        post_office,
        NumberPattern(settings.data_exchange_pattern),
        timedelta(seconds=settings.invitation_ttl_seconds),
        read_anchors(settings.certificate_anchors_dir),
        judge_of_signatures(settings.signature_anchors_dir),
    )


def _judging(settings: IdentitySettings) -> Judging:
    terms = Terms(timedelta(seconds=settings.secret_silence_seconds), timedelta(seconds=settings.token_ttl_seconds))
    return Judging(terms, (client_key_access.proven_by_key, certificate_access.proven_by_certificate))


def _token_office(settings: IdentitySettings, pepper: Pepper, read_public_keys: Callable[[], dict[str, Any]]) -> TokenOffice:
    ttl = timedelta(seconds=settings.token_ttl_seconds)
    terms = TokenTerms(settings.issuer.rstrip("/"), settings.token_audience, ttl, settings.mtls_url.rstrip("/"))
    signer = Signer(settings.keys_dir / "tokens.private.json")
    return TokenOffice(signer, pepper, terms, TokenReader(read_public_keys, terms))


def _mail_server(settings: IdentitySettings) -> MailServer:
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        sender=settings.mail_from,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
    )
