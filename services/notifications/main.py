"""How notifications is put together."""

from datetime import timedelta

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.outward import Door
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.smtp import MailServer
from chassis.web import Edge
from services.notifications import support_part
from services.notifications.audited import ACTS
from services.notifications.known import repository as known
from services.notifications.mail import repository as mail
from services.notifications.mail.actions import PostOffice
from services.notifications.mail.postman import Postman
from services.notifications.notices import repository as notices
from services.notifications.notices import routes as notice_routes
from services.notifications.notices.actions import NewsDesk
from services.notifications.preferences import repository as preferences
from services.notifications.preferences import routes as preference_routes
from services.notifications.reactions import reactions
from services.notifications.sealing import own_seal, shared_seal
from services.notifications.settings import NotificationsSettings
from services.notifications.webhooks import lanes as webhook_lanes
from services.notifications.webhooks import log as webhook_log
from services.notifications.webhooks import repository as webhooks
from services.notifications.webhooks import routes as webhook_routes
from services.notifications.webhooks.actions import Desk
from services.notifications.webhooks.reactions import reactions as webhook_reactions
from services.notifications.webhooks.sender import Bounds, Sender

_OF_WEBHOOKS = (*webhooks.INDEXES, *webhook_log.INDEXES, *webhook_lanes.INDEXES)
_INDEXES = (*known.INDEXES, *mail.INDEXES, *preferences.INDEXES, *notices.INDEXES, *_OF_WEBHOOKS, *support_part.INDEXES)


def build(settings: NotificationsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started. Raises ``KeyFileNotUsable`` where the key file is missing."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    portal_url = settings.portal_url.rstrip("/")
    mail_server = _mail_server(settings)
    post_office = PostOffice(
        portal_url,
        own_seal=own_seal(settings.shared_key_file, "mail"),
        shared_seal=shared_seal(settings.shared_key_file),
        domain=mail_server.domain,
    )
    support = support_part.support_part(
        edge, post_office, settings.shared_key_file, _support_door(settings), patience_seconds=settings.patience_seconds
    )
    desk, news_desk = _desk(settings), NewsDesk(post_office, timedelta(days=settings.notice_days))
    bounds = Bounds(settings.webhook_seconds, settings.webhook_at_once, settings.webhooks_at_once)
    return Service(
        name="notifications",
        store=store,
        bus=bus,
        routes=[
            *(*notice_routes.routes(edge, portal_url), *preference_routes.routes(edge)),
            *(*webhook_routes.routes(edge, desk), *support.routes),
        ],
        indexes=_INDEXES,
        verifier=verifier,
        reactions=[*reactions(news_desk), *webhook_reactions(desk), *support.reactions],
        workers=[Postman(store, post_office, mail_server), Sender(store, desk, bounds), *support.workers, edge.tally],
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


def _support_door(settings: NotificationsSettings) -> support_part.Door:
    return support_part.Door(
        settings.support_address,
        settings.support_smtp_host,
        settings.support_smtp_port,
        authority=settings.support_mail_authority,
    )


def _desk(settings: NotificationsSettings) -> Desk:
    return Desk(
        Door(settings.webhooks_allowed, connect_seconds=settings.webhook_seconds),
        own_seal(settings.shared_key_file, "webhooks"),
        timedelta(days=settings.webhook_log_days),
        timedelta(days=settings.webhook_disable_days),
    )
