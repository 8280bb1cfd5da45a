"""The file that lists the outside OpenID providers, read once at start."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator

from services.identity.openid.domain import NoSuchProvider


class ProvidersNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """The file of OpenID providers cannot be used; the message names the field and the mend."""


class Provider(BaseModel):
    """One provider. ``trusts_email``: an address that it vouches for opens the account here that has this address.

    ``is_strong``: who signs in there has given two factors already, so none is asked for here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="How events and the graph name it.")
    title: str = Field(min_length=1, max_length=100, description="How people know it.")
    issuer: str = Field(max_length=500, description="Its issuer, exactly as its ID tokens have it.")
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr = SecretStr("")
    trusts_email: bool = False
    is_strong: bool = False
    scopes: tuple[str, ...] = ("openid", "email", "profile")

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if (
            not (parts.scheme == "https" or (parts.scheme == "http" and is_local))
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            raise ValueError("give an https:// address without a query (http:// is for a provider on this very machine)")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("the scope openid has to be among them")
        return scopes


Providers = Mapping[str, Provider]
_LIST = TypeAdapter(list[Provider])


def read_providers(path: Path | None) -> Providers:
    """Return the providers by name, in the file's order; without a file there are none. Raises ``ProvidersNotUsable``."""
    if path is None:
        return {}
    try:
        listed = _LIST.validate_python(orjson.loads(path.read_bytes()), strict=False)
    except OSError as error:
        raise ProvidersNotUsable(f"The file of OpenID providers {path} cannot be read ({error.strerror}).") from error
    except orjson.JSONDecodeError as error:
        raise ProvidersNotUsable(f"The file of OpenID providers {path} is not JSON: {error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        message = first["msg"].removeprefix("Value error, ")
        # Without its cause, which quotes what it read: client secrets among it.
        raise ProvidersNotUsable(f"The file of OpenID providers {path} cannot be used: {place}: {message}.") from None
    found = {each.name: each for each in listed}
    if len(found) != len(listed):
        raise ProvidersNotUsable(f"The file of OpenID providers {path} cannot be used: name: each provider needs one of its own.")
    return found


def require_provider(providers: Providers, name: str) -> Provider:
    """Return a provider. Raises ``NoSuchProvider``."""
    if name not in providers:
        raise NoSuchProvider
    return providers[name]
