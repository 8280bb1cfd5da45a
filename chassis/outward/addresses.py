"""Which addresses may be asked: reading one strictly, and judging the numbers that its host's name stands for. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 2000
_PLAIN = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BRACKETS = re.compile(r"\[[^\[\]]*\](?::[0-9]*)?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"https": 443, "http": 80}

# What the registries of special-purpose addresses (IANA) set aside, and where hosts of clouds ask who they are.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    )
)
# Of IPv6 only this is given out to be reached by everybody: loopback, mapped and translated (NAT64) addresses, link-local,
# unique-local and multicast ones all lie outside of it. Inside lie those that hide another address (Teredo, 6to4).
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20")
)


class AddressNotAllowed(Exception):  # noqa: N818 - a fact about the address; who asks turns it into a refusal of its own
    """Such an address is not asked."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be asked in this place; ``networks`` are asked although they are not public.

    ``loopback`` lets this machine itself be asked, at any port and by plain http: for development.
    """

    ports: frozenset[int]
    networks: tuple[Network, ...] = ()
    insecure: bool = False
    loopback: bool = False

    def permits(self, address: Address, *, only_loopback: bool = False) -> bool:
        """Say whether a number may be connected to."""
        if self.loopback and address.is_loopback:
            return True
        return not only_loopback and (any(address in network for network in self.networks) or is_public(address))


def is_public(address: Address) -> bool:
    """Say whether everybody reaches the same host under this number."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address.scope_id is None and address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def read_networks(text: str) -> tuple[Network, ...]:
    """Return the networks that a setting lists, separated by commas. Raises ``ValueError``."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def read_ports(text: str) -> frozenset[int]:
    """Return the ports that a setting lists, separated by commas. Raises ``ValueError``."""
    ports = frozenset(int(each) for each in text.split(",") if each.strip())
    if not ports or not all(1 <= each <= 65535 for each in ports):
        raise ValueError("name at least one port from 1 to 65535")
    return ports


@dataclass(frozen=True, slots=True)
class Place:
    """An address that was read: where to connect to, and what to ask for there.

    ``only_loopback`` says that it is asked only where it leads to this machine itself.
    """

    is_secure: bool
    host: str
    port: int
    target: str
    literal: Address | None
    only_loopback: bool = False

    @property
    def authority(self) -> str:
        """Return host and port as the header ``Host`` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_secure else "http"] else f"{host}:{self.port}"


def read_place(url: str, allowed: Allowed) -> Place:
    """Return what an address says, read so strictly that nobody can read it otherwise. Raises ``AddressNotAllowed``."""
    if len(url) > LONGEST or not _PLAIN.fullmatch(url) or "\\" in url:
        raise AddressNotAllowed
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressNotAllowed from error
    if parts.scheme not in _PORTS or "@" in parts.netloc:
        raise AddressNotAllowed
    port = _PORTS[parts.scheme] if port is None else port
    only_loopback = port not in allowed.ports or (parts.scheme == "http" and not allowed.insecure)
    if port == 0 or (only_loopback and not allowed.loopback):
        raise AddressNotAllowed
    host, literal = _read_host(parts.netloc, (parts.hostname or "").removesuffix("."))
    if literal is not None and not allowed.permits(literal, only_loopback=only_loopback):
        raise AddressNotAllowed
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/"):
        raise AddressNotAllowed
    return Place(parts.scheme == "https", host, port, target, literal, only_loopback)


def _read_host(netloc: str, host: str) -> tuple[str, Address | None]:
    if "[" in netloc:
        # Nothing stands around the brackets but a port.
        if not _BRACKETS.fullmatch(netloc):
            raise AddressNotAllowed
        return _read_six(host)
    if not _NAME.fullmatch(host):
        raise AddressNotAllowed
    # What ends in a number is a number: some resolvers take 2130706433, 0x7f.1 and 017700000001 for 127.0.0.1.
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host, None
    try:
        return host, IPv4Address(host)
    except ValueError as error:
        raise AddressNotAllowed from error


def _read_six(host: str) -> tuple[str, Address]:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise AddressNotAllowed from error
    if address.scope_id is not None:
        raise AddressNotAllowed
    return str(address), address


def judge(numbers: Sequence[str], allowed: Allowed, *, only_loopback: bool = False) -> tuple[str, ...]:
    """Return the numbers that a name stands for, each once, or nothing where one of them may not be connected to."""
    try:
        addresses = [ip_address(each) for each in dict.fromkeys(numbers)]
    except ValueError:
        return ()
    are_permitted = all(allowed.permits(each, only_loopback=only_loopback) for each in addresses)
    return tuple(str(each) for each in addresses) if are_permitted else ()
