"""What can be done with outside identities."""

from dataclasses import dataclass

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Reader, Transaction
from services.identity.accounts.actions import hold_viewer
from services.identity.accounts.domain import User
from services.identity.factors.access import own_factors
from services.identity.factors.domain import PASSKEY
from services.identity.keys import Seal
from services.identity.mail.actions import PostOffice, post
from services.identity.mint import fingerprint, new_token, random_text
from services.identity.openid import access, repository
from services.identity.openid.client import ProviderClient, Secrets
from services.identity.openid.domain import STATE_PREFIX, STATE_TTL, LastWayIn, LinkedAlready, OutsideIdentity, Vouched, Way
from services.identity.openid.providers import Provider, Providers
from services.identity.sessions.access import require_fresh


@dataclass(frozen=True, slots=True)
class OpenIdOffice:
    """What going to a provider and back takes."""

    providers: Providers
    client: ProviderClient
    seal: Seal
    post_office: PostOffice


@dataclass(frozen=True, slots=True)
class Begun:
    """A way that begins: the token that comes back with the browser, and what binds the answer to this beginning."""

    state: str
    secrets: Secrets


def new_beginning() -> Begun:
    """Return a new beginning."""
    return Begun(new_token(STATE_PREFIX), Secrets(nonce=random_text(43), verifier=random_text(64)))


async def begin(tx: Transaction, provider: Provider, begun: Begun, return_to: str, *, office: OpenIdOffice) -> None:
    """Keep a way that begins, for whoever wants to sign in."""
    await _keep(tx, _way(tx, provider, begun, return_to, office=office))


async def begin_link(tx: Transaction, provider: Provider, begun: Begun, return_to: str, *, office: OpenIdOffice) -> None:
    """Keep a way at whose end the one who asks is linked. Raises ``SignInAgain`` or ``LinkedAlready``."""
    session = await require_fresh(tx)
    if any(each.provider == provider.name for each in await access.own_identities(tx)):
        raise LinkedAlready
    await _keep(tx, _way(tx, provider, begun, return_to, office=office, user_id=session.user_id))


async def take_way(reader: Reader, state: str) -> Way | None:
    """Use a way up and return it, if it is live."""
    return await repository.use_way(reader, fingerprint(state))


async def link(tx: Transaction, user: User, provider: Provider, vouched: Vouched, *, office: OpenIdOffice) -> OutsideIdentity:
    """Let a user sign in by an outside identity (for those who have checked that both are the same person's).

    Raises ``LinkedAlready`` where the user has another one of the provider.
    """
    identity = OutsideIdentity(
        id=new_id("oid"),
        user_id=user.id,
        provider=provider.name,
        issuer=vouched.issuer,
        subject=vouched.subject,
        linked_at=tx.now,
        last_used_at=tx.now,
    )
    try:
        await repository.add_identity(tx, identity)
    except DuplicateKey:
        raise LinkedAlready from None
    await tx.emit(identity.linked(), subject=user.id)
    await post(tx, office.post_office, "outside_identity_linked", user.email, language=user.language, provider=provider.title)
    return identity


async def unlink(tx: Transaction, provider: str) -> OutsideIdentity:
    """Forget the identity of the one who asks with a provider. Raises ``SignInAgain``, ``NotLinked`` or ``LastWayIn``."""
    await require_fresh(tx)
    user = await hold_viewer(tx)
    identity = await access.require_own(tx, provider)
    has_others = len(await access.own_identities(tx)) > 1
    has_passkey = any(each.kind == PASSKEY for each in await own_factors(tx))
    if user.password_hash is None and not has_others and not has_passkey:
        raise LastWayIn
    await repository.remove_identity(tx, identity.id)
    await tx.emit(identity.unlinked(), subject=user.id)
    return identity


def _way(
    tx: Transaction, provider: Provider, begun: Begun, return_to: str, *, office: OpenIdOffice, user_id: str | None = None
) -> Way:
    return Way(
        id=new_id("way"),
        state_hash=fingerprint(begun.state),
        provider=provider.name,
        nonce=begun.secrets.nonce,
        verifier=office.seal.close(begun.secrets.verifier),
        return_to=return_to,
        user_id=user_id,
        expires_at=tx.now + STATE_TTL,
    )


async def _keep(tx: Transaction, way: Way) -> None:
    await repository.add_way(tx, way)
