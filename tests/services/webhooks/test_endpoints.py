"""Endpoints: who may make and change them, where they may lead to, what they may choose, and that secrets are shown once."""

from typing import Any

import orjson
import pytest

from tests.passports import GRANTS, ROLES
from tests.services.webhooks.conftest import MakeHooks
from tests.services.webhooks.hooks import OWN, Hooks, fact

ADDRESS = "https://hooks.example/portico"


def verbs(webhook_id: str) -> dict[str, dict[str, Any]]:
    """Every verb, so that it would succeed."""
    of = {"webhook_id": webhook_id}
    return {
        "create_webhook": {"organization_id": OWN, "url": ADDRESS, "event_types": ["*"]},
        "change_webhook": {**of, "description": "Ours"},
        "rotate_webhook_secret": of,
        "send_test_event": of,
        "redeliver": {**of, "given_up_since": "2026-01-01T00:00:00Z"},
        "disable_webhook": of,
        "enable_webhook": of,
        "delete_webhook": of,
    }


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_does_what_the_table_says(hooks: Hooks, role: str) -> None:
    webhook_id = await hooks.create(ADDRESS)
    member = hooks.stage.member(OWN, role)
    for verb, body in verbs(webhook_id).items():
        answer = await member.do(verb, **body)
        if "MANAGE_WEBHOOKS" in GRANTS[role]:
            assert answer.status == 200, (verb, answer.body)
        else:
            assert answer.code == "ROLE_NOT_ALLOWED", verb
    assert ("MANAGE_WEBHOOKS" in GRANTS[role]) == (role != "OBSERVER")


@pytest.mark.parametrize("role", ROLES)
async def test_every_member_sees_them_and_what_was_sent(hooks: Hooks, role: str) -> None:
    webhook_id = await hooks.create(ADDRESS)
    member = hooks.stage.member(OWN, role)
    assert [each["id"] for each in (await member.load("webhooks_by_organization", [OWN])).rows[0]] == [webhook_id]
    assert (await member.load("webhooks_by_id", [webhook_id])).rows[0]["url"] == ADDRESS
    assert (await member.load("deliveries_by_webhook", [webhook_id])).rows[0]["nodes"] == []


async def test_for_strangers_they_are_like_what_does_not_exist(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS)
    stranger = hooks.stage.member("org_other", "OWNER")
    staff = hooks.stage.person("usr_staff", platform_roles=("OPERATOR_ADMINISTRATOR",))
    absent = verbs("whk_absent") | {"create_webhook": {"organization_id": "org_absent", "url": ADDRESS, "event_types": ["*"]}}
    for verb, body in verbs(webhook_id).items():
        answer = await stranger.do(verb, **body)
        assert answer.code == "NOT_FOUND", verb
        assert answer.without_trace() == (await stranger.do(verb, **absent[verb])).without_trace()
    bad = {"organization_id": OWN, "url": "ftp://x", "event_types": ["nonsense"]}
    assert (await stranger.do("create_webhook", **bad)).code == "NOT_FOUND"
    for person in (stranger, staff, hooks.stage.anonymous):
        assert (await person.load("webhooks_by_organization", [OWN, "org_absent"])).rows == [None, None]
        assert (await person.load("webhooks_by_id", [webhook_id, "whk_absent"])).rows == [None, None]
        assert (await person.load("deliveries_by_webhook", [webhook_id, "whk_absent"])).rows == [None, None]


async def test_nobody_is_told_to_sign_in_first(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS)
    for verb, body in verbs(webhook_id).items():
        assert (await hooks.stage.anonymous.do(verb, **body)).code == "SIGN_IN_FIRST", verb


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "https://127.0.0.1/", "https://10.0.0.8/", "https://[::1]/", "https://169.254.169.254/"),
        *("https://user:word@hooks.example/", "https://hooks.example:22/", "https://2130706433/", "ftp://hooks.example/", ""),
    ],
)
async def test_addresses_that_lead_elsewhere_are_refused(make_hooks: MakeHooks, url: str) -> None:
    hooks = await make_hooks(webhook_loopback=False)
    body = {"organization_id": OWN, "url": url, "event_types": ["*"]}
    refused = await hooks.owner.do("create_webhook", **body)
    assert refused.code == "WEBHOOK_URL_NOT_ALLOWED"
    assert [each["field"] for each in refused.body["fields"]] == ["url"]
    webhook_id = await hooks.create(ADDRESS)
    assert (await hooks.do("change_webhook", webhook_id, url=url)).code == "WEBHOOK_URL_NOT_ALLOWED"


async def test_types_that_there_are_not_are_named(hooks: Hooks) -> None:
    chosen = ["identity.*", "identity.rights_changed.v1", "nonsense.*", "enforcement.calls_recorded.v1"]
    refused = await hooks.owner.do("create_webhook", organization_id=OWN, url=ADDRESS, event_types=chosen)
    assert refused.code == "EVENT_TYPE_NOT_KNOWN"
    assert [each["field"] for each in refused.body["fields"]] == ["event_types.1", "event_types.2", "event_types.3"]
    assert (await hooks.owner.do("create_webhook", organization_id=OWN, url=ADDRESS, event_types=[])).code == "INPUT_NOT_USABLE"


