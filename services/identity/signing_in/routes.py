"""How to ask to be let in."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.mongo import Transaction
from chassis.web import Asked, Edge, Json, Routes
from services.identity import throttles
from services.identity.accounts.access import require_viewer
from services.identity.accounts.actions import find_by_address, find_unconfirmed
from services.identity.accounts.domain import AddressNotConfirmed, User, WrongCredentials
from services.identity.accounts.routes import user_row
from services.identity.factors.actions import Answer, take_challenge
from services.identity.factors.domain import PASSKEY_SIGN_IN, SECOND_FACTOR, AnswerOneWay, CodeNotRight, PasskeyNotAccepted
from services.identity.factors.passkeys import LARGEST_CREDENTIAL
from services.identity.inputs import Input, address_key
from services.identity.mint import csrf_token_for
from services.identity.openid.actions import OpenIdOffice, take_way
from services.identity.openid.client import Secrets, Told
from services.identity.openid.providers import require_provider
from services.identity.openid.routes import BEGINS
from services.identity.passwords.hashing import Hasher
from services.identity.sessions.domain import Seen, Session
from services.identity.signing_in import actions, outside
from services.identity.signing_in.actions import Entrance, SignedIn
from services.identity.signing_in.domain import BEGINNINGS, CODES, PASSWORDS, Limits, Needed, Proof, SignInNotBegun
from services.identity.signing_in.gate import Gate, Visitor, visitor

_OPENS = "its answer opens a session: tokens are kept nowhere, and whoever did not get one asks for another"
_PROVES = "it proves who uses this session at this moment, which no kept answer can"


class Seeing(Input):
    """What the gateway adds, where it knows whence a request came and by what program."""

    network_address: str | None = Field(None, max_length=100)
    user_agent: str | None = Field(None, max_length=10_000)

    @property
    def seen(self) -> Seen:
        """Return it as a session keeps it."""
        return Seen(self.user_agent, self.network_address)


class SignIn(Seeing):
    """What ``sign_in`` takes."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=1000)


class _Answering(Seeing):
    """The ways to answer a challenge."""

    code: str | None = Field(None, max_length=100)
    recovery_code: str | None = Field(None, max_length=100)
    passkey: str | None = Field(None, max_length=LARGEST_CREDENTIAL)

    def answer(self) -> Answer | None:
        """Return the answer, or None where none is given. Raises ``AnswerOneWay`` where there are several."""
        given = [each for each in (self.code, self.recovery_code, self.passkey) if each is not None]
        if len(given) > 1:
            raise AnswerOneWay
        return Answer(self.code, self.recovery_code, self.passkey) if given else None


class AnswerSecondFactor(_Answering):
    """What ``answer_second_factor`` takes."""

    challenge: str = Field(max_length=200)


class Reauthenticate(_Answering):
    """What ``reauthenticate`` takes: a password (and a code of who has a second factor), or a passkey with its challenge."""

    password: str | None = Field(None, max_length=1000)
    challenge: str | None = Field(None, max_length=200)


class SignInWithPasskey(Seeing):
    """What ``sign_in_with_passkey`` takes."""

    challenge: str = Field(max_length=200)
    credential: str = Field(max_length=LARGEST_CREDENTIAL)


class FinishOpenIdSignIn(Seeing):
    """What ``finish_open_id_sign_in`` takes; ``issuer`` is the parameter ``iss`` of the way back (RFC 9207)."""

    state: str = Field(max_length=200)
    code: str = Field(max_length=4000)
    issuer: str | None = Field(None, max_length=500)


@dataclass(frozen=True, slots=True)
class Reception:
    """What letting people in takes."""

    entrance: Entrance
    gate: Gate
    hasher: Hasher
    openid: OpenIdOffice
    operator_keys: frozenset[str]


