"""Who issues tokens in enforcement's tests: as identity does, and such as identity never would."""

import time
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.jwk import OKPKey

from chassis.ids import new_id

ISSUER = "http://127.0.0.1:8000"
AUDIENCE = "portico:calls"


class Registry(jws.JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class Issuer:
    """Issues tokens as identity does, and such as identity never would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
        document = orjson.dumps({"keys": [self.key.as_dict(private=False)]})
        (folder / "tokens.public.json").write_bytes(document)

    def token(
        self, client: str, secret: str | None = "sec_1", *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any
    ) -> str:
        now = int(time.time())
        whole = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "secret_id": secret,
            "iat": now,
            "exp": now + 600,
            "jti": new_id("jti"),
            **claims,
        }
        whole = {name: value for name, value in whole.items() if value is not None}
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key.kid, **(header or {})}
        return jwt.encode(head, whole, key or self.key, registry=Registry(algorithms=[head["alg"]]))
