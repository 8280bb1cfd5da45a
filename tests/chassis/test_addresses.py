"""Which addresses of the outside world may be asked: how they are read, and which numbers are public."""

from ipaddress import ip_address, ip_network

import pytest

from chassis.outward.addresses import AddressNotAllowed, Allowed, is_public, judge, read_networks, read_place, read_ports

USUAL = Allowed(frozenset({443, 80}))
AT_HOME = Allowed(frozenset({443, 80, 8080}), (ip_network("127.0.0.0/8"), ip_network("::1/128")), insecure=True)

NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1"),
    *("127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1"),
    *("2002:808:808::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1"),
    *("5f00::1", "4000::1"),
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "11.0.0.1",
    "2a00:1450:4001::1",
    "2606:4700::1111",
    "2001:4860::8888",
]


@pytest.mark.parametrize("number", NOT_PUBLIC)
def test_numbers_that_are_not_public(number: str) -> None:
    assert not is_public(ip_address(number))
    assert judge(["8.8.8.8", number], USUAL) == ()
    assert judge([number, "8.8.8.8"], USUAL) == ()
    host = f"[{number}]" if ":" in number else number
    with pytest.raises(AddressNotAllowed):
        read_place(f"https://{host}/", USUAL)


@pytest.mark.parametrize("number", PUBLIC)
def test_numbers_that_are_public(number: str) -> None:
    assert is_public(ip_address(number))
    assert judge([number, number], USUAL) == (number,)
    host = f"[{number}]" if ":" in number else number
    place = read_place(f"https://{host}/", USUAL)
    assert (place.literal, place.authority) == (ip_address(number), host)


def test_a_network_is_allowed_by_name_alone() -> None:
    assert judge(["127.0.0.1", "::1", "8.8.8.8"], AT_HOME) == ("127.0.0.1", "::1", "8.8.8.8")
    for number in ("10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"):
        assert judge([number], AT_HOME) == ()
    assert judge([], AT_HOME) == judge(["nonsense"], AT_HOME) == ()


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https:///a", "https:example.com/a", "//example.com/a", "example.com", "/etc/passwd"),
        *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:text/plain,x", "javascript:1"),
        *("http://example.com/", "https://user@example.com/", "https://user:word@example.com/", "https://@example.com/"),
        *("https://example.com:22/", "https://example.com:0/", "https://example.com:99999/", "https://example.com:x/"),
        *("https://exa mple.com/", "https://example.com/\r\nHost: a", "https://example.com/\x00", "https://example.com\\@a/"),
        *("https://пример.рф/", "https://\uff45xample.com/", "https://ex%61mple.com/", "https://exam..ple/", "https://.com/"),
        *("https://-a.com/", "https://a-.com/", f"https://{'a' * 64}.com/", "https://example.com/" + "a" * 2000),
        # Other spellings of 127.0.0.1 and of 169.254.169.254.
        *("https://2130706433/", "https://0x7f000001/", "https://017700000001/", "https://127.1/", "https://0x7f.1/"),
        *("https://0177.0.0.1/", "https://127.0.0.01/", "https://127.0.0.0x1/", "https://127.0.1/", "https://0/"),
        *("https://0xa9.0xfe.0xa9.0xfe/", "https://2852039166/", "https://a.0x7f/", "https://0x/", "https://127.0.0.1./"),
        *("https://[::1]/", "https://[::ffff:7f00:1]/", "https://[fe80::1%25lo]/", "https://[::1%lo]/", "https://[v1.a]/"),
        *(
            "https://[2606:4700::1111].com/",
            "https://a[2606:4700::1111]/",
            "https://[2606:4700::1111]a:443/",
            "https://[2606::1][2606::2]/",
        ),
        *("https://[127.0.0.1]/", "https://[::1", "https://::1/", "https://[]/"),
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        read_place(url, USUAL)


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "10.0.0.1"])
def test_an_allowed_network_does_not_allow_odd_spellings_or_others(spelling: str) -> None:
    with pytest.raises(AddressNotAllowed):
        read_place(f"http://{spelling}:8080/", AT_HOME)
    assert str(read_place("http://127.0.0.1:8080/", AT_HOME).literal) == "127.0.0.1"


def test_what_an_address_says() -> None:
    place = read_place("HTTPS://Example.COM.:443/a%20b?c=d#e", USUAL)
    assert (place.is_secure, place.host, place.port, place.target, place.literal) == (
        True,
        "example.com",
        443,
        "/a%20b?c=d",
        None,
    )
    assert place.authority == "example.com"
    assert read_place("https://example.com?x", USUAL).target == "/?x"
    plain = read_place("http://[::1]:8080", AT_HOME)
    assert (plain.is_secure, plain.host, plain.target, plain.authority) == (False, "::1", "/", "[::1]:8080")


def test_what_settings_list() -> None:
    assert read_ports("443, 8443,") == {443, 8443}
    assert read_networks("127.0.0.0/8, ::1/128") == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert read_networks(" ") == ()
    for ports in ("", "0", "70000", "x"):
        with pytest.raises(ValueError, match=r".+"):
            read_ports(ports)
    with pytest.raises(ValueError, match=r".+"):
        read_networks("127.0.0.1/8")


IN_DEVELOPMENT = Allowed(frozenset({443}), loopback=True)


def test_this_machine_may_be_asked_in_development_by_plain_http_and_at_any_port() -> None:
    for url in ("http://127.0.0.1:9000/", "https://[::1]:9000/", "https://127.0.0.1/"):
        read_place(url, IN_DEVELOPMENT)
        with pytest.raises(AddressNotAllowed):
            read_place(url, USUAL)
    named = read_place("http://localhost:9000/", IN_DEVELOPMENT)
    assert named.only_loopback
    assert judge(["127.0.0.1", "::1"], IN_DEVELOPMENT, only_loopback=named.only_loopback) == ("127.0.0.1", "::1")


@pytest.mark.parametrize("number", ["8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_nobody_else_is_asked_so_in_development(number: str) -> None:
    assert judge([number], IN_DEVELOPMENT, only_loopback=True) == ()
    assert judge(["127.0.0.1", number], IN_DEVELOPMENT, only_loopback=True) == ()
    host = f"[{number}]" if ":" in number else number
    for url in (f"http://{host}/", f"https://{host}:9000/"):
        with pytest.raises(AddressNotAllowed):
            read_place(url, IN_DEVELOPMENT)


def test_what_is_public_is_asked_in_development_as_ever() -> None:
    assert not read_place("https://hooks.example/", IN_DEVELOPMENT).only_loopback
    assert judge(["8.8.8.8"], IN_DEVELOPMENT) == ("8.8.8.8",)
