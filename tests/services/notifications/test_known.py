"""What others announce comes in any order, any number of times: what is known in the end is the same; nobody is passed over."""

import itertools
import random

import pytest

from chassis.bus import Message, Reaction
from services.notifications.known import access as known
from services.notifications.known import repository as copies
from services.notifications.known.domain import NotAnnouncedYet
from tests.services.notifications.conftest import MakeRoom
from tests.services.notifications.newsroom import IDS, Newsroom, Portal


def life(room: Newsroom) -> list[Message]:
    """What is announced of an organization whose people come, change and go, in the order in which it happens."""

    def said(fact: str, **data: str) -> Message:
        return room.announcement(f"identity.{fact}.v1", "org_1", {"organization_id": "org_1", **data})

    return [
        room.reachable("usr_a", "a@example.com", name="Anna"),
        room.reachable("usr_b", "b@example.com", name="Boriss"),
        room.reachable("usr_c", "c@example.com", name="Cilda"),
        *room.organization_created("org_1", "Acme", "usr_a"),
        room.joined("org_1", "usr_b", "OBSERVER"),
        room.joined("org_1", "usr_c", "DEVELOPER"),
        said("role_changed", user_id="usr_b", role="ADMINISTRATOR", former_role="OBSERVER"),
        said("owner_changed", owner_id="usr_b", former_owner_id="usr_a", by="TRANSFER"),
        said("member_suspended", user_id="usr_c"),
        said("member_removed", user_id="usr_c"),
        said("organization_renamed", name="Acme & Sons"),
        room.reachable("usr_b", "b@new.example", name="Boriss", language="ru"),
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_copies_converge_in_any_order_and_heard_twice(make_room: MakeRoom, seed: int) -> None:
    room = await make_room()
    announced = [*life(room), room.roles()]
    shuffled = [*announced, *announced]
    random.Random(seed).shuffle(shuffled)
    await room.copy(*shuffled)
    reader = room.store.reader()
    managers = await known.people_who_may(reader, "org_1", "DECIDE_PERMISSIONS", most=10)
    assert [(each.id, each.name, each.language) for each in managers] == [("usr_a", "Anna", "en"), ("usr_b", "Boriss", "ru")]
    assert await copies.find_organizations(reader, ["org_1", "org_2"]) == {"org_1": "Acme & Sons"}
    assert not await copies.is_member(reader, "org_1", "usr_c")
    assert (await copies.find_members(reader, "org_1", ["OWNER"], 10)) == ["usr_b"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_member_whose_rights_stand_still_is_told_nothing(make_room: MakeRoom, seed: int) -> None:
    room = await make_room()

    def said(fact: str, user_id: str, **data: str) -> Message:
        return room.announcement(f"identity.{fact}.v1", "org_1", {"organization_id": "org_1", "user_id": user_id, **data})

    announced = [
        *(room.reachable(f"usr_{name}", f"{name}@example.com") for name in "abcd"),
        *room.organization_created("org_1", "Acme", "usr_a"),
        *(room.joined("org_1", f"usr_{name}", "ADMINISTRATOR") for name in "bcd"),
        said("member_suspended", "usr_b"),
        said("member_suspended", "usr_c"),
        said("member_resumed", "usr_c"),
        said("member_suspended", "usr_d"),
        said("member_removed", "usr_d"),
        room.joined("org_1", "usr_d", "ADMINISTRATOR"),
        room.roles(),
    ]
    shuffled = [*announced, *announced[::2]]
    random.Random(seed).shuffle(shuffled)
    await room.copy(*shuffled)
    told = await known.people_who_may(room.store.reader(), "org_1", "DECIDE_PERMISSIONS", most=10)
    assert [each.id for each in told] == ["usr_a", "usr_c", "usr_d"]


async def test_whoever_becomes_the_owner_is_told_and_the_suspended_take_nobodys_place(make_room: MakeRoom) -> None:
    room = await make_room()

    def said(fact: str, **data: str) -> Message:
        return room.announcement(f"identity.{fact}.v1", "org_1", {"organization_id": "org_1", **data})

    await room.copy(
        *(room.reachable(f"usr_{name}", f"{name}@example.com") for name in "abcd"),
        *room.organization_created("org_1", "Acme", "usr_a"),
        *(room.joined("org_1", f"usr_{name}", "ADMINISTRATOR") for name in "bcd"),
        said("member_suspended", user_id="usr_b"),
        said("member_suspended", user_id="usr_c"),
        said("owner_changed", owner_id="usr_c", former_owner_id="usr_a", by="TRANSFER"),
        room.roles(),
    )
    told = await known.people_who_may(room.store.reader(), "org_1", "DECIDE_PERMISSIONS", most=3)
    assert [each.id for each in told] == ["usr_a", "usr_c", "usr_d"]


def informing(room: Newsroom) -> Reaction:
    [reaction] = [each for each in room.service.wired_reactions() if each.queue == "notifications.inform_people"]
    return reaction


async def test_whoever_was_not_announced_yet_is_waited_for(make_room: MakeRoom) -> None:
    room = await make_room()
    news = room.announcement("subscriptions.permission_requested.v1", "prm_1", {**IDS, "provider_id": "org_1"})
    steps = [
        room.organization_created("org_1", "Register", "usr_owner"),
        [room.roles()],
        [room.reachable("usr_owner", "o@x.example")],
    ]
    for step in steps:
        with pytest.raises(NotAnnouncedYet):
            await informing(room).handle(news)
        assert (await room.kept("notices"), await room.kept("mails")) == (0, 0)
        await room.hear(*step)
    await informing(room).handle(news)
    await informing(room).handle(news)
    assert (await room.kept("notices"), await room.kept("mails")) == (1, 1)


async def test_the_bus_brings_again_what_came_too_early(make_room: MakeRoom) -> None:
    """Everything at once, the news first: each reaction is tried again until what it needs was heard."""
    room = await make_room()
    news = room.announcement("subscriptions.permission_requested.v1", "prm_1", {**IDS, "provider_id": "org_1"})
    later = [
        *room.organization_created("org_1", "Register", "usr_owner"),
        room.roles(),
        room.reachable("usr_owner", "o@x.example"),
    ]
    await room.bus.publish([news, *later])
    [mail] = await room.mails(1)
    assert mail["To"] == "o@x.example"


async def test_every_reaction_keeps_the_same_when_it_hears_twice(make_room: MakeRoom) -> None:
    room = await make_room()
    portal = await Portal.open(room)
    representative = portal.staff["BUSINESS_REPRESENTATIVE"].user_id
    announced = [
        *life(room),
        portal.news("representative_assigned", representative_id=representative),
        portal.news("permission_granted"),
        room.announcement("identity.organization_deleted.v1", "org_1", {"organization_id": "org_1"}),
        room.announcement("identity.user_erased.v1", "usr_a", {"user_id": "usr_a"}),
        room.announcement(
            "identity.application_deleted.v1", "app_1", {"application_id": "app_1", "organization_id": "org_recipient"}
        ),
    ]
    heard = {each.key for each in announced} | {
        "identity.roles_described.v1",
        "identity.application_created.v1",
        "catalog.product_created.v1",
    }
    for reaction in room.reactions():
        assert heard & set(reaction.keys), f"{reaction.queue} is not tried here"

    async def kept() -> dict[str, list[object]]:
        names = ("heard_people", "heard_members", "heard_organizations", "heard_applications", "heard_representatives", "notices")
        reader = room.store.reader()
        return {name: [*await reader.collection(name).find({}, sort=[("_id", 1)])] for name in names}

    await room.hear(*announced)
    before, mails = await kept(), await room.kept("mails")
    await room.hear(*itertools.chain(reversed(announced), announced))
    assert await kept() == before
    assert await room.kept("mails") == mails
