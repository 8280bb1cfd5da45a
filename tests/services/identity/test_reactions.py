"""Every reaction of identity does once what it does, however often its announcement comes."""

import asyncio
from typing import Any

import pytest

from chassis.bus import Message, Reaction
from tests.certificates import issue
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import send
from tests.services.identity.world import Person, World
from tests.services.stage import envelope

PASSING = ("inbox", "throttles", "mails", "sessions", "leases", "database_sessions")  # what time and the asking itself change


async def kept(world: World) -> dict[str, list[Any]]:
    """Everything in identity's database but what changes by itself."""
    reader = world.store.reader()
    names = await world.store.client[world.store.name].list_collection_names()
    return {name: await reader.collection(name).find({}, sort=[("_id", 1)]) for name in sorted(names) if name not in PASSING}


async def announcements(world: World) -> dict[str, Message]:
    """One announcement for every reaction, about things that are there."""
    owner = await world.someone()
    organization_id = await world.organization(owner)
    application_id, client_id, _ = await world.application(organization_id, owner)
    said = await world.do("register_certificate", owner, application_id=application_id, pem=issue().pem)
    assert said.status == 200, said.body
    asked = {"kind": "CERTIFICATE", "subject_id": said.result["id"], "organization_id": organization_id}
    held = {"application_id": application_id, "organization_id": organization_id, "client_id": client_id}
    owned = {"product_id": "prd_1", "organization_id": organization_id}
    record = {"at": int(world.clock.now().timestamp() * 1000), "secret_id": "sec_1", "rejection": None}
    subscribed = {"subscription_id": "sub_1", "application_id": application_id, "product_id": "prd_1", "status": "ACTIVE"}
    return {
        **await announcements_of_subscriptions(world, owner, organization_id),
        "remember_subscription": envelope("subscriptions.subscription_activated.v1", "sub_1", 1, subscribed),
        "remember_product": envelope(
            "catalog.product_created.v1", "prd_1", 1, {**owned, "slug": "zoo", "sensitivity": "STANDARD"}
        ),
        "remember_published_version": envelope(
            "catalog.api_version_published.v1",
            "ver_1",
            1,
            {**owned, "version_id": "ver_1", "operations": [{"operation_id": "feed"}]},
        ),
        "revoke_certificates": envelope("identity.application_deleted.v1", application_id, 9, held),
        "note_provider": envelope(
            "catalog.provider_standing_granted.v1", organization_id, 1, {"organization_id": organization_id}
        ),
        "count_calls_by_secret": envelope(
            "enforcement.calls_recorded.v1", "proxy_1", 1, {"source": "proxy_1", "batch": 1, "records": [record]}
        ),
        "suspend_unconfirmed": envelope("recertification.item_not_confirmed.v1", "itm_1", 1, asked),
        "end_given_up": envelope("recertification.item_given_up.v1", "itm_2", 1, asked),
        "wind_up_organization": envelope(
            "identity.organization_deleted.v1", organization_id, 9, {"organization_id": organization_id}
        ),
    }


async def announcements_of_subscriptions(world: World, owner: Person, organization_id: str) -> dict[str, Message]:
    """What comes from where agreements are concluded and decided about."""
    between = {"organization_id": organization_id, "provider_id": "org_provider", "product_id": "prd_1", "request_id": "cnr_1"}
    file_id, evidence_id = [(await send(world, owner)).id for _ in range(2)]
    attached = {**between, "agreement_id": "agr_1", "file_id": file_id, "party": "RECIPIENT", "kind": "NDA"}
    decided = {**between, "step_id": "aps_1", "party": "PROVIDER", "evidence_file_id": evidence_id}
    return {
        "attach_to_agreement": envelope("subscriptions.agreement_attached.v1", "agr_1", 1, attached, actor=owner.user_id),
        "attach_evidence": envelope("subscriptions.approval_step_decided.v1", "aps_1", 1, decided, actor=owner.user_id),
        "remember_representative": envelope(
            "subscriptions.representative_assigned.v1", "cnr_1", 1, {**between, "representative_id": "usr_1"}
        ),
        "remember_substitute": envelope(
            "subscriptions.approver_substituted.v1", "aps_1", 1, {**between, "step_id": "aps_1", "user_id": "usr_1"}
        ),
    }


def by_name(world: World) -> dict[str, Reaction]:
    return {each.queue.removeprefix("identity."): each for each in world.service.wired_reactions()}


@pytest.mark.parametrize(
    "name",
    [
        "remember_subscription",
        "remember_product",
        "remember_published_version",
        "revoke_certificates",
        "note_provider",
        "count_calls_by_secret",
        "wind_up_organization",
        "attach_to_agreement",
        "attach_evidence",
        "remember_representative",
        "remember_substitute",
        "suspend_unconfirmed",
        "end_given_up",
    ],
)
async def test_an_announcement_that_comes_twice_has_its_effect_once(make_world: MakeWorld, name: str) -> None:
    world = await make_world()
    message = (await announcements(world))[name]
    reaction = by_name(world)[name]
    assert message.key in reaction.keys
    before, letters = await kept(world), await letters_in(world)
    await reaction.handle(message)
    await all_examined(world)
    after, written = await kept(world), await letters_in(world)
    assert (after, written) != (before, letters) or name == "wind_up_organization", "a live organization is not wound up"
    await reaction.handle(message)
    assert unsent(await kept(world)) == unsent(after)
    assert await letters_in(world) == written


async def letters_in(world: World) -> int:
    """How many letters there are, sent or not."""
    return await world.store.reader().collection("mails").count_documents({})


async def all_examined(world: World) -> None:
    """Wait until the signatures of what was attached are examined."""
    async with asyncio.timeout(60):
        while await world.store.reader().collection("findings").count_documents({"judging": "WAITING"}):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def unsent(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The same without what the relay notes of announcements that it has sent."""
    told = [{"_id": row["_id"], "body": row["body"]} for row in rows.get("outbox", [])]
    return {**rows, "outbox": told}


async def test_every_reaction_is_tried(make_world: MakeWorld) -> None:
    world = await make_world()
    assert set(by_name(world)) == set(await announcements(world))
