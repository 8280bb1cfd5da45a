"""What identity hears of calls, and what it therefore says of a secret: last use, calls, and whether it is still needed."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandListener

from chassis.errors import Invalid
from chassis.mongo import Store
from chassis.principal import system
from services.identity.secrets.actions import Batch, count_calls, note_issue
from services.identity.secrets.use import NOTED_EVERY, Called
from tests.certificates import issue
from tests.services.identity.calls import DataPlane, record
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import Person, World

LONG = 4 * 365 * 24 * 3600
HOUR = timedelta(hours=1)
SILENCE = 3600


class Office:
    """An organization's application with its secrets, and the data plane that reports its calls."""

    def __init__(self, world: World, owner: Person, organization_id: str, application_id: str) -> None:
        self.world = world
        self.owner = owner
        self.organization_id = organization_id
        self.application_id = application_id
        self.plane = DataPlane(world)

    async def secrets(self, application_id: str | None = None) -> list[dict[str, Any]]:
        [row] = (await self.world.load("applications_by_id", [application_id or self.application_id], self.owner)).rows
        secrets: list[dict[str, Any]] = row["secrets"]
        return secrets

    async def ids(self) -> list[str]:
        return [each["id"] for each in await self.secrets()]

    async def rotate(self, **how: Any) -> None:
        said = await self.world.do("rotate_secret", self.owner, application_id=self.application_id, **how)
        assert said.status == 200, said.body

    async def pass_by(self, time: timedelta) -> None:
        """Let time pass, and the data plane report that nothing was called."""
        self.world.clock.ahead += time
        await self.plane.report()

    async def keys(self) -> list[str]:
        rows = await self.world.store.reader().collection("outbox").find({"subject": self.application_id}, sort=[("_id", 1)])
        return [row["key"].split(".")[1] for row in rows]


@pytest.fixture
async def office(make_world: MakeWorld) -> Office:
    world = await make_world(
        session_idle_seconds=LONG, session_absolute_seconds=LONG, secret_silence_seconds=SILENCE, token_ttl_seconds=600
    )
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, _, _ = await world.application(organization_id, owner)
    return Office(world, owner, organization_id, application_id)


async def test_calls_are_counted_and_the_last_one_is_known(office: Office) -> None:
    [secret_id], now = await office.ids(), office.world.clock.now()
    calls = [record(now - timedelta(minutes=each), secret_id) for each in (2, 30, 90, 600)]
    await office.plane.report(*calls, record(now, None), record(now, "sec_other"), record(now, secret_id, "RATE_LIMITED"))
    [secret] = await office.secrets()
    assert (secret["calls_last_hour"], secret["calls_last_day"], secret["calls_refused_last_day"]) == (3, 5, 0)
    assert datetime.fromisoformat(secret["last_used_at"]) == now
    assert datetime.fromisoformat(secret["usage_known_until"]) >= now


async def test_a_batch_counts_once_however_often_and_in_whatever_order_it_comes(office: Office) -> None:
    [secret_id], now, plane = await office.ids(), office.world.clock.now(), office.plane
    batches = [plane.wrap(number, [record(now, secret_id)] * number, now) for number in (1, 2, 3)]
    for message in (batches[2], batches[0], batches[2], batches[1], batches[0]):
        await plane.hand(message)
    [secret] = await office.secrets()
    assert (secret["calls_last_hour"], secret["calls_last_day"]) == (6, 6)
    again = orjson.loads(batches[0].body) | {"id": "evt_under_another_id"}
    await plane.hand(type(batches[0])(id="evt_under_another_id", key=batches[0].key, body=orjson.dumps(again)))
    assert (await office.secrets())[0]["calls_last_day"] == 6, "the same batch of the same source, under another id"


