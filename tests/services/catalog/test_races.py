"""Two steps of one version's life at the same moment: one after the other, whichever comes first."""

import asyncio
from typing import Any

from tests.services.catalog.stage import PLAN, Published, Stage, small

SUNSET = {"sunset_at": "2090-01-01T00:00:00Z"}


async def both(stage: Stage, version_id: str, *steps: tuple[str, dict[str, Any]]) -> list[Any]:
    return await asyncio.gather(*(stage.provider.do(f"{verb}_version", version_id=version_id, **more) for verb, more in steps))


async def status_of(stage: Stage, version_id: str) -> str | None:
    (row,) = (await stage.provider.load("versions_by_id", [version_id])).rows
    return None if row is None else str(row["status"])


async def test_a_draft_is_published_or_deleted(stage: Stage) -> None:
    product = await stage.product()
    await stage.provider.do("create_plan", product_id=product["id"], **PLAN)
    version_id = (await stage.draft(product["id"], small()))["version"]["id"]
    published, deleted = await both(stage, version_id, ("publish", {}), ("delete", {}))
    if published.status == 200:
        assert (deleted.code, await status_of(stage, version_id)) == ("ONLY_DRAFTS_ARE_DELETED", "PUBLISHED")
    else:
        assert (published.code, deleted.status, await status_of(stage, version_id)) == ("NOT_FOUND", 200, None)
    assert len(await stage.facts("api_version_published")) == (published.status == 200)


async def test_an_end_comes_or_is_taken_back(stage: Stage) -> None:
    published: Published = await stage.published()
    await stage.provider.do("deprecate_version", version_id=published.version_id, **SUNSET)
    retired, kept = await both(stage, published.version_id, ("retire", {"despite_traffic": "Unsafe."}), ("undeprecate", {}))
    if retired.status == 200:
        assert (kept.code, await status_of(stage, published.version_id)) == ("ALREADY_RETIRED", "RETIRED")
    else:
        assert (retired.code, kept.status) == ("NOT_DEPRECATED", 200)
        assert await status_of(stage, published.version_id) == "PUBLISHED"
    facts = [each["type"] for each in await stage.announced() if "deprecated" in each["type"] or "retired" in each["type"]]
    assert len(facts) == 2


async def test_the_target_of_an_end_does_not_end_unnoticed_by_the_next_one_who_names_it(stage: Stage) -> None:
    published: Published = await stage.published()
    draft = (await stage.draft(published.product_id, small(), label="2.0"))["version"]["id"]
    await stage.provider.do("publish_version", version_id=draft)
    towards = {**SUNSET, "migrate_to": draft}
    assert (await stage.provider.do("deprecate_version", version_id=published.version_id, **towards)).status == 200
    await stage.provider.do("deprecate_version", version_id=draft, **SUNSET)
    await stage.provider.do("retire_version", version_id=draft, despite_traffic="Unsafe.")
    again = await stage.provider.do("deprecate_version", version_id=published.version_id, **{**towards, "note": "Soon"})
    assert again.code == "MIGRATION_TARGET_NOT_USABLE"
    without = await stage.provider.do("deprecate_version", version_id=published.version_id, **SUNSET)
    assert (without.status, without.result["migrate_to_id"]) == (200, None)
