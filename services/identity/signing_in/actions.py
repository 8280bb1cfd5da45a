"""What can be done to sign in: from a proof to a session, or to the challenge of a second factor."""

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.mongo import Reader, Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.domain import User, WrongCredentials
from services.identity.factors import actions as factors
from services.identity.factors import passkeys
from services.identity.factors import repository as factor_store
from services.identity.factors.actions import Answer, FactorOffice
from services.identity.factors.domain import (
    PASSKEY,
    PASSKEY_SIGN_IN,
    RECOVERY_CODE,
    SECOND_FACTOR,
    TOTP,
    Challenge,
    ChallengeNotLive,
    PasskeyNotAccepted,
)
from services.identity.sessions.access import require_own_session
from services.identity.sessions.actions import Opened, open_session, prove_again
from services.identity.sessions.domain import Lifetimes, Seen, Session
from services.identity.signing_in.domain import CodeNeeded, Needed, Proof


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with the session just begun."""

    user: User
    opened: Opened


@dataclass(frozen=True, slots=True)
class Entrance:
    """What letting somebody in takes."""

    office: FactorOffice
    lifetimes: Lifetimes


async def let_in(tx: Transaction, user: User, proof: Proof, seen: Seen, *, entrance: Entrance) -> SignedIn | Needed:
    """Begin a session for somebody who has given a proof, or ask for the second factor that the user has.

    Raises ``WrongCredentials`` where the password that was proved is not the user's any more, or the user is gone.
    """
    await _hold(tx, user)
    owned = [] if proof.is_enough else await factor_store.find_factors(tx, user.id)
    if not owned:
        return SignedIn(user, await open_session(tx, user.id, entrance.lifetimes, seen, methods=proof.methods))
    token, challenge = await factors.set_challenge(tx, SECOND_FACTOR, user.id, proof.methods)
    own_passkeys = [each for each in owned if each.kind == PASSKEY]
    has_codes = await factor_store.count_recovery_codes(tx, user.id) > 0
    options = passkeys.sign_in_options(entrance.office.party, token, own_passkeys, must_verify=False) if own_passkeys else None
    methods = [
        *([TOTP] if any(each.kind == TOTP for each in owned) else []),
        *([PASSKEY] if own_passkeys else []),
        *([RECOVERY_CODE] if has_codes else []),
    ]
    return Needed(user, token, tuple(methods), challenge.expires_at, options)


async def _hold(tx: Transaction, user: User) -> None:
    """Hold a user as they were when their proof was looked at. Raises ``WrongCredentials``."""
    held = await accounts.hold_user(tx, user.id)
    if held is None or held.password_hash != user.password_hash:
        raise WrongCredentials


async def renew_hash(tx: Transaction, user: User, new_hash: str) -> User:
    """Keep a hash of today's strength of the same password. Raises ``WrongCredentials`` where there is another one meanwhile."""
    if not await accounts.change_password_hash(tx, user, new_hash):
        raise WrongCredentials
    return replace(user, password_hash=new_hash)


async def user_of_challenge(reader: Reader, token: str) -> User:
    """Return whose second factor a challenge asks for. Raises ``ChallengeNotLive``."""
    challenge = await factors.find_challenge(reader, token, SECOND_FACTOR)
    user = await accounts.find_user(reader, challenge.user_id or "")
    if user is None:
        raise ChallengeNotLive
    return user


async def answer_second_factor(
    tx: Transaction, challenge: Challenge, token: str, answer: Answer, *, seen: Seen, entrance: Entrance
) -> SignedIn:
    """Begin the session that a challenge stands before, if the answer is right; the challenge is used up then.

    Raises ``ChallengeNotLive``, ``CodeNotRight`` or ``PasskeyNotAccepted``.
    """
    user = await accounts.hold_user(tx, challenge.user_id or "")
    if user is None or not await factor_store.use_challenge(tx, challenge.id):
        raise ChallengeNotLive
    method = await factors.check_answer(tx, user.id, token, answer, office=entrance.office)
    methods = (*challenge.methods, method)
    return SignedIn(user, await open_session(tx, user.id, entrance.lifetimes, seen, methods=methods))


async def begin_passkey_sign_in(tx: Transaction, office: FactorOffice) -> tuple[str, str, datetime]:
    """Return a challenge's token, what the browser is asked, and until when; the same for everybody."""
    token, challenge = await factors.set_challenge(tx, PASSKEY_SIGN_IN, None)
    return token, passkeys.sign_in_options(office.party, token, [], must_verify=True), challenge.expires_at


async def user_of_passkey(tx: Transaction, challenge: Challenge, token: str, passkey: str, *, office: FactorOffice) -> User:
    """Return whom a passkey proves, by itself; the challenge is used up.

    Raises ``ChallengeNotLive``, ``PasskeyNotAccepted`` or ``UserVerificationNeeded``.
    """
    if not await factor_store.use_challenge(tx, challenge.id):
        raise ChallengeNotLive
    factor = await factors.use_passkey(tx, token, passkey, office)
    user = await accounts.find_user(tx, factor.user_id)
    if user is None:
        raise PasskeyNotAccepted
    return user


async def reauthenticate_by_password(tx: Transaction, user: User, answer: Answer | None, office: FactorOffice) -> Session:
    """Make the session of the one who asks fresh: the password was right (that is checked before); here the second factor is.

    Raises ``WrongCredentials``, ``SessionNotLive``, ``CodeNeeded`` or ``CodeNotRight``.
    """
    await _hold(tx, user)
    session = await require_own_session(tx)
    methods = ["PASSWORD"]
    if await factor_store.has_factor(tx, user.id):
        if answer is None:
            raise CodeNeeded
        methods.append(await factors.check_answer(tx, user.id, "", answer, office=office))
    return await prove_again(tx, session, methods)


async def reauthenticate_by_passkey(
    tx: Transaction, challenge: Challenge, token: str, passkey: str, *, office: FactorOffice
) -> Session:
    """Make the session of the one who asks fresh, by a passkey of their own.

    Raises ``SessionNotLive``, ``ChallengeNotLive``, ``PasskeyNotAccepted`` or ``UserVerificationNeeded``.
    """
    session = await require_own_session(tx)
    user = await user_of_passkey(tx, challenge, token, passkey, office=office)
    if user.id != session.user_id:
        raise PasskeyNotAccepted
    return await prove_again(tx, session, [PASSKEY])
