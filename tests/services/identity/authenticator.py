"""A passkey authenticator in software: it makes P-256 keys and answers challenges as a browser hands them on (WebAuthn)."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def to_text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class Authenticator:
    """One passkey at most, on one origin. ``verifies`` says that it asks its owner for a PIN."""

    origin: str = "http://127.0.0.1:8000"
    verifies: bool = True
    counts: bool = True
    counter: int = 0
    credential_id: bytes = field(default_factory=lambda: os.urandom(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: str | None = None
    party: str = ""

    def make(self, options: str, **changed: Any) -> str:
        """Answer what ``navigator.credentials.create`` is given."""
        asked = json.loads(options)
        self.party, self.user_handle = asked["rp"]["id"], asked["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        public_key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(public_key)
        about = self._about(changed.pop("party", self.party), ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})
        client_data = self._client_data("webauthn.create", asked["challenge"], **changed)
        return self._credential({"clientDataJSON": to_text(client_data), "attestationObject": to_text(attestation)})

    def use(self, options: str, **changed: Any) -> str:
        """Answer what ``navigator.credentials.get`` is given."""
        asked = json.loads(options)
        if self.counts:
            self.counter += 1
        about = self._about(changed.pop("party", asked["rpId"]), 0)
        handle = changed.pop("user_handle", self.user_handle)
        client_data = self._client_data("webauthn.get", asked["challenge"], **changed)
        signature = self.key.sign(about + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": to_text(client_data),
            "authenticatorData": to_text(about),
            "signature": to_text(signature),
        }
        return self._credential(response | ({"userHandle": handle} if handle else {}))

    def _about(self, party: str, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(party.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, asked: str, **changed: Any) -> bytes:
        said = {"type": kind, "challenge": asked, "origin": self.origin, "crossOrigin": False, **changed}
        return json.dumps(said).encode()

    def _credential(self, response: dict[str, Any]) -> str:
        id_ = to_text(self.credential_id)
        made = {"id": id_, "rawId": id_, "type": "public-key", "response": response, "clientExtensionResults": {}}
        return json.dumps(made)
