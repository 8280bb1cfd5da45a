"""Client secrets over identity's own HTTP: issuing, rotating, retiring, proving oneself."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.mongo import Collection, Reader
from chassis.principal import ANONYMOUS
from services.identity.applications.domain import write_secret
from services.identity.keys import Pepper
from services.identity.secrets.access import authenticate
from tests.services.identity.world import ROLES, Person, Said, Team, World

KEYS_OF_SECRET = {
    *("id", "hint", "status", "created_at", "expires_at", "retired_at", "retired_because", "retire_when_silent"),
    *("last_used_at", "calls_last_hour", "calls_last_day", "calls_refused_last_day"),
    *("safe_to_retire", "holds", "usage_known_until"),
}
Made = tuple[str, str, str]


@pytest.fixture
async def made(world: World, team: Team, request: pytest.FixtureRequest) -> Made:
    """A new application: its id, Client ID and first secret."""
    return await world.application(team.organization_id, team.members["DEVELOPER"], request.node.name[:90])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pepper_of(world: World) -> Pepper:
    return Pepper(world.folder / "keys" / "client-secrets.key")


async def opens(world: World, client_id: str, text: str) -> bool:
    return await authenticate(world.store.reader(), client_id, text, pepper_of(world)) is not None


async def secrets_of(world: World, by: Person, application_id: str) -> list[dict[str, Any]]:
    [row] = (await world.load("applications_by_id", [application_id], by)).rows
    secrets: list[dict[str, Any]] = row["secrets"]
    return secrets


async def test_without_a_grace_the_former_secret_ends_at_once(world: World, team: Team, made: Made) -> None:
    by, (application_id, client_id, first) = team.members["DEVELOPER"], made
    said = (await world.do("rotate_secret", by, application_id=application_id)).result
    former, newer = said["application"]["secrets"]
    assert set(newer) == KEYS_OF_SECRET
    assert (former["status"], former["retired_because"], newer["status"]) == ("RETIRED", "ROTATED", "ACTIVE")
    assert (newer["hint"], newer["expires_at"], newer["retired_at"]) == (said["client_secret"][-4:], None, None)
    assert not await opens(world, client_id, first)
    assert await opens(world, client_id, said["client_secret"])
    facts = (await world.facts_about(application_id, 4))[2:]
    about = {"application_id": application_id, "organization_id": team.organization_id, "client_id": client_id}
    assert [(each.key, each.data) for each in facts] == [
        ("identity.secret_issued.v1", {**about, "secret_id": newer["id"], "expires_at": None}),
        ("identity.secret_retired.v1", {**about, "secret_id": former["id"], "reason": "ROTATED"}),
    ]


@pytest.mark.parametrize(
    ("given", "seconds"), [({"grace_seconds": 90}, 90), ({"grace_days": 30}, 30 * 86400), ({"grace_seconds": 2592000}, 2592000)]
)
async def test_within_a_grace_both_work(world: World, team: Team, made: Made, given: dict[str, int], seconds: int) -> None:
    by, (application_id, client_id, first) = team.members["DEVELOPER"], made
    said = (await world.do("rotate_secret", by, application_id=application_id, retire_when_silent=True, **given)).result
    former, newer = said["application"]["secrets"]
    assert (former["status"], former["retire_when_silent"], former["retired_at"]) == ("RETIRING", True, None)
    assert moment(former["expires_at"]) - moment(newer["created_at"]) == timedelta(seconds=seconds)
    assert await opens(world, client_id, first)
    assert await opens(world, client_id, said["client_secret"])
    facts = await world.facts_about(application_id, 3)
    assert facts[-1].key == "identity.secret_issued.v1"
    third = await world.do("rotate_secret", by, application_id=application_id, **given)
    assert (third.status, third.code) == (409, "TWO_SECRETS_LIVE")
    assert (await world.do("rotate_secret", by, application_id=application_id, grace_seconds=0)).status == 200
    assert [each["status"] for each in await secrets_of(world, by, application_id)] == ["RETIRED", "RETIRED", "ACTIVE"]


async def test_a_second_secret_beside_the_first(world: World, team: Team, made: Made) -> None:
    by, (application_id, client_id, first) = team.members["DEVELOPER"], made
    said = (await world.do("issue_secret", by, application_id=application_id)).result
    assert [each["status"] for each in said["application"]["secrets"]] == ["ACTIVE", "ACTIVE"]
    assert await opens(world, client_id, first)
    assert await opens(world, client_id, said["client_secret"])
    third = await world.do("issue_secret", by, application_id=application_id)
    assert (third.status, third.code) == (409, "TWO_SECRETS_LIVE")
    assert "retire one" in third.body["detail"]


async def test_retiring_one_of_two_and_the_last_one(world: World, team: Team, made: Made) -> None:
    by, (application_id, client_id, first) = team.members["DEVELOPER"], made
    said = (await world.do("issue_secret", by, application_id=application_id)).result
    old, new = (each["id"] for each in said["application"]["secrets"])
    retired = (await world.do("retire_secret", by, application_id=application_id, secret_id=old)).result
    assert [each["status"] for each in retired["secrets"]] == ["RETIRED", "ACTIVE"]
    assert not await opens(world, client_id, first)
    again = (await world.do("retire_secret", by, application_id=application_id, secret_id=old)).result
    assert again["secrets"][0]["retired_at"] == retired["secrets"][0]["retired_at"]
    last = await world.do("retire_secret", by, application_id=application_id, secret_id=new)
    assert (last.status, last.code, last.fields) == (409, "LAST_SECRET", ["even_if_last"])
    sure = await world.do("retire_secret", by, application_id=application_id, secret_id=new, even_if_last=True)
    assert [each["status"] for each in sure.result["secrets"]] == ["RETIRED", "RETIRED"]
    facts = await world.facts_about(application_id, 5)
    assert [(each.key, each.data.get("reason")) for each in facts[3:]] == [("identity.secret_retired.v1", "RETIRED")] * 2
    third = (await world.do("rotate_secret", by, application_id=application_id, grace_days=3)).result
    assert await opens(world, client_id, third["client_secret"])


async def test_a_secret_of_another_application_does_not_exist(world: World, team: Team, made: Made) -> None:
    by = team.members["DEVELOPER"]
    other, _, _ = await world.application(team.organization_id, by, f"Other than {made[0][-12:]}")
    [foreign] = await secrets_of(world, by, other)
    answers = [
        await world.do("retire_secret", by, application_id=made[0], secret_id=each, even_if_last=True)
        for each in (foreign["id"], "sec_unknown", "", "\x00")
    ]
    assert {(each.status, each.code) for each in answers} == {(404, "NO_SUCH_SECRET")}
    assert [each["status"] for each in await secrets_of(world, by, other)] == ["ACTIVE"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"grace_seconds": 2592001}, "grace_seconds"),
        ({"grace_seconds": 1.5}, "grace_seconds"),
        ({"grace_days": 31}, "grace_days"),
        ({"grace_days": -1}, "grace_days"),
        ({"grace_days": 1, "grace_seconds": 1}, "grace_days"),
        ({"retire_when_silent": True}, "retire_when_silent"),
        ({"retire_when_silent": True, "grace_days": 0}, "retire_when_silent"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2199-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+12:00"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"grace": 1}, "grace"),
    ],
)
async def test_what_cannot_be_used_is_named(world: World, team: Team, made: Made, given: dict[str, Any], field: str) -> None:
    by = team.members["DEVELOPER"]
    said = await world.do("rotate_secret", by, application_id=made[0], **given)
    assert (said.status, said.fields) == (422, [field])
    if field == "expires_at":
        said = await world.do("issue_secret", by, application_id=made[0], **given)
        assert (said.status, said.fields) == (422, [field])
    assert [each["status"] for each in await secrets_of(world, by, made[0])] == ["ACTIVE"]


@pytest.mark.parametrize(
    "given", [{"grace_seconds": None}, {"grace_days": None, "grace_seconds": None, "retire_when_silent": None}]
)
async def test_nothing_given_is_no_grace(world: World, team: Team, made: Made, given: dict[str, Any]) -> None:
    said = (await world.do("rotate_secret", team.members["DEVELOPER"], application_id=made[0], expires_at=None, **given)).result
    assert [each["status"] for each in said["application"]["secrets"]] == ["RETIRED", "ACTIVE"]


async def test_a_life_is_kept_and_announced(world: World, team: Team, made: Made) -> None:
    by = team.members["DEVELOPER"]
    end = (world.clock.now() + timedelta(days=300)).replace(microsecond=123456)
    said = (await world.do("rotate_secret", by, application_id=made[0], expires_at=end.isoformat())).result
    assert moment(said["application"]["secrets"][1]["expires_at"]) == end.replace(microsecond=123000)
    assert said["application"]["secrets"] == await secrets_of(world, by, made[0])
    facts = await world.facts_about(made[0], 4)
    assert moment(facts[2].data["expires_at"]) == end.replace(microsecond=123000)


async def test_changes_at_once_leave_at_most_two(world: World, team: Team, made: Made) -> None:
    by, (application_id, _, _) = team.members["DEVELOPER"], made
    await world.passport(by)
    [only] = await secrets_of(world, by, application_id)
    said = await asyncio.gather(
        *(world.do("issue_secret", by, application_id=application_id) for _ in range(3)),
        *(world.do("rotate_secret", by, application_id=application_id, grace_days=1) for _ in range(3)),
        *(world.do("retire_secret", by, application_id=application_id, secret_id=only["id"]) for _ in range(3)),
    )
    assert {(each.status, each.code) for each in said if each.status != 200} <= {(409, "TWO_SECRETS_LIVE"), (409, "LAST_SECRET")}
    live = [each for each in await secrets_of(world, by, application_id) if each["status"] != "RETIRED"]
    assert 1 <= len(live) <= 2
    issued = sum("client_secret" in each.body.get("result", {}) for each in said)
    facts = await world.facts_about(application_id, 2 + issued)
    retired = [each.data["secret_id"] for each in facts if each.key == "identity.secret_retired.v1"]
    assert len(retired) == len(set(retired))


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("rotate_secret", {}),
    ("rotate_secret", {"grace_days": 1}),
    ("issue_secret", {}),
    ("retire_secret", {"secret_id": "$secret"}),
]


async def attempt(world: World, verb: str, by: Person | None, given: dict[str, Any], *, application_id: str) -> Said:
    owner_sees = {key: value.replace("$secret", "sec_x") if isinstance(value, str) else value for key, value in given.items()}
    return await world.do(verb, by, application_id=application_id, **owner_sees)


@pytest.mark.parametrize(("verb", "given"), VERBS)
async def test_who_may_not_changes_nothing(world: World, team: Team, made: Made, verb: str, given: dict[str, Any]) -> None:
    before = await secrets_of(world, team.members["OWNER"], made[0])
    observer = await attempt(world, verb, team.members["OBSERVER"], given, application_id=made[0])
    assert (observer.status, observer.code) == (403, "ROLE_NOT_ALLOWED")
    nobody = await attempt(world, verb, None, given, application_id=made[0])
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")
    foreign = await attempt(world, verb, team.stranger, given, application_id=made[0])
    unknown = await attempt(world, verb, team.stranger, given, application_id="app_unknown")
    assert foreign.without_trace == unknown.without_trace
    assert foreign.code == "NOT_FOUND"
    assert await secrets_of(world, team.members["OWNER"], made[0]) == before


@pytest.mark.parametrize("role", [each for each in ROLES if each != "OBSERVER"])
async def test_who_may_does(world: World, team: Team, made: Made, role: str) -> None:
    by = team.members[role]
    said = (await world.do("issue_secret", by, application_id=made[0])).result
    old = said["application"]["secrets"][0]["id"]
    assert (await world.do("retire_secret", by, application_id=made[0], secret_id=old)).status == 200
    assert (await world.do("rotate_secret", by, application_id=made[0], grace_days=1)).status == 200


class Counting(Reader):
    """A reader that counts what is looked up."""

    looked_up = 0

    def collection(self, name: str) -> Collection:
        self.looked_up += 1
        return super().collection(name)


async def test_garbage_is_refused_without_a_look_up(world: World, made: Made) -> None:
    _, client_id, secret = made
    pepper = pepper_of(world)
    garbage = [
        "",
        "x",
        "pcs_",
        secret[:-1],
        secret + "0",
        secret.upper(),
        f" {secret}",
        "pcs_" + "A" * 43 + "_000000",
        "\udc00",
        "я" * 53,
    ]
    reader = Counting(world.store.database, ANONYMOUS, world.clock.now())
    for text in garbage:
        assert await authenticate(reader, client_id, text, pepper) is None
    assert reader.looked_up == 0
    assert await authenticate(reader, client_id, write_secret("A" * 43), pepper) is None
    assert reader.looked_up > 0
    found = await authenticate(reader, client_id, secret, pepper)
    assert found is not None
    assert (found[0].id, found[1].hint) == (made[0], secret[-4:])
    assert await authenticate(reader, "pci_unknown", secret, pepper) is None


async def test_a_secret_kept_before_there_were_ends_goes_on(world: World, team: Team, made: Made) -> None:
    application_id, client_id, first = made
    [kept] = (await world.store.reader().collection("applications").find_one({"_id": application_id}) or {})["secrets"]
    short = {name: kept[name] for name in ("id", "hint", "hash", "created_at", "retired_at")}
    gone = {**short, "id": "sec_gone", "retired_at": datetime(2026, 1, 1, tzinfo=UTC)}
    await (
        world.store.reader().collection("applications").update_one({"_id": application_id}, {"$set": {"secrets": [gone, short]}})
    )
    assert await opens(world, client_id, first)
    rows = await secrets_of(world, team.members["OBSERVER"], application_id)
    assert [(each["status"], each["retired_because"]) for each in rows] == [("RETIRED", None), ("ACTIVE", None)]
    said = await world.do("rotate_secret", team.members["OWNER"], application_id=application_id, grace_days=1)
    assert [each["status"] for each in said.result["application"]["secrets"]] == ["RETIRED", "RETIRING", "ACTIVE"]


async def test_a_secret_is_told_once_and_kept_nowhere(world: World, team: Team, made: Made) -> None:
    by, (application_id, _, first) = team.members["DEVELOPER"], made
    texts = [first]
    texts.append((await world.do("issue_secret", by, application_id=application_id)).result["client_secret"])
    texts.append((await world.do("rotate_secret", by, application_id=application_id)).result["client_secret"])
    await world.facts_about(application_id, 6)
    kept: list[object] = [each.data for each in world.heard]
    for name in ("applications", "outbox", "secret_uses", "call_sources"):
        kept += await world.store.reader().collection(name).find({})
    kept.append(await secrets_of(world, by, application_id))
    written = str(kept)
    assert application_id in written
    assert [text for text in texts if text in written or text[4:47] in written] == []
