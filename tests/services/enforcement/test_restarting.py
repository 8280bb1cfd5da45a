"""What was heard before an end is known to whoever begins after it: every kind of thing, by the copies or by a snapshot."""

from typing import Any

from chassis.local import LocalBus
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.copies import KEYS
from services.enforcement.state.feed import Feed
from services.enforcement.state.repository import copies_after
from services.enforcement.state.snapshots import SNAPSHOTS, Snapshot
from services.enforcement.state.world import World
from tests.services.enforcement.stage import Issuer, Stage, until


async def _announce_everything(stage: Stage) -> set[str]:
    """Announce something of every kind, most of it twice; return under which keys."""
    heard: set[str] = set()

    async def tell(key: str, subject: str, **data: Any) -> None:
        heard.add((await stage.announce(key, subject, **data)).key)

    client, product = await stage.application(), await stage.product()
    subscription_id, permission_id = await stage.subscribe(client, product), await stage.permit(client, product)
    await stage.subscribe(client, product, "SUSPENDED", subscription_id, causes=["PROVIDER"])
    await stage.permit(client, product, "revoked", permission_id=permission_id)
    await stage.life(product, "deprecated")
    await stage.life(product, "undeprecated")
    await stage.life(product, "retired")
    await stage.serve(product, "https://192.0.2.1/v1")
    await stage.plan(product, "plan_changed", rate_requests=1)
    ids = {"application_id": client.application_id, "organization_id": client.organization_id, "client_id": client.client_id}
    await tell("identity.secret_retired", client.application_id, secret_id=client.secret_id, **ids)
    await tell("identity.client_key_registered", "key_1", key_id="key_1", **ids)
    await tell("identity.client_key_removed", "key_1", key_id="key_1", **ids)
    for fact in ("registered", "suspended", "resumed", "revoked"):
        await tell(f"identity.certificate_{fact}", "crt_1", certificate_id="crt_1", **ids)
    await tell("identity.token_revoked", "jti_1", token_id="jti_1", expires_at="2100-01-01T00:00:00Z")
    await tell("identity.application_deleted", client.application_id, **ids)
    await tell("identity.organization_deleted", "org_gone", organization_id="org_gone")
    return heard


def _kinds(world: World) -> int:
    everything = (world._applications, world._withdrawn, world._products, world._versions, world._lives)
    return sum(map(bool, (*everything, world._upstreams, world._plans, world._subscriptions, world._deleted_organizations)))


async def _begun_anew(stage: Stage, issuer: Issuer, bus: LocalBus) -> World:
    """The state of a process that begins with what is kept."""
    service = build(EnforcementSettings(keys_dir=issuer.folder, data_plane=None), bus, stage.service.store)
    (feed,) = [each for each in service.workers if isinstance(each, Feed)]
    await feed.start()
    await feed.close()
    return feed._world


async def test_whatever_was_heard_is_known_to_the_next_one(stage: Stage, issuer: Issuer, bus: LocalBus) -> None:
    assert await _announce_everything(stage) <= set(KEYS)
    feed, reader = stage.worker(Feed), stage.service.store.reader()
    world = feed._world

    async def all_is_kept() -> bool:
        kept = {row["_id"]: row["sequence"] for row in await reader.collection("copies").find({})}
        return world.knows("org_gone", 1) and kept == world._sequences

    await until(all_is_kept, 60)
    for begins_with in ("copies", "a snapshot"):
        begun = await _begun_anew(stage, issuer, bus)
        assert begun._sequences == world._sequences, begins_with
        for name in (
            "_applications",
            "_withdrawn",
            "_products",
            "_lives",
            "_upstreams",
            "_plans",
            "_subscriptions",
            "_suspended",
        ):
            assert getattr(begun, name) == getattr(world, name), (begins_with, name)
        assert _kinds(begun) == _kinds(world) == 9
        read = await feed.read_again()
        await feed._leave(Snapshot(read.through, await copies_after(reader, None)))
        assert await reader.collection(SNAPSHOTS).count_documents({}) == 2
