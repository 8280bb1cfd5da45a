"""When a business representative is none any more, what they ran waits for another one: announced, whatever the order."""

import asyncio
from typing import Any

import pytest

from tests.services.stage import Stage
from tests.services.subscriptions.concluding import REPRESENTATIVE, Cast, facts, offer, platform_role

ROLE = "BUSINESS_REPRESENTATIVE"


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer(), platform_role("usr_other", ROLE))
    return Cast(empty_stage)


def lost(sequence: int = 2, user_id: str = REPRESENTATIVE) -> Any:
    return platform_role(user_id, ROLE, sequence, fact="withdrawn")


async def queue(cast: Cast) -> list[tuple[str, Any]]:
    (page,) = (await cast.administrator.load("connection_queue", [None])).rows
    return [(each["status"], each["representative_id"]) for each in page["nodes"]]


async def test_what_they_ran_waits_for_another_one(cast: Cast) -> None:
    request = await cast.taken()
    held_since = request["held_since"]
    await cast.stage.hear(lost(), lost())
    shown = await cast.shown(request["id"])
    assert (shown["status"], shown["holder"], shown["representative_id"]) == ("FILED", "OPERATOR", None)
    assert shown["held_since"] == held_since, "the operator has had it all the while"
    assert await queue(cast) == [("FILED", None)]
    (told,) = await facts(cast.stage, "representative_released")
    assert told["data"]["former_representative_id"] == REPRESENTATIVE
    assert (told["data"]["representative_id"], told["data"]["status"]) == (None, "FILED")
    act = shown["timeline"][-1]["acts"][-1]
    assert (act["kind"], act["representative_id"], act["user_id"]) == (
        "RELEASED",
        REPRESENTATIVE,
        "system:subscriptions.remember_platform_role",
    )
    stale = await cast.representative.do("reject_connection_request", request_id=request["id"], reason="No.")
    assert stale.code == "NOT_YOUR_REQUEST"
    retaken = await cast.representative.do("take_connection_request", request_id=request["id"])
    assert retaken.code == "ROLE_NOT_HEARD_OF"
    other = cast.stage.person("usr_other", platform_roles=(ROLE,))
    taken = (await other.do("take_connection_request", request_id=request["id"])).result
    assert (taken["status"], taken["representative_id"]) == ("IN_PROGRESS", "usr_other")
    assert [(each["status"], each["representative_id"]) for each in taken["timeline"][-3:]] == [
        ("IN_PROGRESS", REPRESENTATIVE),
        ("FILED", None),
        ("IN_PROGRESS", "usr_other"),
    ]


async def test_what_was_returned_goes_to_the_queue_when_it_comes_back(cast: Cast) -> None:
    request = await cast.taken()
    await cast.representative.do("return_connection_request", request_id=request["id"], reasons=["No."])
    await cast.stage.hear(lost())
    shown = await cast.shown(request["id"])
    assert (shown["status"], shown["holder"], shown["representative_id"]) == ("RETURNED", "RECIPIENT", None)
    again = (await cast.recipient.do("submit_connection_request", request_id=request["id"])).result
    assert (again["status"], again["representative_id"]) == ("FILED", None)


async def test_what_is_finished_and_what_another_one_runs_stays_as_it_is(cast: Cast) -> None:
    done = await cast.connected()
    await cast.stage.hear(lost(), lost(2, "usr_nobody"), platform_role(REPRESENTATIVE, "SUPPORT", 3, fact="withdrawn"))
    assert (await cast.shown(done["id"]))["representative_id"] == REPRESENTATIVE
    assert await facts(cast.stage, "representative_released") == []


async def test_the_latest_counts_whatever_comes_last(cast: Cast) -> None:
    request = await cast.taken()
    await cast.stage.hear(platform_role(REPRESENTATIVE, ROLE, 3), lost(2))
    assert (await cast.shown(request["id"]))["representative_id"] == REPRESENTATIVE
    await cast.stage.hear(lost(4))
    await cast.stage.hear(platform_role(REPRESENTATIVE, ROLE, 5), platform_role(REPRESENTATIVE, ROLE, 3))
    taken = await cast.representative.do("take_connection_request", request_id=request["id"])
    assert taken.result["representative_id"] == REPRESENTATIVE
    assert len(await facts(cast.stage, "representative_released")) == 1


@pytest.mark.parametrize("verb", ["take_connection_request", "assign_representative"])
async def test_nobody_runs_what_they_got_while_they_lost_the_role(cast: Cast, verb: str) -> None:
    request = await cast.filed()
    for number in range(4):
        sequence = 10 + 2 * number
        await cast.stage.hear(platform_role(REPRESENTATIVE, ROLE, sequence))
        who = cast.representative if verb == "take_connection_request" else cast.administrator
        more = {} if verb == "take_connection_request" else {"user_id": REPRESENTATIVE}
        await asyncio.gather(who.do(verb, request_id=request["id"], **more), cast.stage.hear(lost(sequence + 1)))
        assert await queue(cast) == [("FILED", None)]
