"""What is answered about connections has every field that the graph reads from it, in the graph's own words."""

import typing
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import get_named_type, is_enum_type, is_object_type

from chassis.mongo import Collection, Reader
from chassis.paging import Page
from chassis.principal import Principal
from graphql_gateway.engine.declare import Read
from graphql_gateway.schema import model
from services.subscriptions.connections import access
from services.subscriptions.connections.domain import WITH_OPERATOR
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import PRODUCT, product, version
from tests.services.subscriptions.concluding import CONCLUDER, Cast, offer

AT_THE_DESK = Principal(id="usr_1", platform_roles=frozenset({"BUSINESS_REPRESENTATIVE"}))


def missing(type_name: str, row: dict[str, Any], path: str) -> Iterator[str]:
    """Name each field of a type that a row lacks, and each value that an enumeration of the graph does not have."""
    for name, field in model().types[type_name].items():
        if not isinstance(field.source, Read):
            continue
        key = field.source.name or field.python_name
        if key not in row:
            yield f"{path}.{name}"
            continue
        named = get_named_type(field.graphql.type)
        values = row[key] if isinstance(row[key], list) else [row[key]]
        for value in values:
            if value is None:
                continue
            if is_object_type(named):
                yield from missing(named.name, value, f"{path}.{name}")
            elif is_enum_type(named) and value not in named.values:
                yield f"{path}.{name}: {value}"


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer())
    return Cast(empty_stage)


async def test_a_request_that_went_all_the_way(cast: Cast) -> None:
    request = await cast.taken()
    await cast.representative.do("return_connection_request", request_id=request["id"], reasons=["No."])
    await cast.filed(purpose="Another one.")
    await cast.attached_all(request)
    evidence = {"evidence_file_id": await cast.upload(CONCLUDER), "evidence_note": "Seen."}
    await cast.decide(cast.provider, request["id"], reason="Fine.", **evidence)
    shown = await cast.shown(request["id"])
    assert shown["decisions"]
    assert shown["documents"][0]["files"]
    assert list(missing("ConnectionRequest", shown, "request")) == []


async def test_a_chain_and_the_documents_of_a_product(cast: Cast) -> None:
    step = {"party": "SECURITY", "stage": 1, "due_days": 2, "title": "Is it safe?"}
    chain = (await cast.provider.do("set_approval_chain", product_id=PRODUCT, steps=[step])).result
    assert list(missing("ApprovalChain", chain, "chain")) == []
    documents = (await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])).result
    assert list(missing("RequiredDocuments", documents, "documents")) == []
    (agreement,) = (await cast.filed())["documents"]
    assert list(missing("Agreement", agreement, "agreement")) == []


class Counting:
    """A reader that notes which collections are asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def collection(self, name: str) -> Collection:
        self.asked.append(name)
        return self._reader.collection(name)


async def test_a_page_costs_the_same_reads_however_long_it_is(cast: Cast) -> None:
    costs = []
    for number in range(3):
        name = f"prd_{number}"
        await cast.stage.hear(product(product_id=name, sensitivity="CONFIDENTIAL"), version(product_id=name))
        await cast.filed(product_id=name)
        reader = Counting(cast.stage.service.store.reader(AT_THE_DESK))
        found = await access.queue(typing.cast("Reader", reader), WITH_OPERATOR, Page(), is_mine=False)
        assert found is not None
        assert found[1] == number + 1
        costs.append(sorted(reader.asked))
    assert costs[0] == costs[1] == costs[2]
