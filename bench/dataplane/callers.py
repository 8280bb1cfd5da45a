"""Those who call: applications with subscriptions to one product, as the other services announce them; and their tokens."""

import time
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from chassis.bus import Message
from chassis.ids import new_id

BASE_PATH = "/bench/things/v1"
PATH = f"{BASE_PATH}/things/7?view=all"
ISSUER = "http://127.0.0.1:8000"
AUDIENCE = "portico:calls"
# No caller ever comes to their end, but each call is counted against both.
PLAN = {"rate_requests": 1_000_000, "rate_seconds": 1, "burst": 1_000_000, "quota_calls": 10**12, "quota_period": "DAY"}
_OPERATIONS = (
    ("listThings", "GET", "/things"),
    ("getThing", "GET", "/things/{id}"),
    ("addThing", "POST", "/things"),
    ("getPart", "GET", "/things/{id}/parts/{part}"),
)


def _owner() -> dict[str, Any]:
    return {"product_id": "prd_bench", "organization_id": "org_provider"}


def _who(number: int) -> dict[str, Any]:
    return {"application_id": f"app_{number}", "organization_id": f"org_{number}", "client_id": client_id(number)}


def client_id(number: int) -> str:
    """Return the Client ID of an application."""
    return f"client-{number:06}"


def announcements(many: int) -> list[Message]:
    """Return what is announced of a product, its version and plan, and of so many applications with subscriptions."""
    operations = [{"operation_id": name, "method": method, "path": path} for name, method, path in _OPERATIONS]
    told = {"slug": "bench", "title": "Bench", "sensitivity": "STANDARD", "prerequisites": [], **_owner()}
    version = {"version_id": "ver_bench", "api_id": "api_bench", "product_slug": "bench", "title": "Things", "label": "v1"}
    plan = {"plan_id": "pln_bench", "name": "Bench", "approval": "AUTOMATIC", **PLAN, **_owner()}
    announced = [
        _announced("catalog.product_created", "prd_bench", told),
        _announced("catalog.plan_created", "pln_bench", plan),
        _announced(
            "catalog.api_version_published",
            "ver_bench",
            {**version, "base_path": BASE_PATH, "operations": operations, **_owner()},
        ),
    ]
    for number in range(many):
        application, secret = {"name": "Bench", **_who(number)}, {"secret_id": f"sec_{number}", **_who(number)}
        announced.append(_announced("identity.application_created", f"app_{number}", application))
        announced.append(_announced("identity.secret_issued", f"app_{number}", secret))
        subscription = {"subscription_id": f"sub_{number}", "plan_id": "pln_bench", "product_id": "prd_bench", **_who(number)}
        subscription |= {"provider_id": "org_provider", "status": "ACTIVE", "reason": None}
        announced.append(_announced("subscriptions.subscription_activated", f"sub_{number}", subscription))
    return announced


def _announced(fact: str, subject: str, data: dict[str, Any]) -> Message:
    key, event_id = f"{fact}.v1", new_id("evt")
    body = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/services/" + key.partition(".")[0],
        "type": f"portico.{key}",
        "subject": subject,
        "time": "2026-01-01T00:00:00.000Z",
        "sequence": 1,
        "data": data,
    }
    return Message(event_id, key, orjson.dumps(body))


class Issuer:
    """Issues tokens in the form in which identity does; and such as a proxy that verifies each call's token verifies fastest."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self._fast_key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        published = {"keys": [self._key.as_dict(private=False)]}
        (folder / "tokens.public.json").write_bytes(orjson.dumps(published))
        self.fast_pem = folder / "fast.public.pem"
        self.fast_pem.write_bytes(self._fast_key.as_pem(private=False))

    def tokens(self, many: int) -> list[str]:
        """Return a new token for each of so many applications; they are good for ten minutes."""
        return [self._token(number, self._key, "ES256") for number in range(many)]

    def fast_tokens(self, many: int) -> list[str]:
        """Return the same, signed with RSA: to verify that takes a third of the time."""
        return [self._token(number, self._fast_key, "RS256") for number in range(many)]

    @staticmethod
    def _token(number: int, key: ECKey | RSAKey, algorithm: str) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client_id(number),
            "client_id": client_id(number),
            "secret_id": f"sec_{number}",
            "iat": now,
            "exp": now + 600,
            "jti": new_id("jti"),
        }
        header = {"alg": algorithm, "typ": "at+jwt", "kid": str(key.kid)}
        return jwt.encode(header, claims, key, algorithms=[algorithm])
