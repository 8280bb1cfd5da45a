"""How identity is put together."""

from datetime import timedelta

import orjson

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import ALGORITHM, PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.accounts import routes as account_routes
from services.identity.accounts.domain import Lifetimes
from services.identity.accounts.passwords import Hasher
from services.identity.applications import repository as applications
from services.identity.applications import routes as application_routes
from services.identity.authority import routes as authority_routes
from services.identity.authority.actions import PassportOffice
from services.identity.keys import Pepper, Seal, Signer
from services.identity.mail import repository as mail
from services.identity.mail.actions import PostOffice
from services.identity.mail.postman import MailServer, Postman
from services.identity.organizations import repository as organizations
from services.identity.organizations import routes as organization_routes
from services.identity.settings import IdentitySettings
from services.identity.tokens import routes as token_routes
from services.identity.tokens.actions import TokenOffice
from services.identity.tokens.domain import TokenTerms
from services.identity.welcome import routes as welcome_routes


def build(settings: IdentitySettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service. Raises ``KeyFileNotUsable`` where a key file is missing (``make_missing_keys`` makes them)."""
    edge = Edge(store, verifier)
    pepper = Pepper(settings.keys_dir / "client-secrets.key")
    hasher = Hasher(settings.hashing_threads)
    post_office = PostOffice(settings.portal_url.rstrip("/"), Seal(settings.keys_dir / "mail.key"))
    public_keys = settings.keys_dir / "tokens.public.json"
    return Service(
        name="identity",
        store=store,
        bus=bus,
        routes=[
            *account_routes.routes(edge, _account_rules(settings), hasher, post_office),
            *welcome_routes.routes(edge),
            *organization_routes.routes(edge, post_office, timedelta(seconds=settings.invitation_ttl_seconds)),
            *application_routes.routes(edge, pepper),
            *authority_routes.routes(edge, _passport_office(settings)),
            *token_routes.routes(edge, _token_office(settings, pepper), lambda: orjson.loads(public_keys.read_bytes())),
        ],
        indexes=[
            *accounts.INDEXES,
            *organizations.INDEXES,
            *applications.INDEXES,
            *mail.INDEXES,
            *throttles.INDEXES,
        ],
        workers=[hasher, Postman(store, post_office, _mail_server(settings))],
    )


def _lifetimes(settings: IdentitySettings) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(seconds=settings.session_idle_seconds), absolute=timedelta(seconds=settings.session_absolute_seconds)
    )


def _account_rules(settings: IdentitySettings) -> account_routes.Rules:
    verification_ttl = timedelta(seconds=settings.verification_ttl_seconds)
    return account_routes.Rules(_lifetimes(settings), verification_ttl, settings.operator_keys)


def _passport_office(settings: IdentitySettings) -> PassportOffice:
    return PassportOffice(
        Signer(settings.keys_dir / "passport.private.json", ALGORITHM),
        _lifetimes(settings),
        ttl=timedelta(seconds=settings.passport_ttl_seconds),
        operator_keys=settings.operator_keys,
    )


def _token_office(settings: IdentitySettings, pepper: Pepper) -> TokenOffice:
    ttl = timedelta(seconds=settings.token_ttl_seconds)
    terms = TokenTerms(settings.issuer.rstrip("/"), settings.token_audience, ttl)
    return TokenOffice(Signer(settings.keys_dir / "tokens.private.json"), pepper, terms)


def _mail_server(settings: IdentitySettings) -> MailServer:
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        sender=settings.mail_from,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
    )
