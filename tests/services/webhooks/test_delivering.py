"""What is sent to whom, how it is signed, and what never leaves."""

from datetime import timedelta

import orjson
import pytest
from standardwebhooks import Webhook as ForeignReceiver
from standardwebhooks import WebhookVerificationError

from services.notifications.webhooks.event_types import DECIDED, EVENT_TYPES
from tests.services.stage import envelope
from tests.services.webhooks.conftest import MakeHooks
from tests.services.webhooks.hooks import OWN, Hooks, fact, until
from tests.services.webhooks.receiver import Got, receiving


async def test_a_foreign_receiver_verifies_what_it_gets(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        message = fact(data={"name": "Adrešu meklētājs"})
        await hooks.hear(message)
        (delivered,) = await hooks.settled(webhook_id, "DELIVERED", 1)
    (got,) = receiver.got
    read = ForeignReceiver(hooks.secrets[webhook_id]).verify(got.body.decode(), got.headers)
    assert read == got.event
    assert got.id == message.id == got.event["id"] == delivered["event_id"]
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert (delivered["body"], delivered["event_type"]) == (got.body.decode(), message.key)
    assert [(each["status_code"], each["failure"], each["next_at"]) for each in delivered["attempts"]] == [(204, None, None)]
    with pytest.raises(WebhookVerificationError):
        ForeignReceiver(hooks.secrets[webhook_id]).verify(got.body.decode().replace("Adre", "adre"), got.headers)


async def test_what_is_sent_is_the_envelope_cut_to_the_one_who_gets_it(hooks: Hooks) -> None:
    """Who else may hear of it is nobody's business, nor is what one service has sealed for another."""
    told = {
        "affected_organization_ids": ["org_other", OWN, "org_third"],
        "sealed_reason": "x",
        "part": {"sealed_address": "x", "kept": 1},
    }
    message = fact(
        "catalog.api_version_deprecated.v1", audience=f"org_provider,{OWN},org_other", organization="org_provider", data=told
    )
    async with receiving() as receiver, receiving() as provider:
        await hooks.create(receiver.url)
        await hooks.create(provider.url, organization_id="org_provider")
        await hooks.hear(message)
        await until(lambda: len(receiver.got) == len(provider.got) == 1)
    heard = orjson.loads(message.body)
    subject = heard["subject"]
    expected = {**heard, "dataschema": f"https://portico.dev/contracts/events/{message.key}.json"}
    expected |= {"datacontenttype": "application/json", "time": receiver.got[0].event["time"]}
    assert receiver.got[0].event == {
        **expected,
        "audience": OWN,
        "data": {"application_id": subject, "affected_organization_ids": [OWN], "part": {"kept": 1}},
    }
    assert provider.got[0].event["audience"] == "org_provider"
    assert provider.got[0].event["data"]["affected_organization_ids"] == told["affected_organization_ids"]


async def test_a_webhook_gets_the_types_that_it_has_chosen(hooks: Hooks) -> None:
    choices = {"one": ("identity.secret_issued.v1",), "service": ("subscriptions.*",), "all": ("*",)}
    async with receiving() as receiver:
        for name, chosen in choices.items():
            await hooks.create(f"{receiver.url}/{name}", *chosen)
        for key in ("identity.secret_issued.v1", "identity.secret_retired.v1", "subscriptions.permission_granted.v1"):
            await hooks.hear(fact(key))
        await until(lambda: len(receiver.got) == 5)
    arrived = sorted((each.path.rpartition("/")[2], each.event["type"].split(".")[2]) for each in receiver.got)
    assert arrived == [
        ("all", "permission_granted"),
        ("all", "secret_issued"),
        ("all", "secret_retired"),
        ("one", "secret_issued"),
        ("service", "permission_granted"),
    ]


async def test_what_was_heard_twice_and_out_of_order_is_sent_once_and_in_order(hooks: Hooks) -> None:
    facts = [fact("identity.application_changed.v1", subject="app_1", sequence=number) for number in (1, 2, 3)]
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await receiver.down()
        await hooks.hear(facts[2], facts[0], facts[2], facts[1], *facts)
        await hooks.tried(webhook_id, 1)
        await receiver.up()
        hooks.clock.ahead += timedelta(minutes=1)
        await hooks.settled(webhook_id, "DELIVERED", 3)
    assert receiver.ids == [each.id for each in facts]


async def test_what_is_announced_once_more_long_afterwards_is_not_sent_once_more(hooks: Hooks) -> None:
    """Then nobody remembers any more that it was heard, but the log does that it was sent."""
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(message := fact())
        await hooks.settled(webhook_id, "DELIVERED", 1)
        await hooks.stage.service.store.reader().collection("inbox").delete_many({})
        await hooks.hear(message, last := fact())
        await hooks.settled(webhook_id, "DELIVERED", 2)
    assert receiver.ids == [message.id, last.id]


@pytest.mark.parametrize("key", [key for key, is_told in DECIDED.items() if not is_told])
async def test_what_is_for_services_alone_never_leaves(hooks: Hooks, key: str) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await hooks.hear(envelope(key, "thing", 1, {}, audience=OWN, organization=OWN), last := fact())
        await hooks.settled(webhook_id, "DELIVERED", 1)
    assert receiver.ids == [last.id]


async def test_only_the_audience_is_told(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.create(receiver.url)
        await hooks.create(f"{receiver.url}/other", organization_id="org_other")
        without = envelope("identity.application_created.v1", "app_x", 1, {}, organization=OWN)
        await hooks.hear(without, fact(audience="org_third"), last := fact())
        await until(lambda: bool(receiver.got))
    assert [(each.path, each.id) for each in receiver.got] == [("/hooks", last.id)]


async def test_a_test_event_goes_to_its_webhook_alone_whatever_it_has_chosen(hooks: Hooks) -> None:
    async with receiving() as receiver:
        await hooks.create(f"{receiver.url}/beside")
        webhook_id = await hooks.create(receiver.url, "catalog.plan_changed.v1")
        assert (await hooks.do("send_test_event", webhook_id)).result["id"] == webhook_id
        await hooks.hear_own()
        await hooks.settled(webhook_id, "DELIVERED", 1)
    (got,) = [each for each in receiver.got if each.event["type"] == "portico.notifications.webhook_tested.v1"]
    assert (got.path, got.event["subject"]) == ("/hooks", webhook_id)


async def test_that_a_webhook_takes_events_is_announced_once_and_not_to_itself(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        facts = [fact() for _ in range(5)]
        await hooks.hear(*facts)
        await hooks.settled(webhook_id, "DELIVERED", 5)
        await hooks.hear_own()
        await hooks.hear(last := fact())
        await hooks.settled(webhook_id, "DELIVERED", 6)
    assert sorted(receiver.ids) == sorted([*(each.id for each in facts), last.id])
    (told,) = await hooks.announced("webhook_delivered")
    assert (told["data"]["webhook_id"], told["data"]["failing_since"], told["audience"]) == (webhook_id, None, OWN)


async def test_both_secrets_sign_until_the_grace_is_over(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        first = hooks.secrets[webhook_id]
        second = (await hooks.do("rotate_webhook_secret", webhook_id, grace_seconds=60)).result["secret"]
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "DELIVERED", 1)
        third = (await hooks.do("rotate_webhook_secret", webhook_id, grace_seconds=0)).result
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "DELIVERED", 2)
    assert len({first, second, third["secret"]}) == 3
    assert third["webhook"]["former_secret_ends_at"] is None

    def verifies(secret: str, got: Got) -> bool:
        try:
            ForeignReceiver(secret).verify(got.body.decode(), got.headers)
        except WebhookVerificationError:
            return False
        return True

    secrets = (first, second, third["secret"])
    assert [[verifies(secret, got) for secret in secrets] for got in receiver.got] == [[True, True, False], [False, False, True]]


async def test_the_end_of_the_grace_is_the_end_of_the_former_secret(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        ends_at = (await hooks.do("rotate_webhook_secret", webhook_id)).result["webhook"]["former_secret_ends_at"]
        assert ends_at is not None
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "DELIVERED", 1)
        hooks.clock.ahead += timedelta(hours=24, seconds=1)
        await hooks.hear(fact())
        await hooks.settled(webhook_id, "DELIVERED", 2)
    assert [len(each.headers["webhook-signature"].split(" ")) for each in receiver.got] == [2, 1]


async def test_nothing_goes_to_a_name_that_leads_into_this_machine(make_hooks: MakeHooks) -> None:
    """Without the setting for development; and names are judged whenever they are resolved."""
    async with receiving() as receiver:
        careful = await make_hooks(webhook_loopback=False, webhook_ports=str(receiver.port))
        webhook_id = await careful.create(f"https://localhost:{receiver.port}/")
        await careful.hear(fact())
        (tried,) = await careful.tried(webhook_id, 1)
    assert (tried["attempts"][0]["failure"], receiver.got) == ("NOT_REACHABLE", [])


async def test_a_webhook_that_is_deleted_gets_nothing_more(hooks: Hooks) -> None:
    async with receiving() as receiver:
        webhook_id = await hooks.create(receiver.url)
        await receiver.down()
        await hooks.hear(fact())
        await hooks.tried(webhook_id, 1)
        assert (await hooks.do("delete_webhook", webhook_id)).result == {"id": webhook_id, "organization_id": OWN}
        await receiver.up()
        other = await hooks.create(f"{receiver.url}/other")
        hooks.clock.ahead += timedelta(hours=2)
        await hooks.hear(last := fact())
        await hooks.settled(other, "DELIVERED", 1)
    assert receiver.ids == [last.id]
    assert await hooks.webhook(webhook_id) is None


async def test_webhooks_end_with_their_organization(hooks: Hooks) -> None:
    webhook_id = await hooks.create("https://hooks.example/")
    gone = envelope("identity.organization_deleted.v1", OWN, 9, {"organization_id": OWN}, audience=OWN)
    for _ in range(2):
        await hooks.hear(gone)
    assert await hooks.webhook(webhook_id) is None


async def test_what_can_be_chosen_is_listed(hooks: Hooks) -> None:
    (listed,) = (await hooks.stage.anonymous.load("webhook_event_types", ["all"])).rows
    assert listed == list(EVENT_TYPES)
    assert "identity.member_joined.v1" in listed
    assert "enforcement.calls_recorded.v1" not in listed
