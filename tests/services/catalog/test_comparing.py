"""Comparing versions: who may, how it is bounded and kept, and what a provider is warned of before publishing."""

import asyncio
import copy
from typing import Any

import orjson
import pytest

from services.catalog.differences.domain import RULES
from services.catalog.documents import meaning
from services.catalog.documents.domain import DocumentTooComplex
from services.catalog.documents.reading import read
from services.catalog.documents.references import resolve
from services.catalog.main import build
from services.catalog.products import repository as products
from services.catalog.products.lives import Version, VersionStatus
from services.catalog.settings import CatalogSettings
from services.catalog.versions.comparing import Comparer, StillComparing, major_of
from services.catalog.versions.reading import Limits
from tests.passports import make_verifier
from tests.services.catalog.stage import PATIENT, PROVIDER, SPECS, Published, Stage, small
from tests.services.catalog.test_differences import sides


def without_one() -> dict[str, Any]:
    document = copy.deepcopy(small())
    del document["paths"]["/accounts/{id}"]
    return document


async def drafted(stage: Stage, published: Published, document: dict[str, Any], label: str) -> str:
    return str((await stage.draft(published.product_id, document, label=label))["version"]["id"])


async def compared(person: Any, former: str, later: str) -> Any:
    (row,) = (await person.load("comparisons", [{"former": former, "later": later}])).rows
    return row


async def test_a_draft_is_compared_for_the_providers_members_alone(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "2.0")
    row = await compared(stage.member(PROVIDER, "OBSERVER"), published.version_id, draft)
    assert (row["former_id"], row["later_id"], row["is_breaking"], row["is_complete"]) == (
        published.version_id,
        draft,
        True,
        True,
    )
    (only,) = row["differences"]
    assert (only["kind"], only["operation"], only["place"]) == (
        "OPERATION_REMOVED",
        "GET /accounts/{id}",
        "/paths/~1accounts~1{id}/get",
    )
    back = await compared(stage.provider, draft, published.version_id)
    assert [(each["kind"], each["breaking"]) for each in back["differences"]] == [("OPERATION_ADDED", False)]
    for person in (stage.stranger, stage.operator, stage.anonymous):
        assert await compared(person, published.version_id, draft) is None
    await stage.provider.do("publish_version", version_id=draft)
    assert await compared(stage.anonymous, published.version_id, draft) == row


async def test_what_does_not_belong_together_is_not_compared(stage: Stage) -> None:
    published, other = await stage.published(), await stage.published("cards")
    pairs = [(published.version_id, published.version_id), (published.version_id, other.version_id), ("ver_never", "ver_no")]
    for former, later in pairs:
        assert await compared(stage.provider, former, later) is None
    told = {"sunset_at": "2090-01-01T00:00:00Z", "migrate_to": other.version_id}
    await stage.provider.do("deprecate_version", version_id=published.version_id, **told)
    assert (await compared(stage.anonymous, published.version_id, other.version_id))["differences"] == []
    assert await compared(stage.anonymous, other.version_id, published.version_id) is None
    answered = await stage.provider.load("comparisons", [{"former": 1}])
    assert (answered.status, answered.code) == (422, "INPUT_NOT_USABLE")


async def test_a_comparison_is_kept_and_forgotten_with_its_draft(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "2.0")
    kept = stage.service.store.reader().collection("comparisons")
    first = await compared(stage.provider, published.version_id, draft)
    (row,) = await kept.find({})
    assert await compared(stage.provider, published.version_id, draft) == first
    assert await kept.find({}) == [row]
    await stage.provider.do("delete_version", version_id=draft)
    assert await kept.find({}) == []


async def test_a_comparison_that_takes_too_long_is_ended_and_not_begun_again_at_once(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "2.0")
    reader = stage.service.store.reader()
    impatient = Comparer(Limits(max_bytes=10**7, seconds=0.01, memory_bytes=2 * 1024**3, at_once=1))
    with pytest.raises(DocumentTooComplex):
        await impatient.compare(reader, published.version_id, draft)
    answered = await stage.provider.load("comparisons", [{"former": published.version_id, "later": draft}])
    assert (answered.status, answered.code) == (422, "DOCUMENT_TOO_COMPLEX")
    # It does not keep the draft from being published, but the provider is told that nobody knows.
    result = (await stage.provider.do("publish_version", version_id=draft)).result
    assert result["warnings"] == []


async def test_a_comparison_goes_on_when_nobody_waits_for_it_and_is_there_for_whoever_asks_again(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "1.1")
    reader = stage.service.store.reader()
    hurried = Comparer(Limits(max_bytes=10**7, seconds=60, memory_bytes=2 * 1024**3, at_once=1), patience_seconds=0.001)
    for _ in range(2):
        with pytest.raises(StillComparing) as caught:
            await hurried.compare(reader, published.version_id, draft)
        assert (caught.value.code, caught.value.status, caught.value.retry_after_seconds) == ("STILL_COMPARING", 409, 5)
    kept = stage.service.store.reader().collection("comparisons")

    while not await kept.count_documents({}):  # noqa: ASYNC110 - the database tells it in no other way
        await asyncio.sleep(0.05)
    found = await hurried.compare(reader, published.version_id, draft)
    assert found is not None
    assert [each["kind"] for each in found["differences"]] == ["OPERATION_REMOVED"]
    await hurried.close()


