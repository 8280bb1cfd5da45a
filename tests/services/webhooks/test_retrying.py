"""Receivers that are away, slow or unwilling, and a sender that ends in the middle: everything arrives, under the same id."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.services.webhooks.conftest import MakeHooks
from tests.services.webhooks.hooks import OWN, Hooks, fact, until
from tests.services.webhooks.receiver import TAKEN, Got, receiving, saying


async def test_what_happened_while_the_receiver_was_away_for_an_hour_arrives_when_it_is_back(hooks: Hooks) -> None:
    facts = [fact(subject=f"app_{number % 3}", sequence=1 + number // 3) for number in range(30)]
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await receiver.down()
        for minutes in range(6):
            await hooks.hear(*facts[minutes * 5 : minutes * 5 + 5])
            await hooks.tried(webhook_id, minutes + 1)
            hooks.clock.ahead += timedelta(minutes=10)
        assert (await hooks.webhook(webhook_id))["failing_since"] is not None
        await receiver.up()
        hooks.clock.ahead += timedelta(minutes=10)
        await hooks.settled(webhook_id, "DELIVERED", 30)
    assert Counter(receiver.ids) == Counter(each.id for each in facts)
    for subject in ("app_0", "app_1", "app_2"):
        told = [each.event["sequence"] for each in receiver.got if each.event["subject"] == subject]
        assert told == sorted(told)
    assert (await hooks.webhook(webhook_id))["failing_since"] is None
    (recovered,) = await hooks.announced("webhook_delivered")
    assert recovered["data"]["failing_since"] is not None


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        (saying("500 Broken"), 500, None),
        (saying("302 Elsewhere", "Location: http://127.0.0.1:1/"), 302, None),
        (saying("404 Unknown", body=b"x" * 100_000), 404, None),
        (b"no http at all\r\n\r\n", None, "NOT_HTTP"),
        (b"", None, "NOT_HTTP"),
    ],
    ids=["500", "redirect", "404", "no http", "nothing"],
)
async def test_what_was_not_taken_is_tried_again_under_the_same_id(
    hooks: Hooks, answer: bytes, status: int | None, failure: str | None
) -> None:
    answers = [answer, answer]
    async with receiving(lambda _: answers.pop() if answers else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(message := fact())
        (tried,) = await hooks.tried(webhook_id, 1)
        (first,) = tried["attempts"]
        assert (first["status_code"], first["failure"]) == (status, failure)
        pause = datetime.fromisoformat(first["next_at"]) - datetime.fromisoformat(first["at"])
        assert timedelta(seconds=3.5) < pause < timedelta(seconds=6.5)
        await hooks.next_attempt(receiver)
        await hooks.tried(webhook_id, 2)
        await hooks.next_attempt(receiver)
        (delivered,) = await hooks.settled(webhook_id, "DELIVERED", 1)
    assert receiver.ids == [message.id] * 3
    assert [each["status_code"] for each in delivered["attempts"]] == [status, status, 204]
    assert len({each.headers["webhook-signature"] for each in receiver.got}) == 3


async def test_a_redirect_is_not_followed(hooks: Hooks) -> None:
    async with receiving() as elsewhere, receiving(lambda _: saying("307 There", f"Location: {elsewhere.url}")) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(fact())
        await hooks.tried(webhook_id, 1)
    assert elsewhere.got == []


async def test_an_answer_that_does_not_end_is_an_answer(hooks: Hooks) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000
    async with receiving(lambda _: endless) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "DELIVERED", 1)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", ["429 Slowly", "503 Later", "500 Broken"])
async def test_a_receiver_that_asks_for_a_pause_gets_it(hooks: Hooks, status: str) -> None:
    answers = [saying(status, "Retry-After: 1800")]
    async with receiving(lambda _: answers.pop() if answers else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(fact())
        (tried,) = await hooks.tried(webhook_id, 1)
        asked = datetime.fromisoformat(tried["attempts"][0]["next_at"]) - datetime.fromisoformat(tried["attempts"][0]["at"])
        assert asked == timedelta(seconds=1800)
        rests_until = datetime.fromisoformat((await hooks.webhook(webhook_id))["rests_until"])
        assert rests_until - hooks.clock.now() > timedelta(minutes=25)
        other = await hooks.create(f"{receiver.url}/other")
        hooks.clock.ahead += timedelta(minutes=20)
        await hooks.hear(second := fact())
        await hooks.settled(other, "DELIVERED", 1)
        assert len(receiver.got) == 2, "the one that asked for it is left alone; the other one is not"
        hooks.clock.ahead += timedelta(minutes=11)
        await hooks.settled(webhook_id, "DELIVERED", 2)
    assert second.id in receiver.ids


@pytest.mark.parametrize(
    "asked", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999", "soon"]
)
async def test_a_pause_that_cannot_be_read_is_none(hooks: Hooks, asked: str) -> None:
    async with receiving(lambda _: saying("500 Broken", f"Retry-After: {asked}")) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(fact())
        (tried,) = await hooks.tried(webhook_id, 1)
        assert [each["status_code"] for each in tried["attempts"]] == [500]
        assert (await hooks.webhook(webhook_id))["rests_until"] is None


async def test_a_receiver_that_is_gone_is_disabled_at_once(hooks: Hooks) -> None:
    async with receiving(lambda _: saying("410 Gone")) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(*(fact(subject="app_1", sequence=number) for number in (1, 2, 3)))
        await hooks.settled(webhook_id, "GIVEN_UP", 3)
        webhook = await hooks.webhook(webhook_id)
        assert (webhook["is_enabled"], webhook["disabled_because"]) == (False, "GONE")
        (told,) = await hooks.announced("webhook_disabled")
        assert (told["data"]["because"], told["audience"]) == ("GONE", OWN)
        await hooks.hear(fact())
        assert len(await hooks.deliveries(webhook_id)) == 3
        assert len(receiver.got) == 1


async def test_what_was_answered_that_nothing_is_wanted_is_told_as_given_up(hooks: Hooks) -> None:
    async with receiving(lambda _: saying("410 Gone")) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "GIVEN_UP", 1)
    (told,) = await hooks.announced("webhook_disabled")
    assert told["data"]["given_up"] == 1


async def test_a_slow_receiver_holds_up_no_other(make_hooks: MakeHooks) -> None:
    hooks = await make_hooks(webhook_seconds=20)
    release = asyncio.Event()

    async def slowly() -> bytes:
        await release.wait()
        return TAKEN

    async with receiving(lambda _: slowly()) as slow, receiving() as quick:
        slow_id, quick_id = await hooks.create(slow.url), await hooks.create(quick.url)
        facts = [fact() for _ in range(20)]
        await hooks.hear(*facts)
        await hooks.settled(quick_id, "DELIVERED", 20)
        await until(lambda: slow.at_once > 0)
        assert await hooks.deliveries(slow_id, "DELIVERED") == []
        release.set()
        await hooks.settled(slow_id, "DELIVERED", 20)
    assert slow.most_at_once <= 5


async def test_a_receiver_that_takes_too_long_is_tried_again(make_hooks: MakeHooks) -> None:
    hooks = await make_hooks(webhook_seconds=0.3)
    slow = asyncio.Event()

    async def never() -> bytes:
        await slow.wait()
        return TAKEN

    answers = [never()]
    async with receiving(lambda _: answers.pop() if answers else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(message := fact())
        (tried,) = await hooks.tried(webhook_id, 1)
        assert tried["attempts"][0]["failure"] == "TIMED_OUT"
        await hooks.next_attempt(receiver)
        await hooks.settled(webhook_id, "DELIVERED", 1)
        slow.set()
    assert set(receiver.ids) == {message.id}


async def test_an_event_that_is_refused_again_and_again_holds_up_no_other_for_long(hooks: Hooks) -> None:
    poison = fact(subject="app_poison", sequence=1)
    async with receiving(lambda got: saying("500 No") if got.id == poison.id else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        others = [fact() for _ in range(10)]
        behind = fact(subject="app_poison", sequence=2)
        await hooks.hear(poison, *others, behind)
        await hooks.settled(webhook_id, "DELIVERED", 10)
        assert behind.id not in receiver.ids, "an event waits for the one before it of the same subject"
        for _ in range(6):
            await hooks.next_attempt(receiver)
        await hooks.settled(webhook_id, "DELIVERED", 11)
    assert behind.id in receiver.ids


async def test_an_event_that_is_refused_again_and_again_is_not_hurried_by_others(hooks: Hooks) -> None:
    poison = fact()
    async with receiving(lambda got: saying("500 No") if got.id == poison.id else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(poison)
        await hooks.tried(webhook_id, 1)
        for number in range(4):
            await hooks.hear(fact())
            await hooks.settled(webhook_id, "DELIVERED", number + 1)
        (waiting,) = await hooks.deliveries(webhook_id, "WAITING")
        due = datetime.fromisoformat(waiting["attempts"][-1]["next_at"])
        assert datetime.fromisoformat(waiting["next_at"]) == due, "it comes when its own pause is over"


async def test_who_gives_another_address_has_what_waits_tried_there_at_once(hooks: Hooks) -> None:
    async with receiving(lambda _: saying("500 Broken", "Retry-After: 3600")) as old, receiving() as new:
        webhook_id = await hooks.create(old.url)
        await hooks.hear(message := fact())
        await hooks.tried(webhook_id, 1)
        await hooks.do("change_webhook", webhook_id, url=new.url)
        await hooks.settled(webhook_id, "DELIVERED", 1)
    assert (old.ids, new.ids) == ([message.id], [message.id])


async def test_who_disables_a_webhook_ends_what_it_is_just_being_sent(make_hooks: MakeHooks) -> None:
    """The rest of what was fetched to be sent is not sent either."""
    hooks = await make_hooks(webhook_at_once=1, webhook_seconds=60)
    release = asyncio.Event()

    async def slowly() -> bytes:
        await release.wait()
        return TAKEN

    async with receiving(lambda _: slowly()) as slow, receiving() as quick:
        webhook_id = await hooks.create(slow.url)
        await hooks.hear(*(fact() for _ in range(4)))
        await until(lambda: slow.at_once == 1)
        await hooks.do("disable_webhook", webhook_id)
        release.set()
        await hooks.settled(webhook_id, "DELIVERED", 1)
        other = await hooks.create(quick.url)
        await hooks.hear(fact())
        await hooks.settled(other, "DELIVERED", 1)
        assert len(await hooks.deliveries(webhook_id, "GIVEN_UP")) == 3
    assert len(slow.got) == 1


async def test_after_a_day_an_event_is_given_up_and_that_is_announced_once_an_hour(hooks: Hooks) -> None:
    async with receiving(lambda _: saying("500 No")) as receiver:
        webhook_id = await hooks.create(receiver.url)
        witness = await hooks.create(f"{receiver.url}/witness", "notifications.*")
        facts = [fact() for _ in range(4)]
        await hooks.hear(*facts)
        count = 0
        while len(log := await hooks.tried(webhook_id, count + 1)) > len([each for each in log if each["status"] == "GIVEN_UP"]):
            count = sum(len(each["attempts"]) for each in log)
            hooks.clock.ahead += timedelta(hours=1, minutes=20)
            assert count < 200
        first = facts[0].id
        tries = next(each for each in await hooks.deliveries(webhook_id) if each["event_id"] == first)["attempts"]
        assert 5 < len(tries) < 40
        span = datetime.fromisoformat(tries[-1]["at"]) - datetime.fromisoformat(tries[0]["at"])
        assert timedelta(hours=20) < span < timedelta(hours=27)
        told = await hooks.announced("webhook_failed")
        assert 1 <= len(told) <= 4
        assert sum(each["data"]["given_up"] for each in told) <= 4
        await hooks.hear_own()
        assert len(await hooks.deliveries(webhook_id)) == 4, "it is not told to the one that fails"
        assert len(await hooks.deliveries(witness)) == len(told)


async def test_after_days_of_nothing_but_failures_it_is_disabled_and_everything_can_be_had_again(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await receiver.down()
        first = [fact() for _ in range(3)]
        began = hooks.clock.now()
        await hooks.hear(*first)
        await hooks.tried(webhook_id, 1)
        hooks.clock.ahead += timedelta(hours=71)
        await hooks.settled(webhook_id, "GIVEN_UP", 1)
        assert (await hooks.webhook(webhook_id))["is_enabled"]
        hooks.clock.ahead += timedelta(hours=2)
        await hooks.hear(later := fact())
        await hooks.settled(webhook_id, "GIVEN_UP", 4)
        webhook = await hooks.webhook(webhook_id)
        assert (webhook["is_enabled"], webhook["disabled_because"]) == (False, "FAILING")
        (told,) = await hooks.announced("webhook_disabled")
        assert told["data"]["because"] == "FAILING"
        since = began.isoformat()
        assert (await hooks.do("redeliver", webhook_id, given_up_since=since)).code == "WEBHOOK_IS_DISABLED"
        await receiver.up()
        assert (await hooks.do("enable_webhook", webhook_id)).result["is_enabled"]
        again = (await hooks.do("redeliver", webhook_id, given_up_since=since)).result
        assert (again["deliveries"], again["are_more"]) == (4, False)
        await hooks.settled(webhook_id, "DELIVERED", 4)
    assert Counter(receiver.ids) == Counter(each.id for each in (*first, later))


async def test_one_delivery_is_sent_again_when_somebody_asks_for_it(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(message := fact())
        (delivered,) = await hooks.settled(webhook_id, "DELIVERED", 1)
        again = await hooks.do("redeliver", webhook_id, delivery_id=delivered["id"])
        assert again.result["deliveries"] == 1
        await until(lambda: len(receiver.got) == 2)
        (delivered,) = await hooks.tried(webhook_id, 2)
    assert receiver.ids == [message.id] * 2
    assert [each["status_code"] for each in delivered["attempts"]] == [204, 204]


async def test_a_sender_that_ends_in_the_middle_leaves_everything_to_the_next(make_hooks: MakeHooks) -> None:
    """The first one dies while the receiver has taken events that are not noted: they come again, under the same ids."""
    hooks = await make_hooks()
    await hooks.sender.close()
    hang = asyncio.Event()

    async def hanging() -> bytes:
        await hang.wait()
        return TAKEN

    def answer(got: Got) -> object:
        return hanging() if len(receiver.got) in range(6, 12) else TAKEN

    async with receiving(answer) as receiver:  # type: ignore[arg-type]  # either bytes or something that gives them
        webhook_id = await hooks.create(receiver.url)
        facts = [fact() for _ in range(40)]
        await hooks.hear(*facts)
        beside = await make_hooks(beside=hooks)
        await until(lambda: receiver.at_once == 5)
        await beside.sender.close()
        hang.set()
        successor = await make_hooks(beside=hooks)
        hooks.clock.ahead += timedelta(minutes=2)
        await successor.settled(webhook_id, "DELIVERED", 40)
    assert set(receiver.ids) == {each.id for each in facts}
    assert len(receiver.got) <= 40 + 5


async def test_two_processes_share_the_work_and_send_nothing_twice(make_hooks: MakeHooks) -> None:
    hooks = await make_hooks()
    beside = await make_hooks(beside=hooks)
    async with receiving() as receiver:
        webhook_ids = [await hooks.create(f"{receiver.url}/{number}") for number in range(4)]
        facts = [fact(subject=f"app_{number % 4}", sequence=number) for number in range(20)]
        for number, each in enumerate(facts):
            await (hooks if number % 2 else beside).hear(each)
        for webhook_id in webhook_ids:
            await hooks.settled(webhook_id, "DELIVERED", 20)
    sent = Counter((each.path, each.id) for each in receiver.got)
    assert len(sent) == 80
    assert set(sent.values()) == {1}


async def test_what_waited_too_long_because_nobody_sent_it_is_not_given_up_at_its_first_failure(make_hooks: MakeHooks) -> None:
    """That notifications itself was away for days is not the receiver's fault."""
    hooks = await make_hooks()
    await hooks.sender.close()
    answers = [saying("503 Starting")]
    async with receiving(lambda _: answers.pop() if answers else TAKEN) as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(*(fact() for _ in range(3)))
        hooks.clock.ahead += timedelta(days=2)
        successor = await make_hooks(beside=hooks)
        await successor.tried(webhook_id, 1)
        hooks.clock.ahead += timedelta(minutes=1)
        await successor.settled(webhook_id, "DELIVERED", 3)
