"""What else somebody does with secrets: forgets a password, enrols a second factor, moves away, sends keys by mistake."""

import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx
import pyotp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from portico.foreign import Graph, Mailbox, Refused
from tests.one_process import RunningInProcess

EMAIL = "forgetful@secrecy.example"


class Visitor(Protocol):
    """Somebody who uses the platform and remembers each secret that they saw."""

    running: RunningInProcess
    http: httpx.AsyncClient
    secrets: dict[str, str]

    @property
    def url(self) -> str: ...

    @property
    def mailbox(self) -> Mailbox: ...

    async def account(self, name: str, email: str) -> Graph: ...


async def a_persons_ways(visit: Visitor) -> None:
    """Live the life of an account, from its second factor to its end."""
    graph, known = await visit.account("Forgetful", EMAIL), visit.secrets
    enrolled = await graph.do("enrolTotp", "... on TotpEnrolment { factorId secret address }")
    known["TOTP secret"] = enrolled["secret"]
    code = pyotp.TOTP(enrolled["secret"]).now()
    codes = "... on FactorEnrolled { recoveryCodes }"
    confirmed = await graph.do("confirmTotp", codes, factorId=enrolled["factorId"], code=code)
    known |= {f"recovery code {number}": each for number, each in enumerate(confirmed["recoveryCodes"])}
    await sign_in_with_a_recovery_code(visit, known["Forgetful's password"], "recovery code 0")
    await forget_the_password(visit)
    graph.token = await sign_in_with_a_recovery_code(visit, known["chosen password"], "recovery code 1")
    await move(visit, graph)
    export = await graph.do("exportMyData", "... on MyData { __typename }", password=known["chosen password"])
    assert export
    await graph.do("eraseMyAccount", "... on ErasedAccount { userId }", password=known["chosen password"])


async def sign_in_with_a_recovery_code(visit: Visitor, password: str, name: str) -> str:
    """Sign in, miss the second factor once, and answer it; return the session's token."""
    graph, known = Graph(visit.http, visit.url), visit.secrets
    wanted = {"email": EMAIL, "password": password}
    needed = await graph.do("signIn", "... on SecondFactorNeeded { challenge }", **wanted)
    known[f"challenge before {name}"] = needed["challenge"]
    known[f"mistaken {name}"] = mistaken = f"{secrets.token_hex(2)}-{secrets.token_hex(6)}"
    with pytest.raises(Refused):
        await graph.do("answerSecondFactor", "... on SignedIn { token }", challenge=needed["challenge"], recoveryCode=mistaken)
    answer = {"challenge": needed["challenge"], "recoveryCode": known[name]}
    token = (await graph.do("answerSecondFactor", "... on SignedIn { token }", **answer))["token"]
    known[f"session after {name}"] = token
    return str(token)


async def forget_the_password(visit: Visitor) -> None:
    graph, known = Graph(visit.http, visit.url), visit.secrets
    await graph.do("requestPasswordReset", "... on WrittenTo { email }", email=EMAIL)
    known["reset"] = await visit.mailbox.token_for(EMAIL, about="reset-password")
    known["chosen password"] = secrets.token_urlsafe(24)
    chosen = {"token": known["reset"], "password": known["chosen password"]}
    await graph.do("resetPassword", "... on AccountReady { __typename }", **chosen)
    with pytest.raises(Refused):
        await graph.do("resetPassword", "... on AccountReady { __typename }", **chosen)


async def move(visit: Visitor, graph: Graph) -> None:
    """Move to another address."""
    known, there = visit.secrets, "elsewhere@secrecy.example"
    wanted = {"newEmail": there, "password": known["chosen password"]}
    await graph.do("requestEmailChange", "... on WrittenTo { email }", **wanted)
    known["move"] = await visit.mailbox.token_for(there, about="confirm-address")
    await graph.do("confirmEmailChange", "... on AccountReady { __typename }", token=known["move"])


async def an_applications_ways(visit: Visitor, owner: Graph, application: dict[str, str]) -> None:
    """Prove an application by a key, have tokens looked at and revoked, and send what must not be sent."""
    known, key = visit.secrets, ECKey.generate_key("P-256", auto_kid=True)
    private = {name: str(value) for name, value in key.as_dict(private=True).items()}
    known["private key"] = private["d"]
    selection = "... on ClientKey { id }"
    with pytest.raises(Refused):
        await owner.do("registerClientKey", selection, applicationId=application["id"], jwk=json.dumps(private))
    public = json.dumps(key.as_dict(private=False))
    await owner.do("registerClientKey", selection, applicationId=application["id"], jwk=public)
    await tokens_by_key(visit, application["clientId"], key)
    pem, secret_part = certificate_with_its_key()
    known["private key of a certificate"] = secret_part
    with pytest.raises(Refused):
        await owner.do("registerCertificate", "... on Certificate { id }", applicationId=application["id"], pem=pem)


async def tokens_by_key(visit: Visitor, client_id: str, key: ECKey) -> None:
    gateway, known = visit.running.gateway_url, visit.secrets

    def proof() -> dict[str, str]:
        moment = int(time.time())
        lasting = {"iat": moment, "exp": moment + 60, "jti": secrets.token_urlsafe(16)}
        claims: dict[str, Any] = {"iss": client_id, "sub": client_id, "aud": gateway, **lasting}
        text = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
        known[f"assertion {lasting['jti']}"] = text
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"client_id": client_id, "client_assertion_type": kind, "client_assertion": text}

    answer = await visit.http.post(f"{gateway}/oauth/token", data={"grant_type": "client_credentials", **proof()})
    assert answer.status_code == 200, answer.text
    known["access token, key"] = token = answer.json()["access_token"]
    for path in ("introspect", "revoke", "introspect"):
        answer = await visit.http.post(f"{gateway}/oauth/{path}", data={"token": token, **proof()})
        assert answer.status_code == 200, answer.text
    assert answer.json() == {"active": False}


def certificate_with_its_key() -> tuple[str, str]:
    """Return a PEM that holds a private key beside its certificate, and a line of the key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    begun = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    lasting = begun.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    made = lasting.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = key.private_bytes(*form).decode()
    return made + private, private.splitlines()[2]
