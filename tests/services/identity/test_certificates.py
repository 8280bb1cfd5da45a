import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.principal import system
from services.identity.certificates import actions
from services.identity.certificates.access import client_of_certificate
from services.identity.certificates.domain import CertificateNotReadable, thumbprint
from services.identity.certificates.paper import Anchors
from tests.certificates import DAY, Issued, issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import OPERATOR, Person, Said, Team, World


async def register(world: World, by: Person | None, issued: Issued | None = None, **given: Any) -> Said:
    return await world.do("register_certificate", by, pem=(issued or issue()).pem, **given)


async def proves(world: World, client_id: str, issued: Issued) -> bool:
    found = await client_of_certificate(world.store.reader(), client_id, issued.pem)
    return found is not None and found[0].client_id == client_id and found[1].thumbprint == thumbprint(issued.pem)


async def test_a_certificate_is_registered_shown_and_announced(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    issued = issue(common="robot")
    said = await register(world, owner, issued, application_id=application_id, name="  Night  robot ")
    made = said.result
    assert made["name"] == "Night robot"
    assert made["subject"] == made["issuer"] == "CN=robot,O=Dienests,C=LV"
    assert made["serial_number"] == f"{issued.certificate.serial_number:x}"
    assert made["thumbprint"] == thumbprint(issued.pem)
    assert (made["status"], made["revoked_at"], made["last_used_at"], made["chained_to"]) == ("VALID", None, None, None)
    assert (made["application_id"], made["organization_id"]) == (application_id, organization_id)
    [row] = (await world.load("certificates_by_id", [made["id"]], owner)).rows
    assert row == made
    [listed] = (await world.load("certificates_by_application", [application_id], owner)).rows
    assert listed == [made]
    [page] = (await world.load("certificates_by_organization", [organization_id], owner)).rows
    assert page["nodes"] == [made]
    [fact] = await world.facts_about(made["id"], 1)
    assert fact.key == "identity.certificate_registered.v1"
    assert fact.data["thumbprint"] == made["thumbprint"]
    assert (fact.organization, fact.audience, fact.actor) == (organization_id, (organization_id,), owner.user_id)
    assert "robot" not in str(fact.data)
    assert await proves(world, client_id, issued)


async def test_a_certificate_proves_its_application_alone_or_all_of_its_organization(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    first = await world.application(organization_id, owner, "First")
    second = await world.application(organization_id, owner, "Second")
    own, shared = issue(), issue()
    assert (await register(world, owner, own, application_id=first[0])).status == 200
    assert (await register(world, owner, shared, organization_id=organization_id)).status == 200
    assert await proves(world, first[1], own)
    assert not await proves(world, second[1], own)
    assert await proves(world, first[1], shared)
    assert await proves(world, second[1], shared)
    assert not await proves(world, "pci_unknown", shared)
    assert not await proves(world, first[1], issue())
    assert await client_of_certificate(world.store.reader(), first[1], "not a certificate") is None


async def test_registering_a_foreign_certificate_gives_nothing_and_stands_in_nobodys_way(world: World) -> None:
    victim, thief = await world.someone(), await world.someone()
    theirs, own = await world.organization(victim), await world.organization(thief)
    robot = await world.application(theirs, victim)
    decoy = await world.application(own, thief)
    issued = issue()
    assert (await register(world, thief, issued, application_id=decoy[0])).status == 200
    assert (await register(world, victim, issued, application_id=robot[0])).status == 200
    assert await proves(world, robot[1], issued)
    # Whoever holds the key may act for the thief's application, if the thief wants it so; the thief still lacks the key.
    assert await proves(world, decoy[1], issued)


async def test_two_overlap_and_the_third_has_to_wait(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    old, new = issue(), issue()
    first = (await register(world, owner, old, application_id=application_id)).result
    assert (await register(world, owner, new, application_id=application_id)).status == 200
    assert await proves(world, client_id, old)
    assert await proves(world, client_id, new)
    assert (await register(world, owner, application_id=application_id)).code == "TWO_CERTIFICATES_LIVE"
    assert (await register(world, owner, organization_id=organization_id)).status == 200
    revoked = (await world.do("revoke_certificate", owner, certificate_id=first["id"], reason="replaced")).result
    assert (revoked["status"], revoked["revocation_reason"]) == ("REVOKED", "replaced")
    assert not await proves(world, client_id, old)
    assert (await register(world, owner, application_id=application_id)).status == 200


async def test_many_at_once_still_leave_two(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, _, _ = await world.application(organization_id, owner)
    said = await asyncio.gather(*(register(world, owner, application_id=application_id) for _ in range(6)))
    assert sorted(each.status for each in said) == [200, 200, 409, 409, 409, 409]


async def test_the_same_certificate_is_registered_once_in_an_organization_and_never_after_it_was_revoked(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, _, _ = await world.application(organization_id, owner)
    issued = issue()
    made = (await register(world, owner, issued, application_id=application_id)).result
    again = await register(world, owner, issued, organization_id=organization_id)
    assert (again.status, again.code, again.fields) == (409, "CERTIFICATE_REGISTERED_ALREADY", ["pem"])
    first = (await world.do("revoke_certificate", owner, certificate_id=made["id"])).result
    assert (await world.do("revoke_certificate", owner, certificate_id=made["id"], reason="twice")).result == first
    assert (await register(world, owner, issued, application_id=application_id)).code == "CERTIFICATE_REVOKED_BEFORE"
    facts = await world.facts_about(made["id"], 2)
    assert facts[1].key == "identity.certificate_revoked.v1"
    assert facts[1].data["thumbprint"] == made["thumbprint"]


async def test_for_what_is_said_exactly_once(world: World, team: Team) -> None:
    owner = team.members["OWNER"]
    neither = await register(world, owner)
    both = await register(world, owner, organization_id=team.organization_id, application_id="app_1")
    for said in (neither, both):
        assert (said.status, said.code) == (422, "APPLICATION_OR_ORGANIZATION")
        assert said.fields == ["application_id", "organization_id"]


async def test_who_may_register_and_revoke(world: World, team: Team) -> None:
    owner = team.members["OWNER"]
    for role, may_application, may_organization in (
        ("OWNER", True, True),
        ("ADMINISTRATOR", True, True),
        ("DEVELOPER", True, False),
        ("OBSERVER", False, False),
    ):
        application_id, _, _ = await world.application(team.organization_id, owner, f"For {role}")
        person = team.members[role]
        places: tuple[tuple[dict[str, Any], bool], ...] = (
            ({"application_id": application_id}, may_application),
            ({"organization_id": team.organization_id}, may_organization),
        )
        for given, may in places:
            said = await register(world, person, **given)
            assert said.status == (200 if may else 403), (role, given, said.body)
            made = said.result if may else (await register(world, owner, **given)).result
            revoked = await world.do("revoke_certificate", person, certificate_id=made["id"])
            assert revoked.status == (200 if may else 403), (role, given, revoked.body)
            assert (await world.do("revoke_certificate", owner, certificate_id=made["id"])).status == 200


async def test_a_stranger_gets_the_same_as_for_what_does_not_exist(world: World, team: Team) -> None:
    owner, stranger = team.members["OWNER"], team.stranger
    application_id, _, _ = await world.application(team.organization_id, owner, "Secluded")
    made = (await register(world, owner, application_id=application_id)).result
    pem = issue().pem
    for verb, known, unknown in (
        ("register_certificate", {"application_id": application_id, "pem": pem}, {"application_id": "app_0", "pem": pem}),
        ("register_certificate", {"organization_id": team.organization_id, "pem": pem}, {"organization_id": "org_0", "pem": pem}),
        ("register_certificate", {"application_id": application_id, "pem": "x"}, {"application_id": "app_0", "pem": "x"}),
        ("revoke_certificate", {"certificate_id": made["id"]}, {"certificate_id": "crt_0"}),
    ):
        foreign = await world.do(verb, stranger, **known)
        assert foreign.without_trace == (await world.do(verb, stranger, **unknown)).without_trace
        assert foreign.status == 404
        assert (await world.do(verb, **known)).code == "SIGN_IN_FIRST"
    for by in (stranger, None):
        for name, key in (
            ("certificates_by_id", made["id"]),
            ("certificates_by_application", application_id),
            ("certificates_by_organization", team.organization_id),
            ("expiring_certificates_by_organization", team.organization_id),
            ("expiring_certificates", "all"),
        ):
            assert (await world.load(name, [key], by)).rows == [None], name
    for role in team.members.values():
        assert (await world.load("certificates_by_id", [made["id"]], role)).rows[0]["id"] == made["id"]


async def test_the_operator_registers_for_an_organization_and_sees_all_that_end_soon(make_world: MakeWorld) -> None:
    world = await make_world()
    operator = await world.someone(email=OPERATOR)
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    issued = issue(not_after=datetime.now(UTC) + 3 * DAY)
    made = (await register(world, operator, issued, organization_id=organization_id)).result
    assert made["status"] == "EXPIRING"
    assert await proves(world, client_id, issued)
    assert (await register(world, operator, organization_id="org_0")).code == "NOT_FOUND"
    assert (await register(world, operator, application_id=application_id)).code == "NOT_FOUND"
    [page] = (await world.load("expiring_certificates", ["all"], operator, within_days=4, first=100)).rows
    assert made["id"] in [each["id"] for each in page["nodes"]]
    assert (await world.load("certificates_by_id", [made["id"]], operator)).rows[0]["id"] == made["id"]
    assert (await world.load("expiring_certificates", ["all"], owner)).rows == [None]
    assert (await world.do("revoke_certificate", operator, certificate_id=made["id"])).result["status"] == "REVOKED"
    again = issue()
    certificate = await world.store.transact(
        system("test"), lambda tx: actions.register_for_organization(tx, organization_id, again.pem, Anchors())
    )
    assert (certificate.organization_id, certificate.application_id) == (organization_id, None)


async def test_the_calendar_has_the_soonest_first_and_comes_in_pages(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    ends = []
    for number, days in enumerate((25, 3, 300, 12)):
        application_id, _, _ = await world.application(organization_id, owner, f"Robot {number}")
        issued = issue(not_after=datetime.now(UTC) + days * DAY)
        ends.append((days, (await register(world, owner, issued, application_id=application_id)).result["id"]))
    wanted = [each for days, each in sorted(ends) if days < 30]
    seen: list[str] = []
    after = None
    for _ in wanted:
        args = {"within_days": 30, "first": 1} | ({"after": after} if after else {})
        [page] = (await world.load("expiring_certificates_by_organization", [organization_id], owner, **args)).rows
        seen += [each["id"] for each in page["nodes"]]
        after = page["cursors"][-1]
    assert seen == wanted
    assert page["next"] is None
    for args in ({"within_days": 0}, {"within_days": True}, {"within_days": 10**9}, {"after": "W10"}, {"after": "WyJhIiwiYiJd"}):
        said = await world.load("expiring_certificates_by_organization", [organization_id], owner, **args)
        assert said.status == 422, args
    [first] = (await world.load("certificates_by_organization", [organization_id], owner, first=3)).rows
    [rest] = (await world.load("certificates_by_organization", [organization_id], owner, after=first["next"])).rows
    assert [each["id"] for each in first["nodes"] + rest["nodes"]] == [each for _, each in reversed(ends)]


async def test_use_is_noted_about_every_minute(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    issued = issue()
    made = (await register(world, owner, issued, application_id=application_id)).result

    async def use() -> datetime | None:
        found = await client_of_certificate(world.store.reader(), client_id, issued.pem)
        assert found is not None
        await actions.note_use(world.store.reader(), found[1])
        [row] = (await world.load("certificates_by_id", [made["id"]], owner)).rows
        return datetime.fromisoformat(row["last_used_at"])

    first = await use()
    assert await use() == first
    world.clock.ahead += timedelta(minutes=2)
    assert await use() != first


async def test_what_is_deleted_takes_its_certificates_along(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    issued = issue()
    made = (await register(world, owner, issued, application_id=application_id)).result
    await world.do("delete_application", owner, application_id=application_id)
    assert not await proves(world, client_id, issued)
    facts = await world.facts_about(made["id"], 2)
    assert facts[1].key == "identity.certificate_revoked.v1"
    # It was revoked only because its application is gone: it may serve another one.
    another, another_client, _ = await world.application(organization_id, owner, "Another")
    assert (await register(world, owner, issued, application_id=another)).status == 200
    assert await proves(world, another_client, issued)


async def test_the_end_is_announced_at_each_threshold_once_by_however_many(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner, "Night robot")
    issued = issue(not_after=datetime.now(UTC) + 100 * DAY)
    made = (await register(world, owner, issued, application_id=application_id)).result
    soon = issue(not_after=datetime.now(UTC) + 5 * DAY)
    short = (await register(world, owner, soon, organization_id=organization_id, name="Shared")).result
    for days in (71, 5, 18, 4, 1):  # 29, 24, 6, 2, 1 and a bit … days are left
        world.clock.ahead += days * DAY
        await asyncio.gather(*(actions.remind_due(world.store) for _ in range(4)))
    facts = await world.facts_about(made["id"], 4)
    assert [(each.key.split(".")[1], each.data.get("days_left")) for each in facts[1:]] == [
        ("certificate_expiring", 30),
        ("certificate_expiring", 7),
        ("certificate_expiring", 1),
    ]
    # It was registered five days before its end, and nobody looked before 71 days had passed: there is nothing left to tell.
    assert [each.key for each in await world.facts_about(short["id"], 1)] == ["identity.certificate_registered.v1"]
    assert facts[1].data["name"]
    world.clock.ahead += 5 * DAY
    assert not await proves(world, client_id, issued)


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----", "ā", "\ud800"])
def test_what_is_no_certificate_has_no_thumbprint(text: str) -> None:
    with pytest.raises(CertificateNotReadable):
        thumbprint(text)
