"""The operator's desk: what somebody calls about is found, by whatever they say of it, by the staff in question alone."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from services.identity.accounts.domain import PlatformRole
from services.identity.certificates.domain import thumbprint_of
from services.identity.desk import actions
from services.identity.words import Sought, fold
from tests.certificates import issue
from tests.services.identity.filing import Bureau, staff
from tests.services.identity.world import Person

FINDING = (PlatformRole.OPERATOR_ADMINISTRATOR, PlatformRole.SUPPORT, PlatformRole.BUSINESS_REPRESENTATIVE)


class Desk:
    """An operator, and an organization with one of each thing that can be found."""

    def __init__(self, bureau: Bureau) -> None:
        self.bureau = bureau
        self.world = bureau.world

    async def furnish(self) -> "Desk":
        world, do = self.world, self.world.do
        self.owner = await world.someone("Olga")
        self.organization_id = await world.organization(self.owner, "Zaļā Ēdnīca")
        self.application_id, self.client_id, _ = await world.application(self.organization_id, self.owner, "Adrešu meklētājs")
        self.issued = issue(common="robots.zalaednica.example")
        given = {"application_id": self.application_id, "pem": self.issued.pem, "name": "Nakts robots"}
        self.certificate = (await do("register_certificate", self.owner, **given)).result
        request_id = await self.bureau.submitted(self.owner, self.organization_id)
        approval = {"request_id": request_id, "despite_finding": "Known to me."}
        self.number = (await self.bureau.do("approve", self.bureau.operator, **approval)).result["number"]
        [exchange] = (await world.load("data_exchanges_by_organization", [self.organization_id], self.owner)).rows
        self.exchange_id = exchange["id"]
        return self

    async def look(self, text: Any, by: Person | None = None, **more: Any) -> Any:
        return await self.world.load("operator_find", ["all"], by or self.bureau.operator, text=text, **more)

    async def find(self, text: str, by: Person | None = None, **more: Any) -> list[tuple[str, str, str]]:
        """Return what is found: its kind, its id, by what."""
        [row] = (await self.look(text, by, **more)).rows
        return [(each["kind"], each["thing"]["id"], each["by"]) for each in row["found"]]


@pytest.fixture(scope="module")
async def desk(bureau: Bureau) -> Desk:
    return await Desk(bureau).furnish()


async def test_each_thing_is_found_by_all_that_it_is_called(desk: Desk) -> None:
    organization = ("ORGANIZATION", desk.organization_id)
    application, exchange = ("APPLICATION", desk.application_id), ("DATA_EXCHANGE", desk.exchange_id)
    certificate = ("CERTIFICATE", desk.certificate["id"])
    paper = desk.issued.certificate
    hexadecimal = f"{paper.serial_number:x}"
    pairs = hexadecimal.zfill(len(hexadecimal) + len(hexadecimal) % 2)
    colons = ":".join(pairs[place : place + 2] for place in range(0, len(pairs), 2)).upper()
    print_of = thumbprint_of(paper)
    fingerprint = paper.fingerprint(hashes.SHA256()).hex(":").upper()
    for text, what, by in [
        (desk.organization_id, organization, "ID"),
        ("Zaļā Ēdnīca", organization, "NAME"),
        ("zala ednica", organization, "NAME"),
        ("ZAĻĀ", organization, "NAME"),
        ("ednica zala", organization, "NAME"),
        (desk.application_id, application, "ID"),
        (f"  {desk.client_id} ", application, "CLIENT_ID"),
        (desk.client_id[:10], application, "CLIENT_ID"),
        ("mekletaj", application, "NAME"),
        (desk.exchange_id, exchange, "ID"),
        (desk.number, exchange, "NUMBER"),
        (desk.number.lower(), exchange, "NUMBER"),
        (desk.certificate["id"], certificate, "ID"),
        ("nakts rob", certificate, "NAME"),
        (hexadecimal, certificate, "SERIAL_NUMBER"),
        (colons, certificate, "SERIAL_NUMBER"),
        (colons[:11], certificate, "SERIAL_NUMBER"),
        (print_of, certificate, "THUMBPRINT"),
        (fingerprint, certificate, "THUMBPRINT"),
        ("robots.zalaednica.example", certificate, "SUBJECT"),
        ("cn=ROBOTS.zala", certificate, "SUBJECT"),
        ("zalaednica dienests", certificate, "SUBJECT"),
    ]:
        assert (*what, by) in await desk.find(text), text


async def test_what_answers_best_comes_first(desk: Desk) -> None:
    world = desk.world
    names = ("Kalnu pasts un citi", "Pasts", "Pasts kalnos", "Kalns")
    ids = {name: await world.organization(desk.owner, name) for name in names}
    found = [each[1] for each in await desk.find("pasts")]
    assert found == [ids["Pasts"], ids["Pasts kalnos"], ids["Kalnu pasts un citi"]]
    [page] = (await desk.look("pasts", first=2)).rows
    assert [each["thing"]["id"] for each in page["found"]] == found[:2]
    assert page["has_more"] is True
    assert (await desk.look("pasts", first=3)).rows[0]["has_more"] is False


async def test_a_new_name_finds_and_an_old_one_does_not(desk: Desk) -> None:
    world = desk.world
    organization_id = await world.organization(desk.owner, "Vecais vārds")
    application_id, _, _ = await world.application(organization_id, desk.owner, "Vecais robots")
    await world.do("rename_organization", desk.owner, organization_id=organization_id, name="Jaunais vārds")
    await world.do("change_application", desk.owner, application_id=application_id, name="Jaunais robots")
    assert await desk.find("vecais") == []
    assert {each[1] for each in await desk.find("jaunais")} == {organization_id, application_id}
    await world.do("delete_application", desk.owner, application_id=application_id)
    await world.do("delete_organization", desk.owner, organization_id=organization_id, name="Jaunais vārds")
    assert await desk.find("jaunais") == []


async def test_what_is_shown_tells_which_is_meant(desk: Desk) -> None:
    rows = [
        (await desk.look(text)).rows[0]["found"][0]["thing"] for text in (desk.client_id, desk.number, desk.certificate["id"])
    ]
    for row in rows:
        assert (row["organization_id"], row["organization_name"]) == (desk.organization_id, "Zaļā Ēdnīca")
    assert rows[0]["client_id"] == desk.client_id
    assert (rows[2]["status"], rows[2]["application_id"]) == ("VALID", desk.application_id)
    revoked = await desk.world.do("revoke_certificate", desk.owner, certificate_id=desk.certificate["id"], reason="Lost.")
    assert revoked.status == 200
    assert (await desk.look(desk.certificate["thumbprint"])).rows[0]["found"][0]["thing"]["status"] == "REVOKED"


@pytest.mark.parametrize("role", PlatformRole)
async def test_each_role_finds_what_it_works_on(desk: Desk, role: PlatformRole) -> None:
    person = await staff(desk.world, role)
    kinds = [
        {each["kind"] for each in row["found"]} if row else None
        for text in ("zala ednica", desk.client_id, desk.number, desk.certificate["id"], *(() if role in FINDING else ("x",)))
        for row in (await desk.look(text, person)).rows
    ]
    if role not in FINDING:
        assert kinds == [None] * 5
    elif role is PlatformRole.BUSINESS_REPRESENTATIVE:
        assert kinds == [{"ORGANIZATION"}, {"APPLICATION"}, {"DATA_EXCHANGE"}, set()]
    else:
        assert kinds == [{"ORGANIZATION"}, {"APPLICATION"}, {"DATA_EXCHANGE"}, {"CERTIFICATE"}]


async def test_nobody_else_finds_anything_or_learns_what_there_is(desk: Desk) -> None:
    world = desk.world
    for by in (desk.owner, await world.someone("Stranger")):
        for text in (desk.organization_id, "zala", "x", ""):
            assert (await desk.look(text, by)).rows == [None]
    assert (await world.load("operator_find", ["all"], None, text="zala")).rows == [None]


@pytest.mark.parametrize("text", ["", " ", "a", " ā ", None, 7, "\x00\x01", "a" * 201])
async def test_a_text_that_finds_nothing_in_particular_is_refused(desk: Desk, text: Any) -> None:
    said = await desk.look(text)
    assert (said.status, said.code, said.fields) == (422, "INVALID", ["text"])


@pytest.mark.parametrize(
    # No word of them may begin like a number that was drawn by lot: "a" is the beginning of every sixteenth thumbprint.
    "text",
    ["(.*", "wxyq\x00qyxw", "$where", "^^", "--", "[a-z]{1,54321}", "\\\\", "a" * 200, "%%", '{"$where": 1}', "ﷺ" * 60],
)
async def test_whatever_is_typed_is_text_and_no_pattern(desk: Desk, text: str) -> None:
    assert await desk.find(text) == []


@pytest.mark.parametrize("first", [0, 101, "x", True])
async def test_a_page_that_cannot_be_read_is_refused(desk: Desk, first: Any) -> None:
    said = await desk.look("zala", first=first)
    assert (said.code, said.fields) == ("PAGE_NOT_READABLE", ["first"])


async def test_what_was_kept_before_the_index_is_found_too(desk: Desk) -> None:
    """Documents of an earlier version have no words; the first who looks for something makes them findable."""
    assert await desk.find("zala ednica")  # so it is not the first
    collections = ("organizations", "applications", "data_exchanges", "certificates")
    reader = desk.world.store.reader()
    for name in collections:
        await reader.collection(name).update_many({}, {"$unset": {"words": ""}})
    assert await desk.find("zala ednica") == []
    await actions.adopt_older(reader)
    for text in ("zala ednica", desk.client_id, desk.number, "nakts"):
        assert len(await desk.find(text)) == 1
    for name in collections:
        assert await reader.collection(name).count_documents({"words": None}) == 0


@pytest.mark.parametrize(
    ("text", "whole", "words"),
    [
        ("  Zaļā   Ēdnīca ", "zala ednica", ("zala", "ednica")),
        ("Ёлка-Й", "елка-и", ("елка", "и")),
        ("0A:1b:FF", "0a1bff", ("0a1bff",)),
        ("Straße ﬁ", "strasse fi", ("strasse", "fi")),
        ("a\u0000b", "a b", ("a", "b")),
    ],
)
def test_how_a_text_is_read(text: str, whole: str, words: tuple[str, ...]) -> None:
    sought = Sought.read(text)
    assert (sought.whole, sought.words) == (whole, words)
    assert fold(sought.whole) == sought.whole


async def test_the_queue_in_figures_says_with_whom_it_is(bureau: Bureau) -> None:
    world = bureau.world

    async def figures(by: Person | None) -> Any:
        return (await world.load("onboarding_queue_in_figures", ["all"], by)).rows[0]

    before = await figures(bureau.operator)
    owners = [await world.someone(f"Owner {number}") for number in range(3)]
    requests = [await bureau.submitted(owner, await world.organization(owner)) for owner in owners]
    await bureau.do("take", bureau.operator, request_id=requests[0])
    after = await figures(bureau.operator)
    assert after["waiting"] == before["waiting"] + 3
    held = {each["user_id"]: each["waiting"] for each in after["holders"]}
    held_before = {each["user_id"]: each["waiting"] for each in before["holders"]}
    assert held[bureau.operator.user_id] == held_before.get(bureau.operator.user_id, 0) + 1
    assert held[None] == held_before.get(None, 0) + 2
    assert after["holders"][0]["user_id"] is None
    assert after["oldest_seconds"] == max(each["oldest_seconds"] for each in after["holders"])
    for role in PlatformRole:
        seen = await figures(await staff(world, role))
        assert (seen is not None) == (role in (PlatformRole.OPERATOR_ADMINISTRATOR, PlatformRole.SUPPORT))
    assert await figures(owners[0]) is None
    assert await figures(None) is None


async def test_the_staff_is_named_to_the_staff_alone(bureau: Bureau) -> None:
    world = bureau.world
    outsider = await world.someone("Outsider")
    ids = [bureau.operator.user_id, outsider.user_id, "usr_none"]
    [head, *others] = (await world.load("staff_by_id", ids, await staff(world, "SUPPORT"))).rows
    assert head["user"]["name"] == "Head of the Bureau"
    assert others == [None, None]
    assert (await world.load("staff_by_id", ids, outsider)).rows == [None] * 3
    assert (await world.load("staff_by_id", ids, None)).rows == [None] * 3
