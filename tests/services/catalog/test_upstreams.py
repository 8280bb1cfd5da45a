"""What answers a version's calls in production: who names it, what may be named, and what is announced."""

from typing import Any

import pytest

from chassis import messages
from chassis.republishing import batches
from tests.certificates import authority, issue
from tests.services.catalog.stage import OTHER, PLAIN, PROVIDER, Stage

URL = "https://api.zoo.example/v1"


async def set_upstream(stage: Stage, version_id: str, **upstream: Any) -> Any:
    return await stage.provider.do("set_upstream", version_id=version_id, **upstream)


async def shown(person: Any, version_id: str) -> Any:
    (row,) = (await person.load("upstreams_by_version", [version_id])).rows
    return row


async def test_an_upstream_is_named_shown_to_the_provider_and_announced(stage: Stage) -> None:
    published = await stage.published()
    assert published.version["answered_by"] == "SANDBOX"
    assert published.version["sandbox_url"].endswith(f"/sandbox{published.version['base_path']}")
    version = (await set_upstream(stage, published.version_id, url=f"{URL}/", host_header="zoo.internal:8443")).result
    assert version["answered_by"] == "PRODUCTION"
    said = {
        "url": URL,
        "timeout_seconds": 15,
        "host_header": "zoo.internal:8443",
        "authorities": None,
        "client_certificate": None,
    }
    assert await shown(stage.provider, published.version_id) == {"version_id": published.version_id, **said}
    (announced,) = await stage.facts("upstream_changed")
    assert announced == {
        "version_id": published.version_id,
        "api_id": version["api_id"],
        "product_id": published.product_id,
        "organization_id": PROVIDER,
        "product_slug": "accounts",
        "title": "Account API",
        "label": "1.0",
        "base_path": version["base_path"],
        **said,
    }
    envelope = (await stage.announced())[-1]
    assert (envelope["subject"], envelope["sequence"], envelope["audience"]) == (f"upstream:{published.version_id}", 1, PROVIDER)


async def test_the_same_again_announces_nothing_and_without_an_address_the_sandbox_answers(stage: Stage) -> None:
    published = await stage.published()
    for upstream in ({"url": URL}, {"url": URL}, {"url": f"{URL}/"}, {"url": URL, "timeout_seconds": 5}, {}, {}):
        answered = await set_upstream(stage, published.version_id, **upstream)
    assert answered.result["answered_by"] == "SANDBOX"
    announced = await stage.facts("upstream_changed")
    assert [(each["url"], each["timeout_seconds"]) for each in announced] == [(URL, 15), (URL, 5), (None, None)]
    assert await shown(stage.provider, published.version_id) is None


async def test_a_drafts_upstream_is_announced_with_the_version_and_before_it(stage: Stage) -> None:
    published = await stage.published()
    draft = (await stage.draft(published.product_id, label="2"))["version"]
    await set_upstream(stage, draft["id"], url=URL)
    assert await stage.facts("upstream_changed") == []
    await stage.provider.do("publish_version", version_id=draft["id"])
    told = [each["type"].split(".")[2] for each in await stage.announced()]
    assert told[-2:] == ["upstream_changed", "api_version_published"]


