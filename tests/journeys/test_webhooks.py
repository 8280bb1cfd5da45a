"""Webhooks through the graph: what happens to an organization arrives at a receiver of theirs, signed."""

import asyncio
from typing import Any

from standardwebhooks import Webhook as ForeignReceiver

from tests.journeys.two_organizations import World
from tests.services.webhooks.hooks import until
from tests.services.webhooks.receiver import receiving

WEBHOOK = """... on Webhook { id url isEnabled disabledBecause eventTypes failingSince formerSecretEndsAt }"""
LOG = """query($id: ID!, $status: WebhookDeliveryStatus) {
  node(id: $id) { ... on Webhook { isEnabled deliveries(status: $status) {
    nodes { id eventId eventType status subject attempts { statusCode failure durationMs nextAt } body }
    pageInfo { hasNextPage }
  } } }
}"""


async def _log(world: World, webhook_id: str, status: str, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while True:
            shown = (await world.people["owner"].ask(LOG, id=webhook_id, status=status))["node"]["deliveries"]["nodes"]
            if len(shown) >= count:
                return list(shown)
            await asyncio.sleep(0.05)


async def test_what_happens_to_an_organization_arrives_where_it_wants_it(world: World) -> None:
    created = await world.make("owner", "createOrganization", "... on Organization { id }", name="With a webhook")
    own = created["id"]
    chosen = ["identity.*", "notifications.webhook_delivered.v1"]
    async with receiving() as receiver:
        wanted = {"organizationId": own, "url": receiver.url, "eventTypes": chosen, "description": "Ledger"}
        selection = "... on CreatedWebhook { secret webhook { id url description eventTypes isEnabled } }"
        made = await world.make("owner", "createWebhook", selection, **wanted)
        webhook_id = made["webhook"]["id"]
        assert made["webhook"]["eventTypes"] == chosen
        tested = await world.make("owner", "sendTestEvent", WEBHOOK, webhookId=webhook_id)
        assert tested["isEnabled"] is True
        await until(lambda: len(receiver.got) == 1)
        application = "... on CreatedApplication { application { id } }"
        made_there = await world.make("owner", "createApplication", application, organizationId=own, name="Told")
        await world.join_to(own, "developer", "DEVELOPER")
        await world.make("owner", "renameOrganization", "... on Organization { id }", organizationId=own, name="Renamed")
        wanted_types = {"application_created", "secret_issued", "member_invited", "member_joined", "organization_renamed"}
        await until(lambda: wanted_types <= {each.event["type"].split(".")[2] for each in receiver.got})
        log = await _log(world, webhook_id, "DELIVERED", len(receiver.got))
        foreign = ForeignReceiver(made["secret"])
        for got in receiver.got:
            assert foreign.verify(got.body.decode(), got.headers) == got.event
            assert got.event["audience"] == own
        assert len(set(receiver.ids)) == len(receiver.ids)
        about = [each for each in receiver.got if each.event["type"].endswith("application_created.v1")]
        assert [each.event["subject"] for each in about] == [made_there["application"]["id"]]
        assert {each["body"] for each in log} == {each.body.decode() for each in receiver.got}
        again = "... on Redelivered { deliveries areMore webhook { id } }"
        wanted_again = {"webhookId": webhook_id, "deliveryId": log[0]["id"]}
        assert (await world.make("owner", "redeliver", again, **wanted_again))["deliveries"] == 1
        await until(lambda: receiver.ids.count(log[0]["eventId"]) == 2)
        rotated = "... on RotatedWebhookSecret { secret webhook { formerSecretEndsAt } }"
        assert (await world.make("owner", "rotateWebhookSecret", rotated, webhookId=webhook_id))["secret"] != made["secret"]
        gone = await world.make("owner", "deleteWebhook", "... on DeletedWebhook { id organizationId }", webhookId=webhook_id)
        assert (gone["id"], gone["organizationId"]) == (webhook_id, own)
    assert (await world.people["owner"].ask(LOG, id=webhook_id))["node"] is None


async def test_what_can_be_chosen_is_told_to_everybody(world: World) -> None:
    for who in ("nobody", "owner"):
        listed = (await world.people[who].ask("{ webhookEventTypes }"))["webhookEventTypes"]
        assert "subscriptions.subscription_activated.v1" in listed
        assert "identity.rights_changed.v1" not in listed
