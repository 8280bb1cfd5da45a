"""The Owner: exactly one, handed over by the Owner, changed by an Administrator, whatever happens at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.errors import Refusal
from chassis.ids import new_id
from chassis.mongo import Transaction
from chassis.principal import Principal
from services.identity.members import actions as members
from services.identity.organizations import actions, repository
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.roles import Role
from tests.services.identity.world import ROLES, Person, Team, World

CHANGED = "identity.owner_changed.v1"


async def roles_in(world: World, organization_id: str, by: Person) -> dict[str, str]:
    [page] = (await world.load("memberships_by_organization", [organization_id], by)).rows
    return {each["user_id"]: each["role"] for each in page["nodes"]}


async def test_the_owner_transfers_the_ownership(world: World) -> None:
    team = await world.team()
    owner, observer = team.members["OWNER"], team.members["OBSERVER"]
    given_ = {"organization_id": team.organization_id, "user_id": observer.user_id}
    said = (await world.do("transfer_ownership", owner, **given_)).result
    assert (said["id"], said["owner_id"]) == (team.organization_id, observer.user_id)
    roles = await roles_in(world, team.organization_id, owner)
    assert (roles[owner.user_id], roles[observer.user_id]) == ("ADMINISTRATOR", "OWNER")
    fact = next(each for each in await world.facts_about(team.organization_id, 9) if each.key == CHANGED)
    assert fact.data == {
        "organization_id": team.organization_id, "owner_id": observer.user_id, "former_owner_id": owner.user_id, "by": "TRANSFER"
    }  # fmt: skip
    assert (await world.do("transfer_ownership", owner, **given_)).code == "ROLE_NOT_ALLOWED"
    assert (await world.do("transfer_ownership", observer, **given_)).code == "ALREADY_OWNER"
    assert (await world.do("leave_organization", observer, organization_id=team.organization_id)).code == "OWNER_STAYS"
    assert (await world.do("leave_organization", owner, organization_id=team.organization_id)).status == 200


@pytest.mark.parametrize("who", ["ADMINISTRATOR", "DEVELOPER"])
async def test_an_administrator_changes_the_owner_who_is_announced_at_once(world: World, who: str) -> None:
    team = await world.team()
    owner, administrator, new = (team.members[role] for role in ("OWNER", "ADMINISTRATOR", who))
    given_ = {"organization_id": team.organization_id, "user_id": new.user_id}
    assert (await world.do("change_owner", administrator, **given_)).result["owner_id"] == new.user_id
    roles = await roles_in(world, team.organization_id, owner)
    assert (roles[owner.user_id], roles[new.user_id]) == ("ADMINISTRATOR", "OWNER")
    assert list(roles.values()).count("OWNER") == 1
    # The former Owner is an Administrator, so what should not have happened is mended by the same right.
    back = {"organization_id": team.organization_id, "user_id": owner.user_id}
    assert (await world.do("change_owner", owner, **back)).result["owner_id"] == owner.user_id
    facts = [each.data["by"] for each in await world.facts_about(team.organization_id, 10) if each.key == CHANGED]
    assert facts == ["CHANGE", "CHANGE"]


@pytest.mark.parametrize("verb", ["transfer_ownership", "change_owner"])
async def test_only_a_member_becomes_owner(world: World, team: Team, verb: str) -> None:
    by = team.members["OWNER" if verb == "transfer_ownership" else "ADMINISTRATOR"]
    on = {"organization_id": team.organization_id}
    foreign = await world.do(verb, by, **on, user_id=team.stranger.user_id)
    absent = await world.do(verb, by, **on, user_id="usr_" + "0" * 26)
    assert foreign.without_trace == absent.without_trace
    assert foreign.code == "NO_SUCH_MEMBER"
    assert (await world.do(verb, by, **on, user_id=team.members["OWNER"].user_id)).code == "ALREADY_OWNER"


@pytest.mark.parametrize("role", [*ROLES, "STRANGER", "NOBODY"])
@pytest.mark.parametrize("verb", ["transfer_ownership", "change_owner"])
async def test_who_else_asks_is_refused(world: World, team: Team, verb: str, role: str) -> None:
    if role == ("OWNER" if verb == "transfer_ownership" else "ADMINISTRATOR"):
        return
    by = {**team.members, "STRANGER": team.stranger, "NOBODY": None}[role]
    given_ = {"organization_id": team.organization_id, "user_id": team.members["OBSERVER"].user_id}
    said = await world.do(verb, by, **given_)
    assert said.code == {"STRANGER": "NOT_FOUND", "NOBODY": "SIGN_IN_FIRST"}.get(role, "ROLE_NOT_ALLOWED")
    if role == "STRANGER":
        absent = await world.do(verb, by, **{**given_, "organization_id": "org_" + "0" * 26})
        assert said.without_trace == absent.without_trace


# ---- Whatever happens at the same time.
PEOPLE = 4
people = st.integers(0, PEOPLE - 1)
steps = st.one_of(
    st.tuples(st.sampled_from(["transfer", "change", "remove", "degrade"]), people, people),
    st.tuples(st.sampled_from(["leave", "erase"]), people, people),
    st.tuples(st.just("delete"), people, people),
)
rounds = st.lists(st.lists(steps, min_size=2, max_size=3), min_size=1, max_size=4)


@dataclass
class Crowd:
    """Some people, and a way to let them act side by side on real transactions."""

    world: World
    users: list[str]

    async def found(self) -> str:
        """Open an organization of the first, to which all belong: the others as Administrators."""

        async def work(tx: Transaction) -> str:
            organization = await actions.open_organization(tx, "Crowd", self.users[0], is_test=False)
            for user in self.users[1:]:
                membership = Membership(new_id("mem"), organization.id, user, Role.ADMINISTRATOR, since=tx.now)
                await repository.add_membership(tx, membership)
                await actions.announce(tx, membership.joined(organization), organization)
            return organization.id

        return await self.world.store.transact(Principal(id=self.users[0]), work)

    async def act(self, organization_id: str, step: tuple[str, int, int]) -> None:
        """Do one thing; that it is refused is as good."""
        verb, by, on = step[0], self.users[step[1]], self.users[step[2]]
        verbs: dict[str, Callable[[Transaction], Awaitable[Any]]] = {
            "transfer": lambda tx: actions.transfer_ownership(tx, organization_id, on),
            "change": lambda tx: actions.change_owner(tx, organization_id, on),
            "remove": lambda tx: members.remove_member(tx, organization_id, on),
            "degrade": lambda tx: members.change_role(tx, organization_id, on, Role.OBSERVER),
            "leave": lambda tx: members.leave_organization(tx, organization_id),
            "erase": lambda tx: self._erase(tx, organization_id, by),
            "delete": lambda tx: actions.delete_organization(tx, organization_id, "Crowd"),
        }
        try:
            await self.world.store.transact(Principal(id=by), verbs[verb])
        except Refusal as refusal:
            if refusal.status >= 500:
                raise

    async def _erase(self, tx: Transaction, organization_id: str, user_id: str) -> None:
        """Do what the erasure of a user does here: close what they own, end what they belong to."""
        organization = await repository.find_organization(tx, organization_id)
        if organization is not None and organization.owner_id == user_id:
            await actions.close_organization(tx, organization)
        membership = await repository.find_membership(tx, organization_id, user_id)
        if organization is not None and organization.owner_id != user_id and membership is not None:
            await members.end_memberships(tx, user_id)

    async def check(self, organization_id: str) -> bool:
        """See that there is exactly one Owner, who is a member; say whether the organization lives."""
        reader = self.world.store.reader()
        organization = await repository.find_organization(reader, organization_id)
        if organization is None:
            return False
        rows = await reader.collection("memberships").find({"organization_id": organization_id})
        held = [repository.to_membership(row).role_in(organization) for row in rows]
        assert held.count(Role.OWNER) == 1, (organization, rows)
        assert all(row["role"] != "OWNER" for row in rows)
        await self._retell(organization)
        return True

    async def _retell(self, organization: Organization) -> None:
        """See that what was announced, told in order, has one Owner at each point, who is a member, and ends at the present."""
        outbox = self.world.store.reader().collection("outbox")
        rows = await outbox.find({"subject": organization.id}, sort=[("_id", 1)])
        told_ = sorted((orjson.loads(row["body"]) for row in rows), key=lambda each: int(each["sequence"]))
        owner, belong = self.users[0], set()
        for each in told_:
            fact, data = each["type"].split(".")[-2], each["data"]
            if fact == "member_joined":
                belong.add(data["user_id"])
            elif fact == "member_removed":
                belong.remove(data["user_id"])
            elif fact == "owner_changed":
                assert data["former_owner_id"] == owner
                owner = data["owner_id"]
            assert fact == "organization_created" or owner in belong
        assert owner == organization.owner_id


@pytest.fixture(scope="session")
async def crowd(world: World) -> Crowd:
    users = [(await world.someone(f"Number {number}")).user_id for number in range(PEOPLE)]
    return Crowd(world, users)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rounds=rounds)
async def test_there_is_one_owner_who_is_a_member_whatever_happens_at_once(
    crowd: Crowd, rounds: list[list[tuple[str, int, int]]]
) -> None:
    organization_id = await crowd.found()
    for each in rounds:
        await asyncio.gather(*(crowd.act(organization_id, step) for step in each))
        if not await crowd.check(organization_id):
            break


RACES = [
    [("transfer", 0, 1), ("transfer", 0, 2)],
    [("transfer", 0, 1), ("remove", 2, 1)],
    [("transfer", 0, 1), ("leave", 1, 1)],
    [("transfer", 0, 1), ("erase", 1, 1)],
    [("transfer", 0, 1), ("degrade", 2, 1)],
    [("transfer", 0, 1), ("delete", 0, 0)],
    [("change", 1, 1), ("change", 2, 2)],
    [("change", 1, 1), ("transfer", 0, 2)],
    [("change", 1, 2), ("erase", 0, 0)],
    [("change", 1, 2), ("remove", 0, 1)],
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: "-".join(f"{verb}{by}{on}" for verb, by, on in race))
async def test_two_at_once_leave_one_owner(crowd: Crowd, race: list[tuple[str, int, int]]) -> None:
    for _ in range(3):
        organization_id = await crowd.found()
        await asyncio.gather(*(crowd.act(organization_id, step) for step in race))
        await crowd.check(organization_id)
