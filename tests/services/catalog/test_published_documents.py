"""Real documents, as their publishers released them: imported, or refused for a true reason; and what is answered from them."""

import time
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT4

from services.catalog.documents.domain import Document
from services.catalog.documents.reading import read
from services.catalog.documents.references import resolve
from services.catalog.sandbox.composing import compose
from services.catalog.sandbox.domain import Answer, choose, read_preference
from tests.services.catalog.stage import PLAN, SPECS, Stage

needs_documents = pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents are not beside this repository")
IMPORTED = {"openbanking-account-info.json": 29, "openbanking-vrp.yaml": 9, "bcgov-gwells.yaml": 24}
REFUSED = {
    "bcgov-geocoder.json": (
        "DOCUMENT_NOT_READABLE",
        "document: line 108, column 13: not JSON: expecting property name enclosed in double quotes",
    ),
}
CONVERTED = {"bcgov-news-swagger2.json": 27}


@needs_documents
def test_every_published_document_is_accounted_for() -> None:
    assert {each.name for each in SPECS.iterdir()} - {"README.md"} == {*IMPORTED, *CONVERTED, *REFUSED}


@needs_documents
async def test_every_published_document_is_imported_or_refused_for_its_reason(stage: Stage) -> None:
    product = await stage.product()
    await stage.provider.do("create_plan", product_id=product["id"], **PLAN)
    for name, operations in {**IMPORTED, **CONVERTED}.items():
        text = (SPECS / name).read_text()
        imported = await stage.draft(product["id"], text)
        assert imported["operations"] == operations, name
        assert any("was converted" in each for each in imported["warnings"]) == (name in CONVERTED)
        assert name in CONVERTED or imported["warnings"] == []
        version_id = imported["version"]["id"]
        assert (await stage.provider.do("publish_version", version_id=version_id)).status == 200
        found = "originals_by_version" if name in CONVERTED else "documents_by_version"
        (kept,) = (await stage.anonymous.load(found, [version_id])).rows
        assert kept["text"] == text
        (listed,) = (await stage.anonymous.load("operations_by_version", [version_id])).rows
        for operation in listed:
            answer = await stage.call(version_id, operation["operation_id"], method=operation["method"])
            assert 200 <= answer.status < 300, operation
    for name, (code, place) in REFUSED.items():
        answered = await stage.provider.do("import_api", product_id=product["id"], document=(SPECS / name).read_text())
        assert (answered.status, answered.code, answered.said) == (422, code, [place])


@needs_documents
@pytest.mark.parametrize("name", IMPORTED)
def test_a_published_document_is_read_in_time(name: str) -> None:
    text = (SPECS / name).read_text()
    began = time.process_time()
    compose(read(text))
    assert time.process_time() - began < 4


def _without_nullable(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as the JSON Schema that it means."""
    if isinstance(node, list):
        return [_without_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _without_nullable(value) for key, value in node.items()}
    if copied.get("nullable") is True and isinstance(copied.get("type"), str):
        copied["type"] = [copied["type"], "null"]
    return copied


def _json_answers(document: Document) -> Iterator[tuple[str, Answer, Any]]:
    """Go through all answers that have a schema: each with its operation and the schema that it has to keep to."""
    answers = compose(document).answers
    for operation in document.operations:
        _, described = resolve(document.tree, "#" + operation.pointer)
        for answer in answers[operation.operation_id]:
            response = described["responses"][answer.statuses]
            if "$ref" in response:
                response = resolve(document.tree, response["$ref"])[1]
            media = (response.get("content") or {}).get(answer.media_type) or {}
            if "schema" in media:
                yield operation.operation_id, answer, media["schema"]


@needs_documents
@pytest.mark.parametrize("name", IMPORTED)
def test_every_answer_keeps_to_its_own_schema(name: str) -> None:
    document = read((SPECS / name).read_text())
    tree = _without_nullable(document.tree)
    registry: Any = Registry().with_resource("document:", DRAFT4.create_resource(tree))
    checked, wrong = 0, []
    for operation_id, answer, schema in _json_answers(document):
        about = _without_nullable(schema)
        about = {"$ref": f"document:{about['$ref']}"} if "$ref" in about else about
        absolute = orjson.loads(orjson.dumps(about).replace(b'"$ref":"#/', b'"$ref":"document:#/'))
        validator = jsonschema.Draft4Validator(absolute, registry=registry)
        errors = [error.message for error in validator.iter_errors(orjson.loads(answer.body))]
        checked += 1
        if errors:
            wrong.append((operation_id, answer.statuses, errors[:2]))
    assert wrong == []
    assert checked > 0


@needs_documents
@pytest.mark.parametrize("name", IMPORTED)
def test_every_described_status_is_answered_when_it_is_asked_for(name: str) -> None:
    document = read((SPECS / name).read_text())
    answers = compose(document).answers
    for operation in document.operations:
        _, described = resolve(document.tree, "#" + operation.pointer)
        for statuses in described["responses"]:
            chosen = choose(answers[operation.operation_id], "", read_preference(f"code={statuses}"))
            assert chosen is not None
            assert (chosen.status, chosen.applied) == (int(statuses), (f"code={statuses}",))
