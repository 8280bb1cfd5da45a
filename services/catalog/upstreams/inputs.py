"""What the route of upstreams takes, and what is usable of it."""

import re
from datetime import UTC, datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AfterValidator, Field

from chassis.outward import LONGEST
from services.catalog.products.inputs import Id, Input
from services.catalog.products.upstreams import Upstream

DEFAULT_SECONDS = 15
MOST_SECONDS = 60
_MOST_AUTHORITIES = 10
_LONGEST_AUTHORITIES = 40_000
_HOST = re.compile(r"(?!.{254})[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("give a name, and a port if need be, as in api.example.com")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("use a-z, 0-9 and single hyphens: it is the name of a file at the data plane")
    return text


def _authorities(text: str) -> str:
    """Return the certificates alone, each once more in PEM. Raises ``ValueError``."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        are_authorities = all(_is_authority(each) for each in found)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("give certificates of authorities in PEM") from error
    if not are_authorities or len(found) > _MOST_AUTHORITIES:
        raise ValueError(f"give certificates of authorities that are valid now, at most {_MOST_AUTHORITIES}")
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    return constraints.ca and certificate.not_valid_after_utc > datetime.now(UTC)


class SetUpstream(Input):
    """The input of ``set_upstream``: all of it, as it is to be; without ``url`` the sandbox answers."""

    version_id: Id
    url: Annotated[str, Field(max_length=LONGEST)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS, strict=True)] | None = None
    host_header: Annotated[str, AfterValidator(_host)] | None = None
    authorities: Annotated[str, Field(max_length=_LONGEST_AUTHORITIES), AfterValidator(_authorities)] | None = None
    client_certificate: Annotated[str, Field(max_length=60), AfterValidator(_name)] | None = None

    def upstream(self) -> Upstream | None:
        """Return the upstream as it is given, or None."""
        if self.url is None:
            return None
        return Upstream(
            url=self.url,
            timeout_seconds=self.timeout_seconds or DEFAULT_SECONDS,
            host_header=self.host_header,
            authorities=self.authorities,
            client_certificate=self.client_certificate,
        )
