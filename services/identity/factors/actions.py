"""What can be done with factors. Whoever changes one has proved who they are a moment ago, and gets a letter about it."""

from dataclasses import dataclass

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Reader, Transaction
from services.identity.accounts.actions import hold_viewer
from services.identity.accounts.domain import User
from services.identity.factors import access, passkeys, recovery, repository, totp
from services.identity.factors.domain import (
    CHALLENGE_PREFIX,
    CHALLENGE_TTL,
    MOST_FACTORS,
    PASSKEY,
    PASSKEY_REGISTRATION,
    RECOVERY_CODE,
    RECOVERY_CODES,
    TOTP,
    Challenge,
    ChallengeNotLive,
    CodeNotRight,
    Factor,
    FactorOnAlready,
    NoSecondFactor,
    NoSuchFactor,
    PasskeyKnown,
    PasskeyNotAccepted,
    TooManyFactors,
    check_removal,
)
from services.identity.factors.passkeys import RelyingParty
from services.identity.keys import Pepper, Seal
from services.identity.mail.actions import PostOffice, post
from services.identity.mint import fingerprint, new_token
from services.identity.sessions.access import require_fresh


@dataclass(frozen=True, slots=True)
class FactorOffice:
    """What keeping and checking factors takes: keys, whom passkeys are bound to, and who writes the letters."""

    seal: Seal
    pepper: Pepper
    party: RelyingParty
    post_office: PostOffice


@dataclass(frozen=True, slots=True)
class Answer:
    """How a challenge is answered; exactly one of them is given."""

    code: str | None = None
    recovery_code: str | None = None
    passkey: str | None = None


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """A passkey that a browser has made: the challenge's token, the browser's answer (JSON), and what its owner calls it."""

    challenge: str
    credential: str
    name: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A factor that counts from now on; recovery codes come with the first one, told once."""

    factor: Factor
    recovery_codes: list[str]


async def enrol_totp(tx: Transaction, name: str, office: FactorOffice) -> tuple[Factor, str, str]:
    """Make a factor that is off until its first code is confirmed; return it with its secret and its address.

    Raises ``SignInAgain`` or ``TooManyFactors``.
    """
    user = await _fresh_user(tx)
    await _check_room(tx, user)
    secret = totp.new_secret()
    factor = Factor(new_id("fac"), user.id, TOTP, name, is_on=False, created_at=tx.now, secret=office.seal.close(secret))
    await repository.remove_drafts(tx, user.id)
    await repository.add_factor(tx, factor)
    return factor, secret, totp.address_of(secret, user.email, office.party.name)


async def confirm_totp(tx: Transaction, factor_id: str, code: str, office: FactorOffice) -> Enrolled:
    """Turn a factor on by its first code. Raises ``SignInAgain``, ``NoSuchFactor``, ``FactorOnAlready`` or ``CodeNotRight``."""
    user = await _fresh_user(tx)
    factor = await access.require_own(tx, factor_id)
    if factor.kind != TOTP:
        raise NoSuchFactor
    if factor.is_on:
        raise FactorOnAlready
    steps = totp.steps_of(office.seal.open(factor.secret), code, tx.now)
    if not steps:
        raise CodeNotRight
    is_first = not await access.has_second_factor(tx, user.id)
    factor = factor.turn_on(max(steps), tx.now)
    if not await repository.save_turned_on(tx, factor):
        raise FactorOnAlready
    return await _enrolled(tx, user, factor, office, is_first=is_first)


async def begin_passkey_registration(tx: Transaction, office: FactorOffice) -> tuple[str, str, Challenge]:
    """Return a challenge's token, what the browser is asked, and the challenge. Raises ``SignInAgain`` or ``TooManyFactors``."""
    user = await _fresh_user(tx)
    factors = await _check_room(tx, user)
    token, challenge = await set_challenge(tx, PASSKEY_REGISTRATION, user.id)
    options = passkeys.registration_options(office.party, (user.id, user.email, user.name), token, factors)
    return token, options, challenge


async def register_passkey(tx: Transaction, challenge: Challenge, made: MadePasskey, office: FactorOffice) -> Enrolled:
    """Keep a passkey that answers its challenge.

    Raises ``SignInAgain``, ``ChallengeNotLive``, ``PasskeyNotAccepted``, ``PasskeyKnown`` or ``TooManyFactors``.
    """
    user = await _fresh_user(tx)
    if challenge.user_id != user.id or not await repository.use_challenge(tx, challenge.id):
        raise ChallengeNotLive
    passkey = passkeys.verify_registration(office.party, passkeys.read_credential(made.credential), made.challenge)
    is_first = not await _check_room(tx, user)
    factor = Factor(
        new_id("fac"),
        user.id,
        PASSKEY,
        made.name,
        is_on=True,
        created_at=tx.now,
        credential_id=passkey.credential_id,
        public_key=passkey.public_key,
        sign_count=passkey.sign_count,
    )
    try:
        await repository.add_factor(tx, factor)
    except DuplicateKey:
        raise PasskeyKnown from None
    return await _enrolled(tx, user, factor, office, is_first=is_first)


async def renew_recovery_codes(tx: Transaction, office: FactorOffice) -> list[str]:
    """Give ten new recovery codes; the former ones are good for nothing. Raises ``SignInAgain`` or ``NoSecondFactor``."""
    user = await _fresh_user(tx)
    if not await access.has_second_factor(tx, user.id):
        raise NoSecondFactor
    codes = await _new_recovery_codes(tx, user, office)
    await _write(tx, user, office, "CODES_RENEWED")
    return codes


