"""Onboarding through the graph, over a real identity: every field of what it shows, and every verb."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from chassis.calls import AsgiCaller
from graphql_gateway.main import build
from graphql_gateway.settings import GatewaySettings
from tests.services.identity.signatures.making import signed_pdf
from tests.services.identity.world import OPERATOR, Person, World
from tests.services.mail_server import MovingClock

SIGNATURE = """kind verdict sentences judgedAt fileSha256 coverage { wholeFile signedEntries unsignedEntries }
  problems { code level message } documentTimeStamps { of time }
  signatures { label intact claimedSigningTime chain revocation covers revision revisions entries problems { code level message }
    algorithm { key digests strength } timeStamp { of time authority matches trusted chain covers }
    signer { commonName givenName surname personalCode { text masked personal } organization organizationIdentifier country issuer
      thumbprint notBefore notAfter } }"""
WHOLE = f"""id organizationId organization {{ id name }} legalName channel status holder holderName heldSince heldSeconds
  createdAt receivedAt submittedAt number sameNumber {{ requestId organizationId legalName status number }}
  form {{ legalName registrationNumber address country eAddress email phone contact {{ name email phone position }} contactRole
    providerContact {{ name email }} purpose legalBasis services {{ productId }} servicesText certificatePem }}
  documents {{ file {{ id name contentType size sha256 uploadedAt expiresAt }} attachedAt attachedBy isCurrent examination
    signature {{ {SIGNATURE} }} }}
  timeline {{ status holder holderName since until seconds
    acts {{ kind at userId userName reason reasons {{ part message }} }} }}"""
FORM = {
    "legalName": "SIA Grafs",
    "registrationNumber": "40003000001",
    "address": "Rīga",
    "country": "LV",
    "email": "office@grafs.example",
    "contact": {"name": "Laila", "email": "laila@grafs.example"},
    "providerContact": {"name": "Provider", "email": "provider@grafs.example"},
    "purpose": "To know.",
    "productIds": ["prd_1"],
}


@dataclass
class Portal:
    """A gateway before a real identity."""

    world: World
    http: httpx.AsyncClient
    operator: Person

    async def ask(self, by: Person | None, query: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {by.token}"} if by else {}
        response = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body = response.json()
        assert "errors" not in body, body
        return body["data"]

    async def do(self, by: Person | None, verb: str, **given: Any) -> Any:
        name = f"{verb}OnboardingRequest" if verb != "attach" else "attachSignedDocument"
        problem = "... on Problem { code message fields { field message } }"
        query = (
            f"mutation($i: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $i)"
            f" {{ __typename {problem} ... on OnboardingRequest {{ {WHOLE} }} }} }}"
        )
        return (await self.ask(by, query, i=given))[name]

    async def send(self, by: Person) -> str:
        headers = {
            "authorization": f"Bearer {by.token}",
            "content-type": "application/pdf",
            "portico-file-name": quote("Lūgums.pdf"),
        }
        return str((await self.http.post("/files", content=signed_pdf(), headers=headers)).json()["id"])


@pytest.fixture(scope="module")
async def portal(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path_factory.mktemp("identity"), clock)
    await world.start()
    gateway = build(GatewaySettings(cookie_secure=False), AsgiCaller({"identity": world.service.app}), world.bus, clock)
    await gateway.start()
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://portico.test", timeout=30) as http:
        yield Portal(world, http, await world.someone("Head of the Bureau", OPERATOR))
    await gateway.close()
    await world.close()


QUEUE = (
    "query($s: OnboardingStatus) { operator { platformRoles onboardingRequests(status: $s, first: 50)"
    " { totalCount nodes { id legalName status holder holderName heldSeconds } pageInfo { hasNextPage endCursor } } } }"
)


async def submitted(portal: Portal) -> tuple[Person, str, str]:
    """Return an owner, the organization, and its request with a signed document, with the operator."""
    owner = await portal.world.someone("Olga")
    organization_id = await portal.world.organization(owner)
    request_id = (await portal.do(owner, "draft", organizationId=organization_id, form=FORM))["id"]
    await portal.do(owner, "attach", requestId=request_id, fileId=await portal.send(owner))
    assert (await portal.do(owner, "submit", requestId=request_id))["status"] == "SUBMITTED"
    return owner, organization_id, request_id


async def test_a_request_is_filed_with_a_signed_document(portal: Portal) -> None:
    owner = await portal.world.someone("Olga")
    organization_id = await portal.world.organization(owner)
    drafted = await portal.do(owner, "draft", organizationId=organization_id, form={**FORM, "servicesText": "More"})
    assert (drafted["__typename"], drafted["status"], drafted["organization"]["name"]) == ("OnboardingRequest", "DRAFT", "Acme")
    request_id = drafted["id"]
    changed = await portal.do(owner, "change", requestId=request_id, form={**FORM, "contactRole": "OBSERVER"})
    assert (changed["form"]["contactRole"], changed["form"]["services"]) == ("OBSERVER", [{"productId": "prd_1"}])
    attached = await portal.do(owner, "attach", requestId=request_id, fileId=await portal.send(owner))
    [document] = attached["documents"]
    assert document["file"]["name"] == "Lūgums.pdf"
    # No authority is trusted here, so the signer is named, and not trusted.
    assert document["signature"]["verdict"] == "SIGNED_NOT_TRUSTED"
    [signature] = document["signature"]["signatures"]
    assert signature["signer"]["commonName"] == "Anna Bērziņa"
    assert signature["signer"]["personalCode"]["text"] is None
    assert signature["timeStamp"]["of"] == "SIGNATURE"
    assert signature["problems"]
    handed_in = await portal.do(owner, "submit", requestId=request_id)
    assert (handed_in["status"], handed_in["sameNumber"]) == ("SUBMITTED", None)


async def test_the_operator_sees_the_queue_and_nobody_else_does(portal: Portal) -> None:
    owner, _, request_id = await submitted(portal)
    seen = (await portal.ask(portal.operator, QUEUE))["operator"]
    assert seen["platformRoles"] == ["OPERATOR_ADMINISTRATOR"]
    assert request_id in [each["id"] for each in seen["onboardingRequests"]["nodes"]]
    others = (await portal.ask(portal.operator, QUEUE, s="APPROVED"))["operator"]["onboardingRequests"]["nodes"]
    assert request_id not in [each["id"] for each in others]
    for by in (owner, None):
        assert (await portal.ask(by, QUEUE))["operator"] is None


async def test_a_request_is_returned_filed_again_and_approved(portal: Portal) -> None:
    owner, organization_id, request_id = await submitted(portal)
    assert (await portal.do(portal.operator, "take", requestId=request_id))["holderName"] == "Head of the Bureau"
    refused = await portal.do(portal.operator, "approve", requestId=request_id)
    assert (refused["code"], [each["field"] for each in refused["fields"]]) == ("FINDING_NOT_GOOD", ["despiteFinding"])
    reasons = [{"part": "PURPOSE", "message": "Which?"}]
    returned = await portal.do(portal.operator, "return", requestId=request_id, reasons=reasons)
    assert returned["timeline"][-1]["acts"][0]["reasons"] == reasons
    await portal.do(owner, "attach", requestId=request_id, fileId=await portal.send(owner))
    await portal.do(owner, "submit", requestId=request_id)
    approved = await portal.do(portal.operator, "approve", requestId=request_id, despiteFinding="Known to me.")
    assert approved["status"] == "APPROVED"

    exchange = "dataExchange { id number assignedAt certificates { nodes { id } } }"
    query = f"query($o: ID!) {{ organization(id: $o) {{ {exchange} onboardingRequests {{ {WHOLE} }} }} }}"
    mine = (await portal.ask(owner, query, o=organization_id))["organization"]
    assert mine["dataExchange"]["number"] == approved["number"] == mine["onboardingRequests"][0]["number"]
    for node_id, kind in ((request_id, "OnboardingRequest"), (mine["dataExchange"]["id"], "DataExchange")):
        node = "query($n: ID!) { node(id: $n) { __typename id } }"
        assert (await portal.ask(owner, node, n=node_id))["node"] == {"__typename": kind, "id": node_id}
        assert (await portal.ask(None, node, n=node_id))["node"] is None


async def test_a_bad_form_names_the_fields_as_the_graph_spells_them(portal: Portal) -> None:
    owner = await portal.world.someone()
    given = {**FORM, "legalName": "", "contact": {"name": "x", "email": "y"}, "productIds": []}
    organization_id = await portal.world.organization(owner)
    said = await portal.do(owner, "draft", organizationId=organization_id, form=given)
    assert (said["code"], [each["field"] for each in said["fields"]]) == (
        "INPUT_NOT_USABLE",
        ["form.legalName", "form.contact.email"],
    )
    said = await portal.do(owner, "draft", organizationId=organization_id, form={**FORM, "productIds": []})
    assert [each["field"] for each in said["fields"]] == ["form.productIds", "form.servicesText"]


async def test_what_came_on_paper_is_recorded_rejected_and_withdrawn(portal: Portal) -> None:
    given = {"channel": "PAPER", "receivedAt": "2026-01-02T10:00:00Z", "language": "LV", "form": FORM}
    ids = []
    for _ in range(2):
        recorded = await portal.do(portal.operator, "record", **given, fileId=await portal.send(portal.operator))
        assert (recorded["channel"], recorded["organizationId"], recorded["organization"]) == ("PAPER", None, None)
        ids.append(recorded["id"])
    assert ids[0] in [each["requestId"] for each in recorded["sameNumber"]]
    rejected = await portal.do(portal.operator, "reject", requestId=ids[0], reason="Twice.")
    assert (rejected["status"], rejected["timeline"][-1]["acts"][0]["reason"]) == ("REJECTED", "Twice.")
    withdrawn = await portal.do(portal.operator, "withdraw", requestId=ids[1], reason="By telephone.")
    assert withdrawn["status"] == "WITHDRAWN"
    said = await portal.do(None, "record", **given, fileId="fil_1")
    assert said["code"] == "SIGN_IN_FIRST"


async def test_may_i_file_is_answered_from_the_table(portal: Portal) -> None:
    team = await portal.world.team()
    query = "query($o: ID!) { viewer { can(action: FILE_ONBOARDING_REQUEST, on: $o) { allowed reason } } }"
    told = {
        role: (await portal.ask(person, query, o=team.organization_id))["viewer"]["can"]["allowed"]
        for role, person in team.members.items()
    }
    assert told == {"OWNER": True, "ADMINISTRATOR": True, "DEVELOPER": False, "OBSERVER": False}


async def test_a_file_tells_its_finding_to_whoever_sees_it(portal: Portal) -> None:
    owner, _, request_id = await submitted(portal)
    seen = await portal.ask(
        owner, "query($id: ID!) { node(id: $id) { ... on OnboardingRequest { documents { file { id } } } } }", id=request_id
    )
    file_id = seen["node"]["documents"][0]["file"]["id"]
    found = "name examination finding { verdict signatures { signer { commonName } } }"
    text = f"query($id: ID!) {{ node(id: $id) {{ ... on File {{ {found} }} }} }}"
    file = (await portal.ask(owner, text, id=file_id))["node"]
    assert (file["examination"], file["finding"]["verdict"]) == ("DONE", "SIGNED_NOT_TRUSTED")
    assert (await portal.ask(await portal.world.someone(), text, id=file_id))["node"] is None
    loose = (await portal.ask(owner, text, id=await portal.send(owner)))["node"]
    assert (loose["examination"], loose["finding"]) == (None, None)


async def test_the_staff_is_granted_and_seen_in_the_graph(portal: Portal) -> None:
    officer, staff = await portal.world.someone("Officer"), "user { id name email } roles"

    async def do(verb: str, by: Person, **given: Any) -> Any:
        answer = f"{{ __typename ... on Problem {{ code }} ... on StaffMember {{ {staff} }} }}"
        head = f"mutation($i: {verb[0].upper()}{verb[1:]}Input!)"
        return (await portal.ask(by, f"{head} {{ {verb}(input: $i) {answer} }}", i=given))[verb]

    granted = await do("grantPlatformRole", portal.operator, email=officer.email, role="SECURITY_OFFICER")
    assert (granted["user"]["id"], granted["roles"]) == (officer.user_id, ["SECURITY_OFFICER"])
    listed = f"query($r: PlatformRole) {{ operator {{ platformRoles staff(role: $r) {{ {staff} }} }} }}"
    operator = (await portal.ask(officer, listed, r="SECURITY_OFFICER"))["operator"]
    assert operator["platformRoles"] == ["SECURITY_OFFICER"]
    assert [each["user"]["name"] for each in operator["staff"]] == ["Officer"]
    assert (await do("grantPlatformRole", officer, userId=officer.user_id, role="SUPPORT"))["code"] == "OPERATOR_ONLY"
    taken = await do("withdrawPlatformRole", portal.operator, userId=officer.user_id, role="SECURITY_OFFICER")
    assert taken["roles"] == []
    for by in (officer, None):
        assert (await portal.ask(by, listed, r=None))["operator"] is None
    refused = await do("withdrawPlatformRole", portal.operator, userId=portal.operator.user_id, role="OPERATOR_ADMINISTRATOR")
    assert refused["code"] == "ROLE_FROM_SETTING"
