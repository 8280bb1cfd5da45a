"""A connection request on the whole platform: filed, seen by provider and operator, returned, filed again, rejected."""

import asyncio
import secrets
from typing import Any

import pytest

from portico.foreign import Graph, Refused, open_account
from tests.journeys.two_organizations import CONNECTION, World
from tests.services.identity.signatures.making import signed_pdf

FILE = "fileId file { id } finding { verdict } party name size sha256 attachedAt attachedBy notAttached verdict judgedAt"

WHOLE = """id organizationId organizationName organization { id } productId providerId status holder heldSince heldSeconds
  product { id requiredDocuments approvalChain { productId steps { party stage dueDays title } } }
  representativeId createdAt filedAt timesReturned
  form { applications { applicationId name clientId } purpose legalBasis dataCategories contactNote }
  requiredDocuments
  documents { id kind status isInForce validFrom validTo organizationId providerId productId product { id } requestId renewsId
    renews { ... on Agreement { id } } createdAt history { status actor at reason }
    files { fileId file { id } finding { verdict } party name attachedAt attachedBy notAttached verdict judgedAt } }
  approval { id party stage title dueDays status openedAt dueAt isOverdue isEscalated substituteIds
    decision { stepId } decisions { stepId } }
  decisions { stepId party title decision decidedBy asSubstitute at reason evidenceNote evidenceFileId evidenceFile { id } }
  timeline { status holder representativeId since until seconds
    acts { kind at userId about representativeId reason reasons differences { part before after } } }"""
REQUEST = f"... on ConnectionRequest {{ {WHOLE} }}"


async def test_a_connection_request_goes_back_and_forth(world: World) -> None:
    ids = world.ids
    wanted = {
        **CONNECTION,
        "organizationId": ids["own_organization"],
        "productId": ids["confidential_product"],
        "applicationIds": [ids["own_application"]],
        "dataCategories": ["names"],
        "contactNote": "Write to the office.",
    }
    filed = await world.make("stranger", "fileConnectionRequest", REQUEST, **wanted)
    assert (filed["status"], filed["holder"], filed["heldSeconds"] is not None) == ("FILED", "OPERATOR", True)
    asked_for = _asked_for(filed)
    assert filed["product"]["requiredDocuments"] is not None
    assert filed["product"]["approvalChain"] is None, "who decides about others is the provider's own business"
    assert [each["party"] for each in filed["approval"]] == ["PROVIDER", "OPERATOR"]
    own = f'organization(id: "{ids["own_organization"]}") {{ connectionRequests'
    assert filed["id"] in await _listed(world, "stranger", own)

    await _are_listed_by_both(world, asked_for)
    as_provider = f'organization(id: "{ids["organization"]}") {{ connectionRequestsAsProvider(status: FILED, first: 50)'
    assert filed["id"] in await _listed(world, "administrator", as_provider)
    text = f"query($id: ID!) {{ connectionRequest(id: $id) {{ {WHOLE} }} node(id: $id) {{ __typename id }} }}"
    seen = await world.people["administrator"].ask(text, id=filed["id"])
    assert seen["node"] == {"__typename": "ConnectionRequest", "id": filed["id"]}
    assert seen["connectionRequest"]["form"]["contactNote"] == "Write to the office."
    assert seen["connectionRequest"]["organization"] is None, "of the other side the provider learns its name alone"
    assert seen["connectionRequest"]["organizationName"] == await world.name_of("own_organization", "stranger")
    assert (await world.people["developer"].ask(text, id=filed["id"]))["connectionRequest"] is None

    assert filed["id"] in await _listed(world, "operator", "operator { connectionRequests(first: 100)")
    back = await world.make("operator", "returnConnectionRequest", REQUEST, requestId=filed["id"], reasons=["Which ones?"])
    assert (back["status"], back["holder"], back["timesReturned"]) == ("RETURNED", "RECIPIENT", 1)
    again = await world.make("stranger", "fileConnectionRequest", REQUEST, **{**wanted, "purpose": "Another one."})
    difference = {"part": "PURPOSE", "before": CONNECTION["purpose"], "after": "Another one."}
    assert again["timeline"][-1]["acts"][-1]["differences"] == [difference]
    over = await world.make("operator", "rejectConnectionRequest", REQUEST, requestId=filed["id"], reason="Not for this.")
    assert (over["status"], over["holder"], over["heldSeconds"]) == ("REJECTED", None, None)
    assert [each["status"] for each in over["timeline"]] == ["DRAFT", "FILED", "RETURNED", "FILED", "REJECTED"]


