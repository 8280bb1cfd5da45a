"""What certificates tell of people and authorities, and how strong what they sign with is."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from asn1crypto import x509  # type: ignore[import-untyped]

from services.identity.signatures.findings import Algorithm, PersonalCode, Signer, Trouble, moment, shown, trouble

_WEAK_DIGESTS = {"md2", "md4", "md5", "sha1"}
_LEAST_BITS = {"rsa": 2048, "rsassa_pss": 2048, "dsa": 3072, "ec": 224}
_UNMASKED = 3


def name_of(name: x509.Name) -> str:
    """Return the name of an authority as people read it: its common name and organization."""
    parts = _parts(name)
    found = [parts[key] for key in ("common_name", "organization_name") if key in parts]
    return shown(", ".join(dict.fromkeys(found)) or name.human_friendly)


def signer_of(certificate: x509.Certificate) -> Signer:
    """Return who a certificate says its holder is."""
    parts = _parts(certificate.subject)
    code = parts.get("serial_number")
    validity = certificate["tbs_certificate"]["validity"]
    return Signer(
        common_name=shown(parts.get("common_name") or certificate.subject.human_friendly),
        given_name=_shown(parts, "given_name"),
        surname=_shown(parts, "surname"),
        personal_code=PersonalCode(shown(code), shown(masked(code))) if code else None,
        organization=_shown(parts, "organization_name"),
        organization_identifier=_shown(parts, "organization_identifier"),
        country=_shown(parts, "country_name"),
        issuer=name_of(certificate.issuer),
        thumbprint=base64.urlsafe_b64encode(hashlib.sha256(certificate.dump()).digest()).rstrip(b"=").decode(),
        not_before=moment(validity["not_before"].native),
        not_after=moment(validity["not_after"].native),
    )


def masked(code: str) -> str:
    """Return a personal code of which only the kind and the last characters can be read: ``PNOLV-*********345``.

    The kind (``PNO``, ``PAS``, ``IDC`` … with a country) is that of ETSI EN 319 412-1.
    """
    kind, dash, rest = code.partition("-") if code[5:6] == "-" else ("", "", code)
    kept = rest[-_UNMASKED:] if len(rest) > 2 * _UNMASKED else ""
    return f"{kind}{dash}{'*' * (len(rest) - len(kept))}{kept}"


def strength_of(certificate: x509.Certificate, digests: Iterable[str]) -> tuple[Algorithm, list[Trouble]]:
    """Return what a signature rests on, and what is too weak of it (ETSI TS 119 312: no SHA-1, RSA from 2048 bits)."""
    used = tuple(sorted({digest.lower() for digest in digests}))
    kind, bits = _key(certificate)
    troubles = [trouble("WEAK_DIGEST", algorithm=digest.upper()) for digest in used if digest in _WEAK_DIGESTS]
    if bits < _LEAST_BITS.get(kind, 0):
        troubles.append(trouble("WEAK_KEY", algorithm=f"{kind.upper()} {bits}"))
    return Algorithm(f"{kind.upper()} {bits}", used, "WEAK" if troubles else "STRONG"), troubles


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    key = certificate.public_key
    try:
        return str(key.algorithm), int(key.bit_size)
    except (ValueError, KeyError):
        return str(key["algorithm"]["algorithm"].native), 256  # Edwards curves have one size


def _parts(name: x509.Name) -> dict[str, str]:
    native: Mapping[str, Any] = name.native
    return {key: each if isinstance(each, str) else ", ".join(map(str, each)) for key, each in native.items()}


def _shown(parts: Mapping[str, str], key: str) -> str | None:
    return shown(parts[key]) if parts.get(key) else None
