"""How to ask about one's factors."""

from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.factors import access, actions
from services.identity.factors.actions import Enrolled, FactorOffice, MadePasskey
from services.identity.factors.domain import PASSKEY_REGISTRATION, Factor
from services.identity.factors.passkeys import LARGEST_CREDENTIAL
from services.identity.inputs import Input, Name


class EnrolTotp(Input):
    """What ``enrol_totp`` takes."""

    name: Name = "Authenticator app"


class ConfirmTotp(Input):
    """What ``confirm_totp`` takes."""

    factor_id: str = Field(max_length=100)
    code: str = Field(max_length=100)


class RegisterPasskey(Input):
    """What ``register_passkey`` takes; ``credential`` is the JSON that the browser's credential gives of itself."""

    challenge: str = Field(max_length=200)
    name: Name = "Passkey"
    credential: str = Field(max_length=LARGEST_CREDENTIAL)


class RemoveFactor(Input):
    """What ``remove_factor`` takes."""

    factor_id: str = Field(max_length=100)


def _factor_row(factor: Factor) -> dict[str, Any]:
    return {
        "id": factor.id,
        "kind": factor.kind,
        "name": factor.name,
        "created_at": factor.created_at,
        "last_used_at": factor.last_used_at,
    }


def _enrolled_row(enrolled: Enrolled) -> dict[str, Any]:
    return {"factor": _factor_row(enrolled.factor), "recovery_codes": enrolled.recovery_codes}


class _Handlers:
    def __init__(self, office: FactorOffice) -> None:
        self._office = office

    async def enrol_totp(self, asked: Asked) -> Json:
        given = asked.read(EnrolTotp)
        factor, secret, address = await asked.transact(lambda tx: actions.enrol_totp(tx, given.name, self._office))
        return {"factor_id": factor.id, "secret": secret, "address": address}

    async def confirm_totp(self, asked: Asked) -> Json:
        given = asked.read(ConfirmTotp)
        enrolled = await asked.transact(lambda tx: actions.confirm_totp(tx, given.factor_id, given.code, self._office))
        return _enrolled_row(enrolled)

    async def begin_passkey_registration(self, asked: Asked) -> Json:
        token, options, challenge = await asked.transact(lambda tx: actions.begin_passkey_registration(tx, self._office))
        return {"challenge": token, "options": options, "expires_at": challenge.expires_at}

    async def register_passkey(self, asked: Asked) -> Json:
        given = asked.read(RegisterPasskey)
        asked.principal.require_signed_in()
        challenge = await actions.take_challenge(asked.reader(), given.challenge, PASSKEY_REGISTRATION)
        made = MadePasskey(given.challenge, given.credential, given.name)
        enrolled = await asked.transact(lambda tx: actions.register_passkey(tx, challenge, made, self._office))
        return _enrolled_row(enrolled)

    async def renew_recovery_codes(self, asked: Asked) -> Json:
        codes = await asked.transact(lambda tx: actions.renew_recovery_codes(tx, self._office))
        return {"recovery_codes": codes}

    async def remove_factor(self, asked: Asked) -> Json:
        given = asked.read(RemoveFactor)
        factor = await asked.transact(lambda tx: actions.remove_factor(tx, given.factor_id, self._office))
        return {"factor_id": factor.id}


async def _factors_of_viewer(asked: Asked) -> Json:
    rows = [_factor_row(each) for each in await access.own_factors(asked.reader())]
    return [rows for _ in asked.keys]


async def _recovery_codes_left_of_viewer(asked: Asked) -> Json:
    left = await access.own_recovery_codes_left(asked.reader())
    return [left for _ in asked.keys]


def routes(edge: Edge, office: FactorOffice) -> list[BaseRoute]:
    """Return the routes of factors."""
    handlers = _Handlers(office)
    r = Routes(edge)
    r.do("enrol_totp", handlers.enrol_totp)
    r.do("confirm_totp", handlers.confirm_totp)
    r.do("begin_passkey_registration", handlers.begin_passkey_registration)
    r.do("register_passkey", handlers.register_passkey)
    r.do("renew_recovery_codes", handlers.renew_recovery_codes)
    r.do("remove_factor", handlers.remove_factor)
    r.load("factors_of_viewer", _factors_of_viewer)
    r.load("recovery_codes_left_of_viewer", _recovery_codes_left_of_viewer)
    return r.collected