class _Handlers:
    def __init__(self, reception: Reception) -> None:
        self._gate = reception.gate
        self._hasher = reception.hasher
        self._entrance = reception.entrance
        self._openid = reception.openid
        self._operator_keys = reception.operator_keys

    async def sign_in(self, asked: Asked) -> Json:
        given = asked.read(SignIn)
        who = visitor(address_key(given.email), given.network_address)
        await self._gate.admit(asked.reader(), PASSWORDS, who)
        user = await find_by_address(asked.reader(), given.email)
        unconfirmed = await find_unconfirmed(asked.reader(), given.email)
        # An address that nobody has costs the same hashes; and a registration answers the same beside an account as without one.
        if user is None or not await self._hasher.verify(given.password, user.password_hash):
            if user is None:
                await self._hasher.verify(given.password, None)
            if unconfirmed is not None and await self._hasher.verify(given.password, unconfirmed.password_hash):
                raise AddressNotConfirmed
            await self._gate.note_failure(asked.reader(), who, user.id if user else None)
            raise WrongCredentials
        user = await self._renew_hash(asked, user, given.password)
        return await self._let_in(asked, user, Proof(("PASSWORD",)), who=who, seen=given.seen)

    async def answer_second_factor(self, asked: Asked) -> Json:
        given = asked.read(AnswerSecondFactor)
        answer = given.answer()
        if answer is None:
            raise AnswerOneWay
        user = await actions.user_of_challenge(asked.reader(), given.challenge)
        who = visitor(user.email_key, given.network_address)
        await self._gate.admit(asked.reader(), CODES, who)
        challenge = await take_challenge(asked.reader(), given.challenge, SECOND_FACTOR)

        async def work(tx: Transaction) -> SignedIn:
            return await actions.answer_second_factor(
                tx, challenge, given.challenge, answer, seen=given.seen, entrance=self._entrance
            )

        try:
            done = await asked.transact(work)
        except (CodeNotRight, PasskeyNotAccepted):
            await self._gate.note_failure(asked.reader(), who, user.id)
            raise
        await self._welcome(asked, CODES, who, done)
        return self._row(done)

    async def begin_passkey_sign_in(self, asked: Asked) -> Json:
        await self._count_beginning(asked, asked.read(Seeing))
        begun = await asked.transact(lambda tx: actions.begin_passkey_sign_in(tx, self._entrance.office))
        return dict(zip(("challenge", "options", "expires_at"), begun, strict=True))

    async def sign_in_with_passkey(self, asked: Asked) -> Json:
        given = asked.read(SignInWithPasskey)
        challenge = await take_challenge(asked.reader(), given.challenge, PASSKEY_SIGN_IN)

        async def work(tx: Transaction) -> SignedIn:
            user = await actions.user_of_passkey(tx, challenge, given.challenge, given.credential, office=self._entrance.office)
            done = await actions.let_in(tx, user, Proof(("PASSKEY",), is_enough=True), given.seen, entrance=self._entrance)
            assert isinstance(done, SignedIn)
            return done

        done = await asked.transact(work)
        await self._gate.remember(asked.reader(), visitor(done.user.email_key, given.network_address), done.user.id)
        return self._row(done)

    async def reauthenticate(self, asked: Asked) -> Json:
        given = asked.read(Reauthenticate)
        answer = given.answer()
        user = await require_viewer(asked.reader())
        if given.password is None and answer is not None and answer.passkey is not None and given.challenge is not None:
            session = await self._prove_by_passkey(asked, given.challenge, answer.passkey)
        else:
            session = await self._prove_by_password(asked, user, given, answer)
        return {"authenticated_at": session.authenticated_at}

    async def _prove_by_passkey(self, asked: Asked, token: str, passkey: str) -> Session:
        challenge = await take_challenge(asked.reader(), token, PASSKEY_SIGN_IN)
        office = self._entrance.office
        return await asked.transact(lambda tx: actions.reauthenticate_by_passkey(tx, challenge, token, passkey, office=office))

    async def _prove_by_password(self, asked: Asked, user: User, given: Reauthenticate, answer: Answer | None) -> Session:
        if answer is not None and answer.passkey is not None:
            raise AnswerOneWay("Give a password (and a code), or a passkey with its challenge.")
        who = visitor(user.email_key, given.network_address)
        await self._gate.admit(asked.reader(), PASSWORDS, who)
        if not await self._hasher.verify(given.password or "", user.password_hash):
            await self._gate.note_failure(asked.reader(), who, user.id)
            raise WrongCredentials
        if answer is not None:
            # Codes have a count of their own, which the right password does not begin anew.
            await self._gate.admit(asked.reader(), CODES, who)
        office = self._entrance.office
        try:
            session = await asked.transact(lambda tx: actions.reauthenticate_by_password(tx, user, answer, office))
        except CodeNotRight:
            await self._gate.note_failure(asked.reader(), who, user.id)
            raise
        for limits in (PASSWORDS, CODES) if answer is not None else (PASSWORDS,):
            await self._gate.note_success(asked.reader(), limits, who)
        return session

    async def finish_open_id_sign_in(self, asked: Asked) -> Json:
        given = asked.read(FinishOpenIdSignIn)
        way = await take_way(asked.reader(), given.state)
        if way is None:
            raise SignInNotBegun
        if way.user_id is not None and asked.principal.require_signed_in() != way.user_id:
            raise SignInNotBegun
        office = self._openid
        provider = require_provider(office.providers, way.provider)
        secrets = Secrets(way.nonce, office.seal.open(way.verifier))
        vouched = await office.client.exchange(provider, Told(given.code, given.issuer), secrets)
        arrival = outside.Arrival(provider, vouched, given.seen)
        if way.user_id is not None:
            await asked.transact(lambda tx: outside.link(tx, way, arrival, office))
            return {"kind": "OpenIdLinked", "provider": provider.name, "return_to": way.return_to}
        done = await asked.transact(lambda tx: outside.enter(tx, arrival, self._entrance, office))
        if isinstance(done, SignedIn):
            await self._gate.remember(asked.reader(), visitor(done.user.email_key, given.network_address), done.user.id)
        return {**self._row(done), "return_to": way.return_to}

    async def _renew_hash(self, asked: Asked, user: User, password: str) -> User:
        if user.password_hash is None or not self._hasher.is_outdated(user.password_hash):
            return user
        new_hash = await self._hasher.hash(password)
        return await asked.transact(lambda tx: actions.renew_hash(tx, user, new_hash))

    async def _let_in(self, asked: Asked, user: User, proof: Proof, *, who: Visitor, seen: Seen) -> Json:
        done = await asked.transact(lambda tx: actions.let_in(tx, user, proof, seen, entrance=self._entrance))
        if isinstance(done, Needed):
            await self._gate.note_success(asked.reader(), PASSWORDS, who)
        else:
            await self._welcome(asked, PASSWORDS, who, done)
        return self._row(done)

    async def _welcome(self, asked: Asked, limits: Limits, who: Visitor, done: SignedIn) -> None:
        await self._gate.note_success(asked.reader(), limits, who)
        await self._gate.remember(asked.reader(), who, done.user.id)

    async def _count_beginning(self, asked: Asked, given: Seeing) -> None:
        network = throttles.network_of(given.network_address)
        if network is not None:
            await throttles.count_try(asked.reader(), BEGINNINGS, network)

    def _row(self, done: SignedIn | Needed) -> dict[str, Any]:
        if isinstance(done, Needed):
            return {
                "kind": "SecondFactorNeeded",
                "challenge": done.challenge,
                "methods": done.methods,
                "expires_at": done.expires_at,
                "passkey_options": done.passkey_options,
            }
        return {
            "kind": "SignedIn",
            "token": done.opened.token,
            "expires_at": done.opened.session.expires_at,
            "csrf_token": csrf_token_for(done.opened.token),
            "user": user_row(done.user, self._operator_keys),
        }


def routes(edge: Edge, reception: Reception) -> list[BaseRoute]:
    """Return the routes of signing in."""
    handlers = _Handlers(reception)
    r = Routes(edge)
    r.do("sign_in", handlers.sign_in, without_keys=_OPENS)
    r.do("answer_second_factor", handlers.answer_second_factor, without_keys=_OPENS)
    r.do("begin_passkey_sign_in", handlers.begin_passkey_sign_in, without_keys=BEGINS)
    r.do("sign_in_with_passkey", handlers.sign_in_with_passkey, without_keys=_OPENS)
    r.do("reauthenticate", handlers.reauthenticate, without_keys=_PROVES)
    r.do("finish_open_id_sign_in", handlers.finish_open_id_sign_in, without_keys=_OPENS)
    return r.collected
