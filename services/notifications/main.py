"""How notifications is put together."""

from datetime import timedelta

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.notifications.known import repository as known
from services.notifications.mail import repository as mail
from services.notifications.mail.actions import PostOffice
from services.notifications.mail.postman import MailServer, Postman, domain_of
from services.notifications.notices import repository as notices
from services.notifications.notices import routes as notice_routes
from services.notifications.notices.actions import NewsDesk
from services.notifications.preferences import repository as preferences
from services.notifications.preferences import routes as preference_routes
from services.notifications.reactions import reactions
from services.notifications.sealing import own_seal, shared_seal
from services.notifications.settings import NotificationsSettings

_INDEXES = (*known.INDEXES, *mail.INDEXES, *preferences.INDEXES, *notices.INDEXES)


def build(settings: NotificationsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started. Raises ``KeyFileNotUsable`` where the key file is missing."""
    edge = Edge(store, verifier)
    portal_url = settings.portal_url.rstrip("/")
    post_office = PostOffice(
        portal_url,
        own_seal=own_seal(settings.shared_key_file, "mail"),
        shared_seal=shared_seal(settings.shared_key_file),
        domain=domain_of(settings.mail_from),
    )
    return Service(
        name="notifications",
        store=store,
        bus=bus,
        routes=[*notice_routes.routes(edge, portal_url), *preference_routes.routes(edge)],
        indexes=_INDEXES,
        verifier=verifier,
        reactions=reactions(NewsDesk(post_office, timedelta(days=settings.notice_days))),
        workers=[Postman(store, post_office, _mail_server(settings))],
    )


def _mail_server(settings: NotificationsSettings) -> MailServer:
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        sender=settings.mail_from,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
    )
