"""Access tokens that must never be taken: one thing is wrong with each, the rest is as the authorization server writes it."""

import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import orjson
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

_RSA = RSAKey.generate_key(2048)
_EC = ECKey.generate_key("P-256")
_OTHER = OKPKey.generate_key("Ed25519")
_REMOVED = object()


def b64(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class _AnyAlgorithm(jws.JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class Forge:
    """Whoever holds the server's own key and the claims of a good token, to spoil one thing at a time."""

    def __init__(self, key: OKPKey, claims: dict[str, Any]) -> None:
        self.key = key
        self.claims = claims
        self.kid = str(key.kid)

    def header(self, **changes: Any) -> dict[str, Any]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid, **changes}
        return {name: value for name, value in header.items() if value is not _REMOVED}

    def payload(self, **changes: Any) -> dict[str, Any]:
        claims = {**self.claims, **changes}
        return {name: value for name, value in claims.items() if value is not _REMOVED}

    def raw(self, header: bytes, payload: bytes) -> str:
        """Sign exactly these bytes with the server's own key."""
        signed = f"{b64(header)}.{b64(payload)}"
        signature = self.key.get_op_key("sign").sign(signed.encode())  # type: ignore[union-attr]
        return f"{signed}.{b64(signature)}"

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """Return a token with these changes; with another key it is signed as its header says."""
        head, body = self.header(**(header or {})), self.payload(**claims)
        if key is None:
            return self.raw(orjson.dumps(head), orjson.dumps(body))
        registry = _AnyAlgorithm(algorithms=[head["alg"]])
        return jws.serialize_compact(head, orjson.dumps(body), key, registry=registry)

    def good(self) -> str:
        return self.token()

    @property
    def parts(self) -> list[str]:
        return self.good().split(".")


Make = Callable[[Forge], str]


def _unsigned(algorithm: str) -> Make:
    def make(forge: Forge) -> str:
        return f"{b64(orjson.dumps(forge.header(alg=algorithm)))}.{forge.parts[1]}."

    return make


def _unsigned_but_with_something(algorithm: str) -> Make:
    return lambda forge: forge.token(header={"alg": algorithm})


def _headers(**changes: Any) -> Make:
    return lambda forge: forge.token(header=changes)


def _claims(**changes: Any) -> Make:
    return lambda forge: forge.token(**changes)


def _other_bytes(change: Callable[[Forge, str, str, str], str]) -> Make:
    return lambda forge: change(forge, *forge.parts)


def _shared(forge: Forge, secret: bytes, algorithm: str = "HS256") -> str:
    """A token signed with a shared secret; by hand, since libraries refuse to use a public key as one."""
    signed = f"{b64(orjson.dumps(forge.header(alg=algorithm)))}.{forge.parts[1]}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), algorithm.replace('HS', 'sha')))}"


def _flipped(signature: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[7] ^= 1
    return b64(bytes(raw))


def _doubled(name: str, value: Any) -> Make:
    def make(forge: Forge) -> str:
        payload = orjson.dumps({name: value})[:-1] + b"," + orjson.dumps(forge.payload())[1:]
        return forge.raw(orjson.dumps(forge.header()), payload)

    return make


def _in_jwe(forge: Forge) -> str:
    header = {"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": forge.kid}
    return jwe.encrypt_compact(header, forge.good().encode(), OctKey.generate_key(256))


def _with_embedded(forge: Forge) -> str:
    return forge.token(header={"jwk": _OTHER.as_dict(private=False)}, key=_OTHER)


def _spelling(forge: Forge) -> str:
    """The same signature in other letters: the last one has bits that a lax reader passes over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    head, body, signature = forge.parts
    return f"{head}.{body}.{signature[:-1]}{alphabet[alphabet.index(signature[-1]) | 1]}"


def _now() -> int:
    return int(time.time())


ALGORITHMS: dict[str, Make] = {
    **{f"alg {name} without a signature": _unsigned(name) for name in ("none", "None", "NONE", "nOnE", "", " none")},
    "alg none with a signature": _unsigned_but_with_something("none"),
    "no alg": _headers(alg=_REMOVED),
    "alg as a list": _headers(alg=["EdDSA"]),
    "alg null": _headers(alg=None),
    "alg in small letters": _headers(alg="eddsa"),
    "HS256 with the public key as JSON": lambda forge: _shared(forge, orjson.dumps(forge.key.as_dict(private=False))),
    "HS256 with the public key as PEM": lambda forge: _shared(forge, forge.key.as_pem(private=False)),
    "HS256 with the public key's bytes": lambda forge: _shared(
        forge, base64.urlsafe_b64decode(str(forge.key.as_dict(private=False)["x"]) + "=")
    ),
    "HS512 with an empty key": lambda forge: _shared(forge, b"", "HS512"),
    "RS256 with another key": lambda forge: forge.token(header={"alg": "RS256"}, key=_RSA),
    "PS256 with another key": lambda forge: forge.token(header={"alg": "PS256"}, key=_RSA),
    "ES256 with another key": lambda forge: forge.token(header={"alg": "ES256"}, key=_EC),
    "ES256 over an EdDSA signature": _headers(alg="ES256"),
    "EdDSA with another key": lambda forge: forge.token(key=_OTHER),
}
HEADERS: dict[str, Make] = {
    "kid that climbs": _headers(kid="../../../../dev/null"),
    "kid that is SQL": _headers(kid="x' UNION SELECT 'secret"),
    "kid that is an address": _headers(kid="http://127.0.0.1:1/keys.json"),
    "kid that is a command": _headers(kid="| id"),
    "kid empty": _headers(kid=""),
    "kid huge": _headers(kid="k" * 2500),
    "kid as a list": lambda forge: forge.token(header={"kid": [forge.kid]}),
    "kid as a number": _headers(kid=0),
    "kid null": _headers(kid=None),
    "kid unknown": _headers(kid="another"),
    "no kid": _headers(kid=_REMOVED),
    "its own key (jwk)": _with_embedded,
    "our key again (jwk)": lambda forge: forge.token(header={"jwk": forge.key.as_dict(private=False)}),
    "the address of its key (jku)": lambda forge: forge.token(header={"jku": "http://127.0.0.1:1/keys.json"}, key=_OTHER),
    "the address of a certificate (x5u)": _headers(x5u="http://127.0.0.1:1/certificate.pem"),
    "a certificate (x5c)": _headers(x5c=["MIIB"]),
    "something critical (crit)": _headers(crit=["exp"], exp=1),
    "crit empty": _headers(crit=[]),
    "not encoded (b64)": _headers(b64=False, crit=["b64"]),
    "compressed (zip)": _headers(zip="DEF"),
    "typ JWT": _headers(typ="JWT"),
    "typ of a passport": _headers(typ="passport+jwt"),
    "typ of an ID token": _headers(typ="id+jwt"),
    "typ in capitals": _headers(typ="AT+JWT"),
    "typ with its prefix": _headers(typ="application/at+jwt"),
    "typ with a space": _headers(typ="at+jwt "),
    "typ longer": _headers(typ="at+jwtx"),
    "typ as a list": _headers(typ=["at+jwt"]),
    "no typ": _headers(typ=_REMOVED),
    "a header member twice": lambda forge: forge.raw(
        b'{"alg":"none",' + orjson.dumps(forge.header())[1:], orjson.dumps(forge.payload())
    ),
    "the header as a list": lambda forge: forge.raw(orjson.dumps([forge.header()]), orjson.dumps(forge.payload())),
}
CLAIMS: dict[str, Make] = {
    "iss of another": _claims(iss="http://evil.example"),
    "iss with a slash": lambda forge: forge.token(iss=f"{forge.claims['iss']}/"),
    "iss as a list": lambda forge: forge.token(iss=[forge.claims["iss"]]),
    "aud of another": _claims(aud="portico:mail"),
    "aud as a list of ours": lambda forge: forge.token(aud=[forge.claims["aud"]]),
    "aud as a list with ours": lambda forge: forge.token(aud=["https://evil.example", forge.claims["aud"]]),
    "aud as a list of lists": lambda forge: forge.token(aud=[[forge.claims["aud"]]]),
    "aud as an object": lambda forge: forge.token(aud={forge.claims["aud"]: True}),
    "aud empty": _claims(aud=""),
    **{f"no {name}": _claims(**{name: _REMOVED}) for name in ("iss", "aud", "exp", "iat", "sub", "jti", "client_id")},
    **{
        f"{name} null": _claims(**{name: None})
        for name in ("iss", "aud", "exp", "iat", "sub", "jti", "client_id", "scope", "cnf")
    },
    "exp as a text": lambda forge: forge.token(exp=str(_now() + 300)),
    "exp as a fraction": lambda forge: forge.token(exp=_now() + 300.5),
    "exp as a truth": _claims(exp=True),
    "exp negative": _claims(exp=-1),
    "exp huge": _claims(exp=2**62),
    "exp beyond any number": lambda forge: forge.raw(
        orjson.dumps(forge.header()), orjson.dumps(forge.payload(exp=0)).replace(b'"exp":0', b'"exp":1e999')
    ),
    "exp of five thousand digits": lambda forge: forge.raw(
        orjson.dumps(forge.header()), orjson.dumps(forge.payload(exp=0)).replace(b'"exp":0', b'"exp":' + b"9" * 1000)
    ),
    "exp further than any of ours": lambda forge: forge.token(exp=_now() + 3600),
    "exp before iat": lambda forge: forge.token(iat=_now() + 400, exp=_now() + 300),
    "iat as a truth": _claims(iat=True),
    "iat in the future": lambda forge: forge.token(iat=_now() + 120, exp=_now() + 300),
    "nbf in the future": lambda forge: forge.token(nbf=_now() + 120),
    "nbf as a text": _claims(nbf="0"),
    "expired": lambda forge: forge.token(iat=_now() - 700, exp=_now() - 100),
    "expired just now": lambda forge: forge.token(iat=_now() - 100, exp=_now() - 1),
    "sub of another": _claims(sub="pci_another"),
    "sub as a number": _claims(sub=7),
    "client_id as a list": lambda forge: forge.token(client_id=[forge.claims["client_id"]]),
    "jti as a number": _claims(jti=7),
    "jti empty": _claims(jti=""),
    "issued for no credential": _claims(secret_id=_REMOVED, key_id=_REMOVED, certificate_id=_REMOVED),
    "secret as a truth": _claims(secret_id=True),
    "scope as a list": _claims(scope=["everything"]),
    "bound to a key": _claims(cnf={"jkt": "x" * 43}),
    "bound to two things": _claims(cnf={"x5t#S256": "A" * 43, "jkt": "x"}),
    "bound to no digest": _claims(cnf={"x5t#S256": "short"}),
    "a claim twice": _doubled("client_id", "pci_another"),
    "the expiry twice": _doubled("exp", 1),
    "claims as a list": lambda forge: forge.raw(orjson.dumps(forge.header()), orjson.dumps([forge.payload()])),
    "claims as a text": lambda forge: forge.raw(orjson.dumps(forge.header()), b'"claims"'),
    "claims that are not UTF-8": lambda forge: forge.raw(orjson.dumps(forge.header()), b'{"iss":"\xff\xfe"}'),
    "claims endlessly deep": lambda forge: forge.raw(orjson.dumps(forge.header()), b"[" * 2500 + b"]" * 2500),
    "claims like an ID token's": lambda forge: forge.token(aud=forge.claims["client_id"], nonce="n", auth_time=_now()),
    "claims of a client assertion": lambda forge: forge.raw(
        orjson.dumps(forge.header(typ="JWT")),
        orjson.dumps({name: forge.claims[name] for name in ("iss", "sub", "exp", "jti")} | {"iss": forge.claims["sub"]}),
    ),
    "claims of a passport": lambda forge: forge.token(
        header={"typ": "passport+jwt"}, iss="portico/identity", aud="portico/services", organizations={}, grants={}
    ),
}
SPELLINGS: dict[str, Make] = {
    "signature stripped": _other_bytes(lambda _, head, body, __: f"{head}.{body}."),
    "signature left out": _other_bytes(lambda _, head, body, __: f"{head}.{body}"),
    "signature truncated": _other_bytes(lambda _, head, body, signature: f"{head}.{body}.{signature[:-4]}"),
    "signature with one bit flipped": _other_bytes(lambda _, head, body, signature: f"{head}.{body}.{_flipped(signature)}"),
    "signature of zeros": _other_bytes(lambda _, head, body, __: f"{head}.{body}.{b64(bytes(64))}"),
    "signature of another token": _other_bytes(
        lambda forge, head, body, __: f"{head}.{body}.{forge.token(jti='another').split('.')[2]}"
    ),
    "claims of another token": _other_bytes(
        lambda forge, head, _, signature: f"{head}.{forge.token(jti='another').split('.')[1]}.{signature}"
    ),
    "encrypted (JWE)": _in_jwe,
    "a token in a token": lambda forge: forge.raw(orjson.dumps(forge.header(cty="JWT")), forge.good().encode()),
    "padding": lambda forge: forge.good() + "==",
    "white space within": _other_bytes(lambda _, head, body, signature: f"{head}. {body}.{signature}"),
    "a tab behind": lambda forge: forge.good() + "\tx",
    "another spelling of the signature": _spelling,
    "plus and slash": _other_bytes(lambda _, head, body, signature: f"{head}.{body}.{signature[:-2]}+/"),
    "JSON instead of the compact form": _other_bytes(
        lambda _, head, body, signature: orjson.dumps({"protected": head, "payload": body, "signature": signature}).decode()
    ),
    "many dots": lambda forge: forge.good() + "." * 1000,
    "only dots": lambda _: "..",
    "two tokens": lambda forge: f"{forge.good()},{forge.good()}",
    "not ASCII": lambda forge: forge.good()[:-1] + "\u00ff",
    "thirty kilobytes": lambda forge: forge.token(jti="x" * 30_000),
    "no token at all": lambda _: "secret",
}
HOSTILE: dict[str, Make] = ALGORITHMS | HEADERS | CLAIMS | SPELLINGS
