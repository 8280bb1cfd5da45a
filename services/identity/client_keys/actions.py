"""What can be done with client keys."""

from datetime import timedelta

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import DuplicateKey, Transaction
from services.identity import throttles
from services.identity.applications import access as applications
from services.identity.client_keys import access, repository
from services.identity.client_keys.domain import CLIENT_KEY_PREFIX, ClientKey, ClientKeyKnown, PublicKey, TwoKeysLive
from services.identity.throttles import Limit

_REGISTRATIONS = Limit("register-client-key", tries=200, window=timedelta(hours=1))


async def register_client_key(tx: Transaction, application_id: str, key: PublicKey) -> ClientKey:
    """Let an application prove itself by one more key.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed``, ``ClientKeyKnown``, ``TwoKeysLive`` or ``TriedTooOften``.
    """
    application = await applications.require(tx, "REISSUE_SECRET", application_id)
    await throttles.count_try(tx, _REGISTRATIONS, application.organization_id)
    live = (await access.of_applications(tx, [application.id]))[application.id]
    if any(each.key.thumbprint == key.thumbprint for each in live):
        raise ClientKeyKnown
    slot = await repository.free_slot(tx, application.id)
    if slot is None:
        raise TwoKeysLive
    registered = ClientKey(new_id(CLIENT_KEY_PREFIX), application.id, application.organization_id, key, tx.now)
    try:
        await repository.add(tx, registered, slot)
    except DuplicateKey as taken:
        raise (ClientKeyKnown if "thumbprint" in taken.fields else TwoKeysLive) from None
    await _announce(tx, registered.registered(application.client_id), registered)
    return registered


async def remove_client_key(tx: Transaction, key_id: str) -> ClientKey:
    """Let a key prove nothing any more; the tokens that it obtained end with it.

    Raises ``SignInFirst``, ``NoSuchClientKey`` or ``RoleNotAllowed``.
    """
    key, application = await access.require(tx, key_id)
    await repository.bury(tx, key)
    await _announce(tx, key.removed(application.client_id), key)
    return key


async def _announce(tx: Transaction, fact: Event, key: ClientKey) -> None:
    await tx.emit(fact, subject=key.application_id, organization=key.organization_id, audience=[key.organization_id])
