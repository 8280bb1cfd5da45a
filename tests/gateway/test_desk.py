"""The operator's desk through the graph, over a real identity: every kind of thing that is found, and the queues in figures."""

from typing import Any

from tests.certificates import issue
from tests.gateway.test_onboarding import Portal, portal, submitted

__all__ = ["portal"]

FIND = """query($text: String!, $first: Int! = 20) { operator { find(text: $text, first: $first) { hasMore found { by thing {
  __typename
  ... on FoundOrganization { id name isTest isProvider createdAt ownerId }
  ... on FoundApplication { id name clientId createdAt organizationId organizationName }
  ... on FoundDataExchange { id number assignedAt organizationId organizationName }
  ... on FoundCertificate { id label subject serialNumber thumbprint status notBefore notAfter revokedAt
    organizationId organizationName applicationId } } } } } }"""
QUEUES = """{ operator { queues {
  onboardingRequests { waiting oldestSeconds holders { userId waiting oldestSeconds staffMember { user { name } roles } }
  } } } }"""


async def find(portal: Portal, text: str, **more: Any) -> Any:
    return (await portal.ask(portal.operator, FIND, text=text, **more))["operator"]["find"]


async def test_each_kind_of_thing_is_found(portal: Portal) -> None:
    world = portal.world
    owner, organization_id, request_id = await submitted(portal)
    await world.do("rename_organization", owner, organization_id=organization_id, name="Mežābele un draugi")
    application_id, client_id, _ = await world.application(organization_id, owner, "Mežābeles robots")
    given = {"application_id": application_id, "pem": issue(common="mezabele").pem, "name": "Mežābeles paraksts"}
    certificate = (await world.do("register_certificate", owner, **given)).result
    approved = await portal.do(portal.operator, "approve", requestId=request_id, despiteFinding="Known to me.")
    found = await find(portal, "mezabele")
    assert found["hasMore"] is False
    by_type = {each["thing"]["__typename"]: each for each in found["found"]}
    assert by_type["FoundOrganization"]["by"] == "NAME"
    organization = by_type["FoundOrganization"]["thing"]
    expected = {"id": organization_id, "name": "Mežābele un draugi", "ownerId": owner.user_id}
    assert organization.items() >= expected.items()
    belongs = {"organizationId": organization_id, "organizationName": "Mežābele un draugi"}
    application = by_type["FoundApplication"]["thing"]
    assert application.items() >= {"id": application_id, "clientId": client_id, **belongs}.items()
    shown = by_type["FoundCertificate"]["thing"]
    called = {"id": certificate["id"], "label": "Mežābeles paraksts", "status": "VALID", "applicationId": application_id}
    assert shown.items() >= (called | belongs).items()
    (exchange,) = (await find(portal, approved["number"]))["found"]
    assert (exchange["by"], exchange["thing"]["number"]) == ("NUMBER", approved["number"])
    assert exchange["thing"].items() >= belongs.items()
    assert (await find(portal, "mezabele", first=1))["hasMore"] is True


async def test_what_cannot_be_looked_for_is_told(portal: Portal) -> None:
    headers = {"authorization": f"Bearer {portal.operator.token}"}
    response = await portal.http.post("/graphql", json={"query": FIND, "variables": {"text": "x"}}, headers=headers)
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert "give at least 2 characters" in error["message"]


async def test_the_desk_is_for_the_staff_alone(portal: Portal) -> None:
    owner, organization_id, _ = await submitted(portal)
    for by in (owner, await portal.world.someone("Stranger"), None):
        assert (await portal.ask(by, FIND, text=organization_id))["operator"] is None
        assert (await portal.ask(by, QUEUES))["operator"] is None


async def test_the_queues_are_told_in_figures(portal: Portal) -> None:
    _, _, request_id = await submitted(portal)
    await submitted(portal)
    await portal.do(portal.operator, "take", requestId=request_id)
    queue = (await portal.ask(portal.operator, QUEUES))["operator"]["queues"]["onboardingRequests"]
    nobody, head = queue["holders"][0], queue["holders"][-1]
    assert (nobody["userId"], nobody["staffMember"]) == (None, None)
    assert head["staffMember"] == {"user": {"name": "Head of the Bureau"}, "roles": ["OPERATOR_ADMINISTRATOR"]}
    assert queue["waiting"] == sum(each["waiting"] for each in queue["holders"])
    assert queue["oldestSeconds"] is not None