async def test_who_asks_the_service_again_gets_what_went_on(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "2.0")
    settings = CatalogSettings(**{**PATIENT, "comparison_patience_seconds": 0.001})
    service = build(settings, stage.service.bus, stage.service.store, make_verifier(stage.keys))
    person = Stage(service, stage.sandbox, stage.keys).provider
    pair = {"former": published.version_id, "later": draft}
    answered = await person.load("comparisons", [pair])
    assert (answered.status, answered.code, answered.body["retry_after_seconds"]) == (409, "STILL_COMPARING", 5)
    while (answered := await person.load("comparisons", [pair])).status == 409:  # noqa: ASYNC110 - it tells in no other way
        await asyncio.sleep(0.05)
    assert answered.rows[0]["is_breaking"]
    for worker in service.workers:
        await worker.close()


async def test_publishing_does_not_wait_for_a_long_comparison(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "1.1")
    hurried = Comparer(Limits(max_bytes=10**7, seconds=60, memory_bytes=2 * 1024**3, at_once=1), patience_seconds=0.001)
    reader = stage.service.store.reader()
    product = (await products.by_versions(reader, [draft]))[draft]
    found = product.version(draft)
    assert found is not None
    (said,) = await hurried.warnings_before(reader, product, found[1])
    assert said.startswith("Whether it breaks callers of 1.0 is not known: The two versions are still being compared")
    await hurried.close()


async def test_what_was_found_by_other_rules_is_found_anew(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "2.0")
    row = await compared(stage.provider, published.version_id, draft)
    kept = stage.service.store.reader().collection("comparisons")
    await kept.update_many({}, {"$set": {"rules": RULES - 1, "gzip": b"of another time"}})
    assert await compared(stage.provider, published.version_id, draft) == row


@pytest.mark.parametrize(
    ("label", "document", "warns"),
    [("1.1", without_one(), True), ("v1-b", without_one(), True), ("2.0", without_one(), False), ("1.1", small(), False)],
)
async def test_a_provider_is_warned_of_a_break_that_the_label_does_not_tell(
    stage: Stage, label: str, document: dict[str, Any], warns: bool
) -> None:
    published = await stage.published()
    assert published.version["warnings"] == []
    draft = await drafted(stage, published, document, label)
    version = (await stage.provider.do("publish_version", version_id=draft)).result
    said = (
        f"It breaks callers of 1.0, and its label {label} does not say so by another major number: GET /accounts/{{id}} is gone."
    )
    assert version["warnings"] == ([said] if warns else [])
    assert (version["status"], version["label"]) == ("PUBLISHED", label)


async def test_a_comparison_that_failed_is_a_warning_and_no_obstacle(stage: Stage) -> None:
    published = await stage.published()
    draft = await drafted(stage, published, without_one(), "1.1")
    impatient = Comparer(Limits(max_bytes=10**7, seconds=0.01, memory_bytes=2 * 1024**3, at_once=1))
    with pytest.raises(DocumentTooComplex):
        await impatient.compare(stage.service.store.reader(), published.version_id, draft)
    version = (await stage.provider.do("publish_version", version_id=draft)).result
    assert version["status"] == "PUBLISHED"
    assert version["warnings"][0].startswith("Whether it breaks callers of 1.0 is not known: ")


@pytest.mark.parametrize(
    ("label", "major"),
    [("v1", "1"), ("1.2.3", "1"), ("V01", "1"), ("2024-11", "2024"), ("beta", None), ("0.9", "0"), ("v", None)],
)
def test_a_labels_major_number(label: str, major: str | None) -> None:
    assert major_of(label) == major
    assert Version("ver_1", label, VersionStatus.DRAFT, "3.0.3", 1).label == label


@pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents are not beside this repository")
async def test_a_published_document_is_compared_with_less_of_itself(stage: Stage) -> None:
    text = (SPECS / "openbanking-account-info.json").read_text()
    published = await stage.published("bank", text)
    less = orjson.loads(text)
    path = next(iter(less["paths"]))
    less["paths"].pop(path)
    draft = await drafted(stage, published, less, "90.0")
    row = await compared(stage.provider, published.version_id, draft)
    assert {each["kind"] for each in row["differences"]} == {"OPERATION_REMOVED"}


@pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents are not beside this repository")
@pytest.mark.parametrize("name", ["openbanking-account-info.json", "openbanking-vrp.yaml", "bcgov-gwells.yaml"])
def test_published_documents_are_the_same_as_themselves_and_lose_what_is_taken(name: str) -> None:
    read_once = read((SPECS / name).read_text())
    former, later = read_once.tree, copy.deepcopy(read_once.tree)
    assert sides(former, later) == []
    path = next(iter(later["paths"]))
    gone = [method for method in later["paths"].pop(path) if method in meaning.METHODS]
    removed = sides(former, later)
    assert [each["kind"] for each in removed] == ["OPERATION_REMOVED"] * len(gone)
    for schema in later["components"]["schemas"].values():
        if isinstance(schema, dict) and "required" in schema:
            schema.pop("required")
    loosened = [each for each in sides(former, later) if each["kind"] == "PROPERTY_BECAME_OPTIONAL"]
    assert any(each["breaking"] for each in loosened)
    for each in sides(former, later):
        tree = former if each["is_in_former"] else later
        assert resolve(tree, f"#{each['place'].replace('%', '%25')}")[0], each
