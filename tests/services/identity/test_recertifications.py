"""Members and certificates that were not confirmed in time stand still; those that were given up end. In any order."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import orjson

from chassis.bus import Message
from chassis.republishing import batches
from services.identity.republishing import KINDS
from tests.certificates import issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.inviting import invite, told
from tests.services.identity.test_certificates import proves
from tests.services.identity.world import World
from tests.services.stage import envelope

_numbers = itertools.count(1)


def item(world: World, fact: str, kind: str, subject_id: str, *, of: str, **how: Any) -> Message:
    data = {"campaign_id": "cam_1", "item_id": "itm", "kind": kind, "subject_id": subject_id, "organization_id": of}
    item_id = how.get("item_id") or f"itm_{next(_numbers)}"
    made = envelope(f"recertification.item_{fact}.v1", item_id, how.get("sequence", 1), {**data, "provider_id": None})
    moment = world.clock.now() + timedelta(minutes=how.get("minutes", 0))
    return Message(made.id, made.key, orjson.dumps(orjson.loads(made.body) | {"time": moment.isoformat()}))


async def hear(world: World, *messages: Message) -> None:
    for message in messages:
        for reaction in world.service.wired_reactions():
            if message.key in reaction.keys:
                await reaction.handle(message)


async def stated(world: World, name: str) -> list[str]:
    """Return what is stated anew of a kind of thing, the latest first."""
    [kind] = [each for each in KINDS if each.name == name]
    return [each.key.split(".")[1] async for messages, _ in batches(world.store, kind) for each in messages]


async def is_in(world: World, person: Any, of: str) -> bool:
    rows = (await world.load("memberships_of_viewer", ["me"], person)).rows[0]
    return of in [each["organization_id"] for each in rows]


async def test_a_member_who_was_not_confirmed_has_no_rights_until_they_are(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    member, owner, of = team.members["ADMINISTRATOR"], team.members["OWNER"], team.organization_id
    assert (await world.do("create_application", member, organization_id=of, name="First")).status == 200
    suspend = item(world, "not_confirmed", "MEMBER", member.user_id, of=of, item_id="itm_a")
    await hear(world, suspend, suspend)
    assert (await world.do("create_application", member, organization_id=of, name="Second")).code == "NOT_FOUND"
    assert (await world.load("organizations_by_id", [of], member)).rows == [None]
    assert not await is_in(world, member, of)
    claims = orjson.loads(_part(await world.passport(member)))
    assert of not in claims["organizations"]

    [listed] = (await world.load("memberships_by_organization", [of], owner)).rows
    since = {each["user_id"]: each["suspended_at"] for each in listed["nodes"]}
    assert datetime.fromisoformat(since.pop(member.user_id)) <= world.clock.now()
    assert set(since.values()) == {None}

    confirm = item(world, "confirmed", "MEMBER", member.user_id, of=of, item_id="itm_a", sequence=2, minutes=1)
    await hear(world, confirm, suspend, confirm)
    assert (await world.do("create_application", member, organization_id=of, name="Second")).status == 200
    assert await is_in(world, member, of)
    facts = [each.key.split(".")[1] for each in await world.facts_about(of, 10)]
    assert [each for each in facts if each.endswith(("suspended", "resumed"))] == ["member_suspended", "member_resumed"]


def _part(passport: str) -> bytes:
    import base64

    text = passport.split(".")[1]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_who_invited_and_is_suspended_since_is_not_told_who_has_joined(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    administrator, owner, of = team.members["ADMINISTRATOR"], team.members["OWNER"], team.organization_id
    first, second = await world.someone("First"), await world.someone("Second")
    invitations = [
        (first, await invite(world, administrator, of, first.email)),
        (second, await invite(world, owner, of, second.email)),
    ]
    await hear(world, item(world, "not_confirmed", "MEMBER", administrator.user_id, of=of))
    for guest, invitation_id in invitations:
        assert (await world.do("accept_invitation", guest, invitation_id=invitation_id)).status == 200
    await told(world, owner.email, f"{second.email} has joined")
    assert not [mail for mail in world.inbox.to(administrator.email) if first.email in mail["Subject"]]


async def test_out_of_order_what_was_said_last_counts(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    member, of = team.members["DEVELOPER"], team.organization_id
    for order in itertools.permutations(range(3)):
        said = [
            item(world, "not_confirmed", "MEMBER", member.user_id, of=of, item_id=f"itm_x{order}"),
            item(world, "confirmed", "MEMBER", member.user_id, of=of, item_id=f"itm_x{order}", sequence=2, minutes=1),
            item(world, "not_confirmed", "MEMBER", member.user_id, of=of, item_id=f"itm_y{order}", minutes=2),
        ]
        await hear(world, *(said[each] for each in order))
        assert not await is_in(world, member, of)
        await hear(world, item(world, "confirmed", "MEMBER", member.user_id, of=of, minutes=3))
        assert await is_in(world, member, of)
        world.clock.ahead += timedelta(minutes=5)


async def test_the_owner_is_never_suspended_nor_removed(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    owner, administrator, of = team.members["OWNER"], team.members["ADMINISTRATOR"], team.organization_id
    for fact in ("not_confirmed", "given_up"):
        await hear(world, item(world, fact, "MEMBER", owner.user_id, of=of))
    assert (await world.do("rename_organization", owner, organization_id=of, name="Still mine")).status == 200
    await hear(world, item(world, "not_confirmed", "MEMBER", administrator.user_id, of=of))
    assert (await world.do("transfer_ownership", owner, organization_id=of, user_id=administrator.user_id)).status == 200
    assert (await world.do("rename_organization", administrator, organization_id=of, name="Now mine")).status == 200


async def test_who_was_given_up_is_removed_and_may_join_anew(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    observer, owner, of = team.members["OBSERVER"], team.members["OWNER"], team.organization_id
    late = item(world, "not_confirmed", "MEMBER", observer.user_id, of=of, minutes=-1)
    given = item(world, "given_up", "MEMBER", observer.user_id, of=of)
    await hear(world, given, given, item(world, "given_up", "MEMBER", observer.user_id, of=of))
    assert not await is_in(world, observer, of)
    world.clock.ahead += timedelta(minutes=1)
    await world.join(of, owner, observer, "OBSERVER")
    await hear(world, late)
    assert await is_in(world, observer, of), "what was said before they joined is not about them"


async def test_a_certificate_that_was_not_confirmed_proves_nothing_until_it_is(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    of = await world.organization(owner)
    application_id, client_id, _ = await world.application(of, owner)
    issued = issue()
    held = (await world.do("register_certificate", owner, application_id=application_id, pem=issued.pem)).result
    assert await proves(world, client_id, issued)
    suspend = item(world, "not_confirmed", "CERTIFICATE", held["id"], of=of, item_id="itm_c")
    confirm = item(world, "confirmed", "CERTIFICATE", held["id"], of=of, item_id="itm_c", sequence=2, minutes=1)
    await hear(world, suspend, suspend)
    assert not await proves(world, client_id, issued)
    [row] = (await world.load("certificates_by_id", [held["id"]], owner)).rows
    assert row["status"] == "SUSPENDED"
    assert await stated(world, "certificate") == ["certificate_suspended", "certificate_registered"]
    await hear(world, confirm, suspend, confirm)
    assert await proves(world, client_id, issued)
    given = item(world, "given_up", "CERTIFICATE", held["id"], of=of)
    await hear(world, given, given)
    [row] = (await world.load("certificates_by_id", [held["id"]], owner)).rows
    assert (row["status"], row["revocation_reason"]) == ("REVOKED", "It was given up in a recertification.")
    await hear(world, item(world, "not_confirmed", "CERTIFICATE", held["id"], of=of, minutes=2))
    assert await stated(world, "certificate") == ["certificate_revoked", "certificate_registered"]
    facts = [each.key.split(".")[1] for each in await world.facts_about(held["id"], 4)]
    assert facts == ["certificate_registered", "certificate_suspended", "certificate_resumed", "certificate_revoked"]


async def test_a_user_is_seen_once_a_day(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    first = await world.facts_about(f"{person.user_id}:days", 1)
    assert [(each.key, each.data["day"]) for each in first] == [("identity.user_seen.v1", world.clock.now().date().isoformat())]
    for _ in range(2):
        person.passports.clear()
        await world.load("memberships_of_viewer", ["me"], person)
    world.clock.ahead += timedelta(days=1)
    for _ in range(2):
        person.passports.clear()
        await world.load("memberships_of_viewer", ["me"], person)
    facts = await world.facts_about(f"{person.user_id}:days", 2)
    assert [each.data["day"] for each in facts][1] == world.clock.now().date().isoformat()
    assert len(await world.facts_about(f"{person.user_id}:days", 2)) == 2
