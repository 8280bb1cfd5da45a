"""A connection request on the whole platform: filed, seen by provider and operator, returned, filed again, rejected."""

from typing import Any

from tests.journeys.two_organizations import CONNECTION, World

WHOLE = """id organizationId organizationName organization { id } productId providerId status holder heldSince heldSeconds
  product { id requiredDocuments approvalChain { productId steps { party stage dueDays title } } }
  representativeId createdAt filedAt timesReturned
  form { applications { applicationId name clientId } purpose legalBasis dataCategories contactNote }
  requiredDocuments
  documents { id kind status isInForce validFrom validTo organizationId providerId productId product { id } requestId renewsId
    renews { ... on Agreement { id } } createdAt history { status actor at reason }
    files { fileId file { id } party name size sha256 attachedAt attachedBy notAttached verdict judgedAt } }
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
    assert [each["status"] for each in filed["documents"]] == ["REQUESTED"] * len(filed["requiredDocuments"])
    assert filed["product"]["requiredDocuments"] is not None
    assert filed["product"]["approvalChain"] is None, "who decides about others is the provider's own business"
    assert [each["party"] for each in filed["approval"]] == ["PROVIDER", "OPERATOR"]
    assert await _listed(world, "stranger", f'organization(id: "{ids["own_organization"]}") {{ connectionRequests') == [
        filed["id"]
    ]

    as_provider = f'organization(id: "{ids["organization"]}") {{ connectionRequestsAsProvider(status: FILED, first: 50)'
    assert filed["id"] in await _listed(world, "administrator", as_provider)
    text = f"query($id: ID!) {{ connectionRequest(id: $id) {{ {WHOLE} }} node(id: $id) {{ __typename id }} }}"
    seen = await world.people["administrator"].ask(text, id=filed["id"])
    assert seen["node"] == {"__typename": "ConnectionRequest", "id": filed["id"]}
    assert seen["connectionRequest"]["form"]["contactNote"] == "Write to the office."
    assert seen["connectionRequest"]["organization"] is None, "of the other side the provider learns its name alone"
    assert seen["connectionRequest"]["organizationName"] == "Of stranger"
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


async def _listed(world: World, who: str, start: str) -> list[Any]:
    answer = await world.people[who].ask(f"{{ {start} {{ nodes {{ id }} }} }} }}")
    (outer,) = answer.values()
    (inner,) = outer.values()
    return [each["id"] for each in inner["nodes"]]
