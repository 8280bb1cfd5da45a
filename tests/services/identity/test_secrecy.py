"""No secret is found anywhere but where it belongs: not in the database, not on the bus, not in the log."""

import io

import structlog

from chassis import telemetry
from chassis.calls import Call
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import PASSWORD, token_in


async def test_no_secret_is_kept_announced_or_logged(make_world: MakeWorld) -> None:
    log = io.StringIO()
    before = structlog.get_config()
    telemetry.start_logging("DEBUG", stream=log)
    try:
        world = await make_world()
        secrets = {PASSWORD}
        person = await world.someone()
        secrets |= {person.token, await world.passport(person), token_in(world.inbox.mails[0])}
        await world.do("sign_in", email=person.email, password=PASSWORD)
        organization_id = await world.organization(person)
        application_id, client_id, secret = await world.application(organization_id, person)
        rotated = (await world.do("rotate_secret", person, application_id=application_id)).result["client_secret"]
        form = f"grant_type=client_credentials&client_id={client_id}&client_secret="
        headers = {"content-type": "application/x-www-form-urlencoded"}
        for given in (secret, rotated):
            await world.caller.call(Call("identity", "/oauth/token", (form + given).encode(), headers))
        await world.inbox.close()
        await world.do("invite_member", person, organization_id=organization_id, email="x@example.com", role="OBSERVER")
        await world.do("register", email="y@example.com", password=PASSWORD, name="Y")
        secrets |= {secret, rotated}
        facts = [*await world.facts_about(organization_id, 3), *await world.facts_about(application_id, 4)]

        kept = ""
        for name in await world.store.database.list_collection_names():
            kept += str(await world.store.reader().collection(name).find({}))
        kept += (world.folder / "bus.sqlite").read_bytes().decode("latin-1")
        assert client_id in kept
        written = kept + str(facts) + log.getvalue()
        for one in secrets:
            assert one not in written
        for opening in ("ptv_", "pti_", "pts_", "pcs_"):
            assert opening not in written
        for personal in (person.email, "x@example.com"):
            assert personal not in str(facts) + log.getvalue()
    finally:
        structlog.configure(**before)
