"""Which certificates are taken, and what is said of those that are not."""

import secrets
from base64 import encodebytes
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from chassis.errors import Refusal
from services.identity.certificates.anchors import AnchorsNotUsable, read_anchors
from services.identity.certificates.paper import Anchors, read_and_judge
from tests.certificates import DAY, Issued, a_key, authority, issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import Said, Team, World

NOW = datetime.now(UTC)


def _flipped(pem: str) -> str:
    lines = pem.splitlines()
    lines[3] = lines[3][::-1]
    return "\n".join(lines)


REFUSED: dict[str, tuple[str, Any]] = {
    "nothing": ("CERTIFICATE_NOT_READABLE", lambda: ""),
    "words": ("CERTIFICATE_NOT_READABLE", lambda: "give me access"),
    "no base64": ("CERTIFICATE_NOT_READABLE", lambda: "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
    "no DER": ("CERTIFICATE_NOT_READABLE", lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    "a broken one": ("CERTIFICATE_NOT_READABLE", lambda: _flipped(issue().pem)),
    "not ASCII": ("CERTIFICATE_NOT_READABLE", lambda: issue().pem + "ā"),
    "too large": ("CERTIFICATE_NOT_READABLE", lambda: issue().pem + "#" * 32 * 1024),
    "far too large": ("INPUT_NOT_USABLE", lambda: "#" * 300 * 1024),
    "too many": ("CERTIFICATE_NOT_READABLE", lambda: issue().pem * 11),
    "a request for one": ("CERTIFICATE_NOT_READABLE", lambda: issue().pem.replace("CERTIFICATE", "CERTIFICATE REQUEST")),
    "long names": ("CERTIFICATE_NOT_READABLE", lambda: _named("x" * 64, 20).pem),
    "its private key": ("PRIVATE_KEY_GIVEN", lambda: issue().key_pem),
    "with its private key": ("PRIVATE_KEY_GIVEN", lambda: (each := issue()).pem + each.key_pem),
    "an old kind of private key": (
        "PRIVATE_KEY_GIVEN",
        lambda: issue().pem + "-----begin rsa private  key-----\nAAAA\n-----end rsa private  key-----",
    ),
    "an issuer": ("CERTIFICATE_NOT_FOR_CLIENTS", lambda: authority().pem),
    "of a server": ("CERTIFICATE_NOT_FOR_CLIENTS", lambda: issue(usages=[ExtendedKeyUsageOID.SERVER_AUTH]).pem),
    "for mail": ("CERTIFICATE_NOT_FOR_CLIENTS", lambda: issue(usages=[ExtendedKeyUsageOID.EMAIL_PROTECTION]).pem),
    "not for signing": ("CERTIFICATE_NOT_FOR_CLIENTS", lambda: issue(digital_signature=False).pem),
    "expired": ("CERTIFICATE_EXPIRED", lambda: issue(not_before=NOW - 9 * DAY, not_after=NOW - timedelta(seconds=1)).pem),
    "of tomorrow": ("CERTIFICATE_NOT_YET_VALID", lambda: issue(not_before=NOW + DAY).pem),
    "a short RSA key": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("RSA-1024")).pem),
    "a DSA key": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("DSA")).pem),
    "a small curve": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("P-224")).pem),
    "a foreign curve": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("secp256k1")).pem),
    "Ed448": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("Ed448")).pem),
    "a short hash": ("CERTIFICATE_TOO_WEAK", lambda: issue(key=a_key("RSA-2048"), hash=hashes.SHA224()).pem),
}


def _named(text: str, times: int) -> Issued:
    key = a_key()
    names = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, text) for _ in range(times)])
    built = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(key, hashes.SHA256())
    )
    return Issued(built, key)


async def _register(world: World, team: Team, pem: str) -> Said:
    owner = team.members["OWNER"]
    application_id, _, _ = await world.application(team.organization_id, owner, f"Robot {secrets.token_hex(8)}")
    return await world.do("register_certificate", owner, application_id=application_id, pem=pem)


@pytest.mark.parametrize("kind", list(REFUSED))
async def test_what_cannot_prove_a_client_is_refused_with_the_mend(world: World, team: Team, kind: str) -> None:
    code, make = REFUSED[kind]
    said = await _register(world, team, make())
    assert (said.status, said.code, said.fields) == (422, code, ["pem"]), said.body
    assert "BEGIN" not in str(said.body).replace("-----BEGIN CERTIFICATE-----, its lines", "")


