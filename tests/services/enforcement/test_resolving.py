"""What an upstream's name stands for: judged each time, kept for a while, never trusted."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from chassis.outward import Allowed
from services.enforcement.proxy.resolving import Resolver

ORIGIN = "https://api.zoo.example"
PUBLIC, ANOTHER = "93.184.216.34", "93.184.216.35"


class Names:
    """Answers for names as it is told to."""

    def __init__(self, *numbers: str) -> None:
        self.numbers: Sequence[str] | None = numbers
        self.asked: list[str] = []
        self.now = 1000.0

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if self.numbers is None:
            raise OSError
        return self.numbers

    def resolver(self, allowed: Allowed | None = None) -> Resolver:
        allowed = allowed or Allowed(frozenset({443, 8443}))
        return Resolver(allowed, resolve=self.resolve, every_seconds=30, clock=lambda: self.now)


async def look(resolver: Resolver, *origins: str) -> bool:
    return await resolver.look(origins, 60)


async def test_a_name_is_looked_at_when_it_is_due_and_difference_is_told() -> None:
    names = Names(PUBLIC)
    resolver = names.resolver()
    assert resolver.addresses_of(ORIGIN) is None
    assert await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == (f"{PUBLIC}:443",)
    names.numbers = (ANOTHER, PUBLIC)
    assert not await look(resolver, ORIGIN)
    names.now += 31
    assert await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == (f"{PUBLIC}:443", f"{ANOTHER}:443")
    names.numbers, names.now = (PUBLIC, ANOTHER), names.now + 31
    assert not await look(resolver, ORIGIN)
    assert names.asked == ["api.zoo.example"] * 3


@pytest.mark.parametrize("private", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
async def test_a_name_that_comes_to_lead_inside_stands_for_nothing_at_once(private: str) -> None:
    names = Names(PUBLIC)
    resolver = names.resolver()
    await look(resolver, ORIGIN)
    names.numbers, names.now = (PUBLIC, private), names.now + 31
    assert await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == ()


async def test_a_name_that_nobody_answers_for_keeps_its_numbers_for_an_hour() -> None:
    names = Names(PUBLIC)
    resolver = names.resolver()
    await look(resolver, ORIGIN)
    names.numbers, names.now = None, names.now + 31
    assert not await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == (f"{PUBLIC}:443",)
    names.now += 3600
    assert await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == ()
    names.numbers, names.now = (PUBLIC,), names.now + 3
    assert await look(resolver, ORIGIN)
    assert resolver.addresses_of(ORIGIN) == (f"{PUBLIC}:443",)


@pytest.mark.parametrize("origin", ["http://api.zoo.example", "https://10.0.0.1", "https://api.zoo.example:22", "https://[::1]"])
async def test_an_origin_where_no_call_may_go_is_not_even_looked_at(origin: str) -> None:
    names = Names(PUBLIC)
    resolver = names.resolver()
    await look(resolver, origin)
    assert (resolver.addresses_of(origin), names.asked) == ((), [])


async def test_a_network_that_the_operator_allows_is_allowed_and_no_other() -> None:
    names = Names("10.2.0.7")
    resolver = names.resolver(Allowed(frozenset({8443}), (ip_network("10.2.0.0/16"),)))
    await look(resolver, "https://core.zoo.example:8443", "https://10.2.1.1:8443", "https://10.3.0.1:8443")
    assert resolver.addresses_of("https://core.zoo.example:8443") == ("10.2.0.7:8443",)
    assert resolver.addresses_of("https://10.2.1.1:8443") == ("10.2.1.1:8443",)
    assert resolver.addresses_of("https://10.3.0.1:8443") == ()


async def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    names = Names(PUBLIC)
    resolver = names.resolver()
    await look(resolver, ORIGIN)
    await look(resolver)
    assert resolver.addresses_of(ORIGIN) is None


async def test_numbers_of_six_groups_are_written_in_brackets_and_are_few() -> None:
    names = Names(*(f"2a00:1450:400f::{each:x}" for each in range(1, 20)))
    resolver = names.resolver()
    await look(resolver, ORIGIN)
    addresses = resolver.addresses_of(ORIGIN)
    assert addresses is not None
    assert (len(addresses), addresses[0]) == (8, "[2a00:1450:400f::10]:443")