async def test_an_organization_has_twenty_of_them_at_most(hooks: Hooks) -> None:
    made = [await hooks.create(ADDRESS) for _ in range(20)]
    body = {"organization_id": OWN, "url": ADDRESS, "event_types": ["*"]}
    assert (await hooks.owner.do("create_webhook", **body)).code == "TOO_MANY_WEBHOOKS"
    await hooks.do("delete_webhook", made[7])
    await hooks.create(ADDRESS)
    assert (await hooks.owner.do("create_webhook", **body)).code == "TOO_MANY_WEBHOOKS"


async def test_a_secret_is_shown_once_and_nowhere_kept_in_the_clear(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS)
    rotated = (await hooks.do("rotate_webhook_secret", webhook_id)).result
    secrets = [hooks.secrets[webhook_id], rotated["secret"]]
    assert all(each.startswith("whsec_") and len(each) == 50 for each in secrets)
    shown = [await hooks.webhook(webhook_id), rotated["webhook"], await hooks.stage.announced()]
    kept = await hooks.stage.service.store.reader().collection("webhooks").find({})
    for text in (orjson.dumps(shown).decode(), str(kept)):
        assert not any(each.removeprefix("whsec_").rstrip("=") in text for each in secrets)


async def test_what_is_changed_is_what_was_said(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS, "identity.*")
    changed = (await hooks.do("change_webhook", webhook_id, description="For the ledger", event_types=["*", "*"])).result
    assert (changed["url"], changed["description"], changed["event_types"]) == (ADDRESS, "For the ledger", ["*"])
    other = (await hooks.do("change_webhook", webhook_id, url="https://other.example/")).result
    assert (other["url"], other["description"]) == ("https://other.example/", "For the ledger")


@pytest.mark.parametrize("description", ["two\nlines", "x" * 201, "\u202e"])
async def test_a_description_is_one_line_of_text(hooks: Hooks, description: str) -> None:
    webhook_id = await hooks.create(ADDRESS)
    refused = await hooks.do("change_webhook", webhook_id, description=description)
    assert (refused.code, refused.body["fields"][0]["field"]) == ("INPUT_NOT_USABLE", "description")


async def test_enabling_and_disabling_say_what_stands_in_the_way(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS)
    assert (await hooks.do("enable_webhook", webhook_id)).code == "WEBHOOK_ALREADY_ENABLED"
    disabled = (await hooks.do("disable_webhook", webhook_id)).result
    assert (disabled["is_enabled"], disabled["disabled_because"]) == (False, "BY_HAND")
    assert (await hooks.do("disable_webhook", webhook_id)).code == "WEBHOOK_ALREADY_DISABLED"
    assert (await hooks.do("send_test_event", webhook_id)).code == "WEBHOOK_IS_DISABLED"
    await hooks.hear(fact())
    assert await hooks.deliveries(webhook_id) == []
    enabled = (await hooks.do("enable_webhook", webhook_id)).result
    assert (enabled["is_enabled"], enabled["disabled_because"], enabled["disabled_at"]) == (True, None, None)


async def test_redelivering_asks_for_one_or_for_all_since_a_time(hooks: Hooks) -> None:
    webhook_id = await hooks.create(ADDRESS)
    other = await hooks.create("https://other.example/")
    await hooks.hear(fact())
    (of_other,) = await hooks.deliveries(other)
    for body in ({}, {"delivery_id": of_other["id"], "given_up_since": "2026-01-01T00:00:00Z"}):
        assert (await hooks.do("redeliver", webhook_id, **body)).code == "INPUT_NOT_USABLE"
    refused = await hooks.do("redeliver", webhook_id, delivery_id=of_other["id"])
    assert (refused.code, refused.body["fields"][0]["field"]) == ("NOT_FOUND", "delivery_id")
    assert (await hooks.do("redeliver", webhook_id, given_up_since="yesterday")).code == "INPUT_NOT_USABLE"


async def test_the_log_comes_in_pages(hooks: Hooks) -> None:
    await hooks.sender.close()
    webhook_id = await hooks.create(ADDRESS)
    await hooks.hear(*(fact() for _ in range(5)))
    seen: list[str] = []
    after = None
    for _ in range(3):
        (page,) = (await hooks.owner.load("deliveries_by_webhook", [webhook_id], first=2, after=after)).rows
        seen += [each["id"] for each in page["nodes"]]
        after = page["next"]
    assert after is None
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    for bad in ({"after": "x"}, {"first": 0}, {"status": "LOST"}):
        assert (await hooks.owner.load("deliveries_by_webhook", [webhook_id], **bad)).status == 422