def _asked_for(filed: dict[str, Any]) -> list[str]:
    """Return the documents that are still wanted: what these two concluded before stands, and is not asked for again."""
    assert {each["kind"] for each in filed["documents"]} == set(filed["requiredDocuments"])
    assert all(each["status"] in ("REQUESTED", "CONFIRMED") for each in filed["documents"])
    return [each["id"] for each in filed["documents"] if each["status"] == "REQUESTED"]


async def _are_listed_by_both(world: World, agreement_ids: list[str]) -> None:
    of_recipient = f'organization(id: "{world.ids["own_organization"]}") {{ agreements(status: REQUESTED)'
    assert set(agreement_ids) <= set(await _listed(world, "stranger", of_recipient))
    of_provider = f'organization(id: "{world.ids["organization"]}") {{ agreements(first: 100)'
    assert set(agreement_ids) <= set(await _listed(world, "administrator", of_provider))


async def _listed(world: World, who: str, start: str) -> list[Any]:
    answer = await world.people[who].ask(f"{{ {start} {{ nodes {{ id }} }} }} }}")
    (outer,) = answer.values()
    (inner,) = outer.values()
    return [each["id"] for each in inner["nodes"]]


async def _upload(world: World, who: str) -> str:
    """Send a document as somebody; return the file's id."""
    graph = world.people[who]
    headers = {
        "authorization": f"Bearer {graph.token}",
        "content-type": "application/pdf",
        "portico-file-name": "agreement.pdf",
    }
    address = world.url.removesuffix("/graphql") + "/files"
    return str((await graph._http.post(address, content=signed_pdf(), headers=headers)).json()["id"])


async def _until_judged(world: World, agreement_id: str) -> dict[str, Any]:
    """Wait until the signatures of both files are examined; return the agreement."""
    text = f"query($id: ID!) {{ node(id: $id) {{ ... on Agreement {{ status files {{ {FILE} }} }} }} }}"
    while True:
        agreement: dict[str, Any] = (await world.people["operator"].ask(text, id=agreement_id))["node"]
        if all(each["verdict"] is not None for each in agreement["files"]):
            return agreement
        await asyncio.sleep(0.1)


async def _clerk(world: World) -> str:
    """Let a business representative come; return the user's id."""
    world.people["clerk"] = Graph(world.people["stranger"]._http, world.url)
    password = secrets.token_urlsafe(18)
    clerk = await open_account(world.people["clerk"], world.mailbox, world.address_of("clerk"), password, name="Clerk")
    role = {"userId": clerk["id"], "role": "BUSINESS_REPRESENTATIVE"}
    await world.make("operator", "grantPlatformRole", "__typename", **role)
    return str(clerk["id"])


async def _offered(world: World) -> dict[str, str]:
    """Make a confidential product that takes an NDA and two approvals."""
    confidential = {"sensitivity": "CONFIDENTIAL", "sensitivityKinds": ["PERSONAL_DATA"]}
    product = await world.product(f"Census {world.mark}", is_published=True, **confidential)
    of_product = {"productId": product["product"]}
    kinds = "... on RequiredDocuments { kinds }"
    assert (await world.make("owner", "setRequiredDocuments", kinds, **of_product, kinds=["NDA"]))["kinds"] == ["NDA"]
    steps = [{"party": "PROVIDER", "stage": 1, "dueDays": 3}, {"party": "OPERATOR", "stage": 2, "dueDays": 3, "title": "The end"}]
    chain = "... on ApprovalChain { productId steps { party title } }"
    assert len((await world.make("owner", "setApprovalChain", chain, **of_product, steps=steps))["steps"]) == 2
    return product


