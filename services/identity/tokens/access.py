"""The door to tokens: a client and its secret."""

from chassis.mongo import Reader
from services.identity.applications.access import application_of_client
from services.identity.applications.domain import is_well_formed_secret
from services.identity.keys import Pepper
from services.identity.tokens.domain import Credentials, Grant, invalid_client


async def authenticate(reader: Reader, credentials: Credentials, pepper: Pepper) -> Grant:
    """Return the client that the credentials prove. Raises ``OAuthRefusal``."""
    if not is_well_formed_secret(credentials.client_secret):
        raise invalid_client()  # no look-up for what cannot be a secret
    application = await application_of_client(reader, credentials.client_id)
    live = application.live_secrets if application else ()
    for secret in live:
        if pepper.matches(credentials.client_secret, secret.hash):
            assert application is not None
            return Grant(application, secret)
    raise invalid_client()