async def remove_factor(tx: Transaction, factor_id: str, office: FactorOffice) -> Factor:
    """Forget a factor, and the recovery codes with the last one.

    Raises ``SignInAgain``, ``NoSuchFactor`` or ``SetLongPasswordFirst``.
    """
    user = await _fresh_user(tx)
    factor = await access.require_own(tx, factor_id)
    if factor.is_on:
        remaining = [each for each in await repository.find_factors(tx, user.id) if each.id != factor.id]
        check_removal(len(remaining), has_password=user.password_hash is not None, password_is_long=user.password_is_long)
        if not remaining:
            await repository.replace_recovery_codes(tx, user.id, [])
        await tx.emit(factor.removed(), subject=user.id)
        await _write(tx, user, office, "REMOVED", name=factor.name)
    await repository.remove_factor(tx, factor.id)
    return factor


async def set_challenge(
    tx: Transaction, purpose: str, user_id: str | None, methods: tuple[str, ...] = ()
) -> tuple[str, Challenge]:
    """Keep a new challenge and return its token, which is told once, with it."""
    token = new_token(CHALLENGE_PREFIX)
    challenge = Challenge(new_id("chl"), fingerprint(token), purpose, user_id, methods, expires_at=tx.now + CHALLENGE_TTL)
    await repository.add_challenge(tx, challenge)
    return token, challenge


async def drop_challenges(tx: Transaction, user_id: str) -> None:
    """Make what a user has begun to prove worth nothing."""
    await repository.remove_challenges(tx, user_id)


async def take_challenge(reader: Reader, token: str, purpose: str) -> Challenge:
    """Return a live challenge and count the answer that is to follow, so that guesses in parallel are counted too.

    Raises ``ChallengeNotLive``, also where it has had all the answers that it may have.
    """
    challenge = await repository.count_answer(reader, fingerprint(token), purpose, reader.now)
    if challenge is None:
        raise ChallengeNotLive
    return challenge


async def find_challenge(reader: Reader, token: str, purpose: str) -> Challenge:
    """Return a live challenge, without counting an answer. Raises ``ChallengeNotLive``."""
    challenge = await repository.find_challenge(reader, fingerprint(token), purpose, reader.now)
    if challenge is None:
        raise ChallengeNotLive
    return challenge


async def check_answer(tx: Transaction, user_id: str, token: str, answer: Answer, *, office: FactorOffice) -> str:
    """Use up what proves the user beside the password, and return the method.

    Raises ``CodeNotRight`` or ``PasskeyNotAccepted``.
    """
    if answer.passkey is not None:
        await use_passkey(tx, token, answer.passkey, office, of_user=user_id)
        return PASSKEY
    if answer.recovery_code is not None:
        if not await repository.use_recovery_code(tx, user_id, recovery.hash_of(office.pepper, user_id, answer.recovery_code)):
            raise CodeNotRight
        return RECOVERY_CODE
    for factor in await repository.find_factors(tx, user_id):
        if factor.kind == TOTP:
            for step in totp.steps_of(office.seal.open(factor.secret), answer.code or "", tx.now):
                if await repository.use_step(tx, factor.id, step):
                    return TOTP
    raise CodeNotRight


async def use_passkey(tx: Transaction, token: str, passkey: str, office: FactorOffice, *, of_user: str | None = None) -> Factor:
    """Use a passkey for a challenge: alone, so that it has to verify its owner, or beside another proof ``of_user``.

    Raises ``PasskeyNotAccepted`` or ``UserVerificationNeeded``.
    """
    credential = passkeys.read_credential(passkey)
    factor = await repository.find_passkey(tx, credential["id"])
    if factor is None or of_user not in (None, factor.user_id):
        raise PasskeyNotAccepted
    sign_count = passkeys.verify_use(office.party, factor, credential, token, must_verify=of_user is None)
    if not await repository.use_passkey(tx, factor, sign_count):
        raise PasskeyNotAccepted
    return factor


async def _fresh_user(tx: Transaction) -> User:
    # Held: factors come and go one after another, and never while the password changes.
    await require_fresh(tx)
    return await hold_viewer(tx)


async def _check_room(tx: Transaction, user: User) -> list[Factor]:
    factors = await repository.find_factors(tx, user.id)
    if len(factors) >= MOST_FACTORS:
        raise TooManyFactors
    return factors


async def _enrolled(tx: Transaction, user: User, factor: Factor, office: FactorOffice, *, is_first: bool) -> Enrolled:
    codes = await _new_recovery_codes(tx, user, office) if is_first else []
    await tx.emit(factor.enrolled(), subject=user.id)
    await _write(tx, user, office, "ADDED", name=factor.name)
    return Enrolled(factor, codes)


async def _new_recovery_codes(tx: Transaction, user: User, office: FactorOffice) -> list[str]:
    codes = [recovery.new_code() for _ in range(RECOVERY_CODES)]
    kept = [(new_id("rec"), recovery.hash_of(office.pepper, user.id, each)) for each in codes]
    await repository.replace_recovery_codes(tx, user.id, kept)
    return codes


async def _write(tx: Transaction, user: User, office: FactorOffice, what: str, *, name: str = "") -> None:
    await post(tx, office.post_office, "second_factor_changed", user.email, language=user.language, what=what, factor_name=name)