async def _conclude(world: World, agreement_id: str) -> None:
    """Let both parties sign an agreement, and the representative confirm it."""
    agreement = {"agreementId": agreement_id}
    selection = f"... on Agreement {{ status files {{ {FILE} }} }}"
    await world.make("stranger", "attachAgreement", selection, **agreement, fileId=await _upload(world, "stranger"))
    await world.make("owner", "countersignAgreement", selection, **agreement, fileId=await _upload(world, "owner"))
    async with asyncio.timeout(120):
        judged = await _until_judged(world, agreement_id)
    assert [each["file"]["id"] == each["fileId"] for each in judged["files"]] == [True, True]
    assert [each["finding"]["verdict"] for each in judged["files"]] == [each["verdict"] for each in judged["files"]]
    confirming = {**agreement, "validFrom": "2020-01-01T00:00:00Z", "despiteFinding": "The authority is known to us."}
    assert (await world.make("clerk", "confirmAgreement", selection, **confirming))["status"] == "CONFIRMED"


async def _approve(world: World, request_id: str) -> None:
    """Let the provider and the representative approve a request."""
    first, second = (each["id"] for each in (await _whole(world, "administrator", request_id))["approval"])
    evidence = {"evidenceFileId": await _upload(world, "administrator"), "evidenceNote": "Seen."}
    await world.make("administrator", "decideApprovalStep", REQUEST, stepId=first, decision="APPROVE", **evidence)
    await world.make("clerk", "decideApprovalStep", REQUEST, stepId=second, decision="APPROVE", reason="Complete.")
    record = (await _whole(world, "stranger", request_id))["decisions"]
    assert [(each["party"], each["decision"], each["reason"]) for each in record] == [
        ("PROVIDER", "APPROVE", None),
        ("OPERATOR", "APPROVE", "Complete."),
    ]


async def test_an_organization_is_connected_and_subscribes(world: World) -> None:
    product, clerk, application = await _offered(world), await _clerk(world), world.ids["own_application"]
    of_product = {"productId": product["product"]}
    subscribing = {**of_product, "applicationId": application, "planId": product["AUTOMATIC"]}
    with pytest.raises(Refused, match="AGREEMENT_REQUIRED"):
        await world.make("stranger", "subscribe", "... on Subscription { id }", **subscribing)
    own = {"organizationId": world.ids["own_organization"], "applicationIds": [application]}
    filed = await world.make("stranger", "fileConnectionRequest", REQUEST, **CONNECTION, **of_product, **own)
    request = {"requestId": filed["id"]}
    assigned = await world.make("operator", "assignRepresentative", REQUEST, **request, userId=clerk)
    assert (assigned["status"], assigned["representativeId"]) == ("IN_PROGRESS", clerk)
    assert await _listed(world, "clerk", "operator { connectionRequests(mine: true, first: 100)") == [filed["id"]]
    (document,) = assigned["documents"]
    await _conclude(world, document["id"])
    await _approve(world, filed["id"])
    done = await world.make("clerk", "completeConnectionRequest", REQUEST, **request)
    assert (done["status"], done["documents"][0]["isInForce"]) == ("COMPLETED", True)
    subscribed = await world.make("stranger", "subscribe", "... on Subscription { id status }", **subscribing)
    assert subscribed["status"] == "ACTIVE"
    renewed = await world.make("stranger", "renewAgreement", "... on Agreement { status renewsId }", agreementId=document["id"])
    assert renewed == {"__typename": "Agreement", "status": "REQUESTED", "renewsId": document["id"]}


async def _whole(world: World, who: str, request_id: str) -> dict[str, Any]:
    text = f"query($id: ID!) {{ connectionRequest(id: $id) {{ {WHOLE} }} }}"
    found: dict[str, Any] = (await world.people[who].ask(text, id=request_id))["connectionRequest"]
    return found