async def test_a_private_key_is_neither_kept_nor_logged_nor_told(
    world: World, team: Team, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    issued = issue()
    canary = issued.key_pem.splitlines()[2]
    said = await _register(world, team, issued.pem + issued.key_pem)
    assert said.code == "PRIVATE_KEY_GIVEN"
    assert canary not in str(said.body) + caplog.text + "".join(capfd.readouterr())
    for name in await world.store.database.list_collection_names():
        async for row in world.store.database[name].find({}):
            assert canary not in str(row), name


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048", "Ed25519"])
async def test_strong_keys_are_taken(world: World, team: Team, kind: str) -> None:
    assert (await _register(world, team, issue(key=a_key(kind), common=secrets.token_hex(4)).pem)).status == 200


@pytest.mark.parametrize(
    "order",
    [
        {"usages": None},
        {"usages": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]},
        {"usages": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]},
        {"digital_signature": None, "is_ca": None, "usages": None},
        {"not_before": timedelta(minutes=2)},
    ],
)
async def test_what_is_silent_about_its_purpose_is_taken(world: World, team: Team, order: dict[str, Any]) -> None:
    if "not_before" in order:
        order = {"not_before": datetime.now(UTC) + order["not_before"]}
    said = await _register(world, team, issue(**order).pem)
    assert said.result["status"] == ("NOT_YET_VALID" if "not_before" in order else "VALID")


async def test_names_stay_in_one_line(world: World, team: Team) -> None:
    made = (await _register(world, team, _named("a\nb\u202ec", 1).pem)).result
    assert made["subject"] == "OU=a\\0Ab\\E2\\80\\AEc"


async def test_with_anchors_a_certificate_has_to_chain_to_one(make_world: MakeWorld, tmp_path: Path) -> None:
    root, other = authority("Root"), authority("Other")
    between = authority("Between", root)
    (tmp_path / "anchors").mkdir()
    (tmp_path / "anchors" / "root.pem").write_text(root.pem)
    (tmp_path / "anchors" / "README").write_text("not a certificate")
    world = await make_world(certificate_anchors_dir=tmp_path / "anchors")
    team = await world.team()
    good = issue(common="direct", by=root)
    made = (await _register(world, team, good.pem)).result
    assert made["chained_to"] == "CN=Root,O=Dienests,C=LV"
    through = issue(common="through", by=between)
    assert (await _register(world, team, through.pem + between.pem)).result["chained_to"] == "CN=Root,O=Dienests,C=LV"
    edwards = issue(common="edwards", by=root, key=a_key("Ed25519"))
    assert (await _register(world, team, edwards.pem)).status == 200
    forged = authority("Root", key=a_key("P-384"))
    not_an_issuer = issue(common="no issuer", by=root)
    late = issue(common="late", by=root, not_after=datetime.now(UTC) - timedelta(seconds=1))
    for kind, pem, code in (
        ("without the issuer between", issue(common="x", by=between).pem, "CERTIFICATE_NOT_TRUSTED"),
        ("of another issuer", issue(common="x", by=other).pem + other.pem, "CERTIFICATE_NOT_TRUSTED"),
        ("signed by itself", issue(common="x").pem, "CERTIFICATE_NOT_TRUSTED"),
        ("of one that calls itself so", issue(common="x", by=forged).pem + forged.pem, "CERTIFICATE_NOT_TRUSTED"),
        ("of one that may not issue", issue(common="x", by=not_an_issuer).pem + not_an_issuer.pem, "CERTIFICATE_NOT_TRUSTED"),
        ("expired", late.pem, "CERTIFICATE_EXPIRED"),
    ):
        said = await _register(world, team, pem)
        assert (said.status, said.code, said.fields) == (422, code, ["pem"]), kind


def test_a_folder_of_anchors_that_says_less_than_was_meant_stops_the_start(tmp_path: Path) -> None:
    assert read_anchors(None) == Anchors()
    with pytest.raises(AnchorsNotUsable, match="no issuer"):
        read_anchors(tmp_path)
    with pytest.raises(AnchorsNotUsable, match="cannot be read"):
        read_anchors(tmp_path / "missing")
    (tmp_path / "root.crt").write_text("rubbish")
    with pytest.raises(AnchorsNotUsable, match="cannot be read"):
        read_anchors(tmp_path)


def test_every_prefix_and_every_flipped_byte_is_judged_without_a_failure() -> None:
    """Whatever stands in the DER, the answer is a paper or a refusal."""
    der = issue(key=a_key()).certificate.public_bytes(serialization.Encoding.DER)
    tried = 0
    for place in range(len(der)):
        for value in (der[place] ^ 0x01, der[place] ^ 0x80, 0x00, 0xFF):
            changed = der[:place] + bytes([value]) + der[place + 1 :]
            pem = f"-----BEGIN CERTIFICATE-----\n{encodebytes(changed).decode()}-----END CERTIFICATE-----\n"
            try:
                read_and_judge(pem, Anchors(), NOW)
            except Refusal:
                tried += 1
    assert tried > 100
