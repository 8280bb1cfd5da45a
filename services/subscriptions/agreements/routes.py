"""How to ask about agreements over HTTP; what moves a connection request along, too, is asked of that noun."""

from starlette.routing import BaseRoute

from chassis.paging import connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.subscriptions.agreements import access, actions
from services.subscriptions.agreements.domain import Agreement
from services.subscriptions.agreements.inputs import Between, ListArguments, OfAgreement, SetRequiredDocuments
from services.subscriptions.agreements.rows import agreement_row


async def shown(asked: Asked, agreement: Agreement) -> Json:
    """Return an agreement to whoever has just done something about it."""
    reader = asked.reader()
    return agreement_row(agreement, await access.findings_of(reader, [agreement]), reader.now)


async def _renew(asked: Asked) -> Json:
    given = asked.read(OfAgreement)
    return await shown(asked, await asked.transact(lambda tx: actions.renew_agreement(tx, given.agreement_id)))


async def _load_by_id(asked: Asked) -> Json:
    reader, ids = asked.reader(), asked.ids
    found = await access.visible_agreements(reader, ids)
    findings = await access.findings_of(reader, found.values())
    return [agreement_row(found[key], findings, reader.now) if key in found else None for key in ids]


async def _load_between(asked: Asked) -> Json:
    reader = asked.reader()
    given = [read_input(Between, key) for key in asked.keys]
    pairs = [(each.organization_id, each.provider_id) for each in given]
    found = await access.between(reader, pairs)
    findings = await access.findings_of(reader, [each for listed in found.values() for each in listed])
    return [[agreement_row(each, findings, reader.now) for each in found[pair]] if pair in found else None for pair in pairs]


async def _load_by_organization(asked: Asked) -> Json:
    given, reader = read_input(ListArguments, asked.args), asked.reader()
    page = read_page(given.first, given.after)
    pages = await access.of_organizations(reader, asked.ids, given.status, page)
    findings = await access.findings_of(reader, [each for listed, _ in pages.values() for each in listed])
    made = {
        key: connection(
            [agreement_row(each, findings, reader.now) for each in listed], page, lambda row: (row["id"],), total=total
        )
        for key, (listed, total) in pages.items()
    }
    return [made.get(key) for key in asked.ids]


async def _load_required(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.required_kinds(asked.reader(), ids)
    return [list(found[key]) if key in found else None for key in ids]


def routes(edge: Edge, *, patience_seconds: float) -> list[BaseRoute]:
    """Return the routes; ``patience_seconds`` is how long a verb waits for what has not been heard of yet."""

    async def set_required_documents(asked: Asked) -> Json:
        given = asked.read(SetRequiredDocuments)
        product_id, kinds = await asked.transact(
            lambda tx: actions.set_required_documents(tx, given.product_id, given.kinds), patience_seconds=patience_seconds
        )
        return {"product_id": product_id, "kinds": list(kinds)}

    r = Routes(edge)
    r.do("set_required_documents", set_required_documents)
    r.do("renew_agreement", _renew)
    r.load("agreements_by_id", _load_by_id)
    r.load("agreements_by_organization", _load_by_organization)
    r.load("agreements_between", _load_between)
    r.load("required_documents_by_product", _load_required)
    return r.collected