async def test_a_retired_version_goes_nowhere_any_more(stage: Stage) -> None:
    published = await stage.published()
    await stage.provider.do("deprecate_version", version_id=published.version_id, sunset_at="2100-01-01T00:00:00Z")
    await stage.provider.do("retire_version", version_id=published.version_id, despite_traffic="It is over.")
    assert (await set_upstream(stage, published.version_id, url=URL)).code == "ALREADY_RETIRED"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.zoo.example/v1",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest",
        "https://user:pass@api.zoo.example/",
        "https://api.zoo.example:22/",
        "https://api.zoo.example/v1?x=1",
        "https://api.zoo.example/v1#top",
        "https://api.zoo.example/v1?",
        "https://api.zoo.example/../v1",
        "https://api.zoo.example/a//b",
        "https://api.zoo.example/a%2fb",
        "https://api.zoo.example/a\\b",
        "ftp://api.zoo.example/",
        "api.zoo.example",
        "https:///v1",
        "",
    ],
)
async def test_an_address_that_leads_elsewhere_is_refused(stage: Stage, url: str) -> None:
    published = await stage.published()
    refused = await set_upstream(stage, published.version_id, url=url)
    assert (refused.status, refused.code) == (422, "UPSTREAM_NOT_ALLOWED")
    assert [each["field"] for each in refused.body["fields"]] == ["url"]


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"timeout_seconds": 0}, "timeout_seconds"),
    ({"timeout_seconds": 61}, "timeout_seconds"),
    ({"host_header": "a b"}, "host_header"),
    ({"host_header": "a\r\nx: y"}, "host_header"),
    ({"client_certificate": "../other/key"}, "client_certificate"),
    ({"client_certificate": "a" * 61}, "client_certificate"),
    ({"authorities": "hello"}, "authorities"),
    ({"authorities": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}, "authorities"),
    ({"authorities": "a" * 40_001}, "authorities"),
    ({"surprise": 1}, "surprise"),
]


async def test_what_cannot_be_used_is_refused_by_field(stage: Stage) -> None:
    published = await stage.published()
    for body, field in UNUSABLE:
        refused = await set_upstream(stage, published.version_id, **{"url": URL, **body})
        assert (refused.status, [each["field"] for each in refused.body["fields"]]) == (422, [field])


async def test_authorities_are_kept_as_certificates_alone(stage: Stage) -> None:
    published = await stage.published()
    root = authority()
    answered = await set_upstream(stage, published.version_id, url=URL, authorities=f"a note\n{root.pem}")
    assert answered.status == 200
    assert (await shown(stage.provider, published.version_id))["authorities"] == root.pem
    for unusable in (issue(by=root).pem, issue(is_ca=None).pem, root.pem * 11, root.key_pem):
        assert (await set_upstream(stage, published.version_id, url=URL, authorities=unusable)).status == 422


async def test_nobody_else_names_an_upstream_or_sees_one(stage: Stage) -> None:
    published = await stage.published()
    draft = (await stage.draft(published.product_id, label="2"))["version"]["id"]
    await set_upstream(stage, published.version_id, url=URL)
    wanted = {"version_id": published.version_id, "url": "https://127.0.0.1/"}
    observer = stage.member(PROVIDER, "OBSERVER")
    assert (await observer.do("set_upstream", **wanted)).code == "ROLE_NOT_ALLOWED"
    assert (await stage.anonymous.do("set_upstream", **wanted)).code == "SIGN_IN_FIRST"
    for person in (stage.stranger, stage.member(PLAIN, "OWNER"), stage.member(OTHER, "DEVELOPER"), stage.operator):
        for version_id in (published.version_id, draft, "ver_none"):
            refused = await person.do("set_upstream", **{**wanted, "version_id": version_id})
            assert (refused.status, refused.code) == (404, "NOT_FOUND")
        assert await shown(person, published.version_id) is None
    assert await shown(stage.anonymous, published.version_id) is None
    assert (await shown(observer, published.version_id))["url"] == URL


async def stated(stage: Stage) -> list[tuple[str, int, str | None]]:
    """What is stated anew of upstreams: of which version, under which number, where."""
    kind = next(each for each in stage.service.kinds if each.name == "upstream")
    found = [messages.read(each.body) async for batch, _ in batches(stage.service.store, kind) for each in batch]
    return [(each.subject.removeprefix("upstream:"), each.sequence, each.data["url"]) for each in found]


async def test_what_answers_is_stated_anew_also_where_it_was_taken_back(stage: Stage) -> None:
    published = await stage.published()
    draft = (await stage.draft(published.product_id, label="2"))["version"]["id"]
    await set_upstream(stage, draft, url=URL)
    assert await stated(stage) == []
    await set_upstream(stage, published.version_id, url=URL)
    assert await stated(stage) == [(published.version_id, 1, URL)]
    await set_upstream(stage, published.version_id)
    await stage.provider.do("publish_version", version_id=draft)
    assert sorted(await stated(stage)) == sorted([(published.version_id, 2, None), (draft, 1, URL)])