class Commands(CommandListener):
    """Counts what the driver sends to the database."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def started(self, event: Any) -> None:
        self.counted[event.command_name] += 1

    def succeeded(self, event: Any) -> None:
        """Whether it succeeds is not counted."""

    def failed(self, event: Any) -> None:
        """Whether it fails is not counted."""


async def test_a_hot_batch_is_one_look_and_one_write(office: Office, mongo_url: str) -> None:
    now, commands = office.world.clock.now(), Commands()
    client: Any = AsyncIOMotorClient(mongo_url, tz_aware=True, event_listeners=[commands])
    store = Store(client, office.world.store.name, office.world.clock)
    await store.transact(system("test"), lambda tx: count_calls(tx, Batch("warm", 1, now, {})))  # sessions are noted once
    calls = {f"sec_{each}": [Called(now, is_refused=False)] * 25 for each in range(20)}
    commands.counted.clear()
    await store.transact(system("test"), lambda tx: count_calls(tx, Batch("hot", 1, now, calls)))
    client.close()
    rows = await office.world.store.reader().collection("secret_uses").find({"_id": {"$regex": "^sec_[0-9]{1,2}$"}})
    assert [sum(row["hours"].values()) for row in rows] == [25] * 20
    del commands.counted["endSessions"]
    assert commands.counted == {"find": 2, "update": 2, "commitTransaction": 1}, "of the source and of the secrets"


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 0}, {"batch": None}, {"source": None}, {"records": "x"}, {"records": [{"at": -1}]},
        {"records": [{"at": 10**18}]},
        {"records": [{"secret_id": "s"}]}, {"read_through": 10**18}, {"records": [{"at": 1, "secret_id": 7}]},
    ],
)  # fmt: skip
async def test_what_is_no_batch_is_refused_for_good(office: Office, change: dict[str, Any]) -> None:
    message = office.plane.wrap(1, [], office.world.clock.now())
    wrapped = orjson.loads(message.body)
    wrapped["data"] |= change
    with pytest.raises(Invalid, match="calls_recorded"):
        await office.plane.hand(type(message)(id=message.id, key=message.key, body=orjson.dumps(wrapped)))
    assert (await office.secrets())[0]["usage_known_until"] is None


async def test_calls_refused_since_the_secret_is_retired_tell_that_somebody_still_uses_it(office: Office) -> None:
    [secret_id] = await office.ids()
    await office.rotate()
    now = office.world.clock.now()
    await office.plane.report(record(now, secret_id), *[record(now, secret_id, "SECRET_RETIRED")] * 2)
    former, newer = await office.secrets()
    assert (former["calls_refused_last_day"], former["calls_last_day"], former["status"]) == (2, 1, "RETIRED")
    assert (former["safe_to_retire"], former["holds"]) == (False, [])
    assert newer["calls_refused_last_day"] == 0


async def test_safe_is_only_what_nothing_holds(office: Office) -> None:
    world = office.world
    [only] = await office.secrets()
    assert (only["safe_to_retire"], only["usage_known_until"]) == (False, None)
    assert set(only["holds"]) == {"LAST_ONE", "NOT_SILENT_YET", "USAGE_NOT_KNOWN"}
    await office.plane.report()
    await office.rotate(grace_days=20)
    former, newer = await office.secrets()
    assert former["holds"] == ["NOT_SILENT_YET"]
    await office.pass_by(HOUR + timedelta(seconds=1))
    former, newer = await office.secrets()
    assert (former["safe_to_retire"], former["holds"]) == (True, [])
    assert (newer["safe_to_retire"], newer["holds"]) == (False, ["LAST_ONE"]), "the other one is on its way out"
    await note_issue(world.store.reader(), former["id"])
    assert (await office.secrets())[0]["holds"] == ["NOT_SILENT_YET", "TOKEN_ALIVE"]
    await office.pass_by(HOUR)
    assert (await office.secrets())[0]["holds"] == ["NOT_SILENT_YET"], "a note may be a little older than the last token"
    await office.pass_by(NOTED_EVERY + timedelta(seconds=1))
    assert (await office.secrets())[0]["safe_to_retire"]
    await office.plane.report(record(world.clock.now() - timedelta(minutes=59), former["id"]))
    assert (await office.secrets())[0]["holds"] == ["NOT_SILENT_YET"]


async def test_what_is_not_known_is_not_safe(office: Office) -> None:
    world, other = office.world, DataPlane(office.world, "another plane")
    await office.plane.report()
    await office.rotate(grace_days=20)
    await office.pass_by(2 * HOUR)
    assert (await office.secrets())[0]["safe_to_retire"]
    world.clock.ahead += timedelta(seconds=61)
    former = (await office.secrets())[0]
    assert (former["safe_to_retire"], former["holds"]) == (False, ["USAGE_NOT_KNOWN"])
    told_at = former["usage_known_until"]
    await office.plane.report()
    assert (await office.secrets())[0]["safe_to_retire"]
    await other.report(read_through=world.clock.now() - 3 * HOUR)
    slow = (await office.secrets())[0]
    assert (slow["holds"], slow["usage_known_until"] < told_at) == (["USAGE_NOT_KNOWN"], True)
    other.batch = 3
    await other.report()
    await office.plane.report()
    gap = (await office.secrets())[0]
    assert (gap["holds"], gap["usage_known_until"]) == (["USAGE_NOT_KNOWN"], slow["usage_known_until"])
    for number in (2, 3):
        await other.hand(other.wrap(number, [], world.clock.now()))
    assert (await office.secrets())[0]["safe_to_retire"], "the gap is filled"


async def test_a_key_is_another_way_to_prove_oneself(office: Office) -> None:
    await office.plane.report()
    await office.pass_by(2 * HOUR)
    assert (await office.secrets())[0]["holds"] == ["LAST_ONE"]
    key = orjson.dumps(ECKey.generate_key("P-256").as_dict(private=False)).decode()
    said = await office.world.do("register_client_key", office.owner, application_id=office.application_id, jwk=key)
    assert said.status == 200, said.body
    assert (await office.secrets())[0]["safe_to_retire"]


async def test_a_certificate_is_another_way_to_prove_oneself(office: Office) -> None:
    await office.plane.report()
    await office.pass_by(2 * HOUR)
    assert (await office.secrets())[0]["holds"] == ["LAST_ONE"]
    pem = issue().pem
    said = await office.world.do("register_certificate", office.owner, application_id=office.application_id, pem=pem)
    assert said.status == 200, said.body
    assert (await office.secrets())[0]["safe_to_retire"]
    revoked = await office.world.do("revoke_certificate", office.owner, certificate_id=said.result["id"])
    assert revoked.status == 200, revoked.body
    assert (await office.secrets())[0]["holds"] == ["LAST_ONE"]


async def test_noting_a_token_is_mostly_one_look(office: Office) -> None:
    world, [secret_id] = office.world, await office.ids()
    uses = world.store.reader().collection("secret_uses")

    async def noted() -> Any:
        return ((await uses.find_one({"_id": secret_id})) or {}).get("issued_at")

    await note_issue(world.store.reader(), secret_id)
    first = await noted()
    world.clock.ahead += NOTED_EVERY - timedelta(seconds=1)
    await note_issue(world.store.reader(), secret_id)
    assert await noted() == first
    world.clock.ahead += timedelta(seconds=1)
    await note_issue(world.store.reader(), secret_id)
    assert await noted() > first
    [secret] = await office.secrets()
    assert datetime.fromisoformat(secret["last_used_at"]) == await noted()
    await office.plane.report(record(world.clock.now() - 5 * HOUR, secret_id))
    assert await noted() > first, "counting calls leaves the note alone"


@pytest.mark.parametrize("is_wanted", [True, False])
async def test_a_retiring_secret_that_falls_silent(office: Office, is_wanted: bool) -> None:
    world, [secret_id] = office.world, await office.ids()
    await office.plane.report(record(world.clock.now(), secret_id))
    await office.rotate(grace_days=20, retire_when_silent=is_wanted)
    for _ in range(3):  # it is used again and again
        await office.pass_by(HOUR - timedelta(minutes=1))
        used_at = world.clock.now()
        await office.plane.report(record(used_at, secret_id))
    assert (await office.keys())[3:] == []
    await office.pass_by(HOUR + timedelta(seconds=1))
    facts = await world.facts_about(office.application_id, 5 if is_wanted else 4)
    assert facts[3].key == "identity.secret_used_last.v1"
    assert facts[3].data["secret_id"] == secret_id
    assert datetime.fromisoformat(facts[3].data["last_used_at"]) == used_at
    if is_wanted:
        assert (facts[4].key, facts[4].data["reason"]) == ("identity.secret_retired.v1", "SILENT")
    former, newer = await office.secrets()
    assert (former["status"], newer["status"]) == ("RETIRED" if is_wanted else "RETIRING", "ACTIVE")
    await office.plane.report(record(world.clock.now(), secret_id))
    await office.pass_by(3 * HOUR)
    world.clock.ahead += timedelta(days=20)
    facts = await world.facts_about(office.application_id, 5)
    assert [each.key for each in facts[3:]] == ["identity.secret_used_last.v1", "identity.secret_retired.v1"]
    assert facts[4].data["reason"] == ("SILENT" if is_wanted else "EXPIRED")


async def test_who_does_not_know_does_not_retire(office: Office) -> None:
    world = office.world
    await office.rotate(grace_days=20, retire_when_silent=True)
    world.clock.ahead += timedelta(days=19)  # no data plane has ever said a word
    former = (await office.secrets())[0]
    assert (former["status"], former["holds"], former["usage_known_until"]) == ("RETIRING", ["USAGE_NOT_KNOWN"], None)
    await office.plane.report()
    assert (await office.secrets())[0]["safe_to_retire"]
    world.clock.ahead += timedelta(seconds=31)
    await office.plane.report()
    facts = await world.facts_about(office.application_id, 5)
    assert facts[4].data["reason"] == "SILENT"


async def test_a_page_of_applications_is_told_with_one_look_at_the_use_of_all(office: Office) -> None:
    world, now = office.world, office.world.clock.now()
    made = [await world.application(office.organization_id, office.owner, f"Robot {number}") for number in range(5)]
    ids = [office.application_id, *(each[0] for each in made)]
    secrets = [(await office.secrets(each))[0]["id"] for each in ids]
    await office.plane.report(*(record(now, each) for number, each in enumerate(secrets) for _ in range(number)))
    rows = (await world.load("applications_by_organization", [office.organization_id], office.owner)).rows[0]["nodes"]
    counted = {row["id"]: row["secrets"][0]["calls_last_hour"] for row in rows}
    assert counted == {each: number for number, each in enumerate(ids)}
