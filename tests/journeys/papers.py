"""What somebody entrusts to the platform beside secrets: whom they are by number, what they want data for, what they agree on."""

import asyncio
from typing import Any

from portico.authority import open_authority, plain_pdf
from portico.foreign import Graph
from tests.journeys.quiet_ways import Visitor

# Each is told to those whom it concerns, and stands in the database for them; nowhere else.
ENTRUSTED = {
    "personal code": "150385-10007",
    "what a document says": "The parties agree on 47 lighthouses.",
    "purpose of the onboarding": "To warn of forty-seven storms.",
    "legal basis of the onboarding": "Lighthouse Act, section forty-seven",
    "telephone number": "+371 2047 4747",
    "purpose of the permission": "To watch the tide for forty-seven boats.",
    "legal basis of the permission": "Harbour Act, section forty-seven",
    "purpose of the connection": "To know forty-seven captains.",
    "legal basis of the connection": "Captains Act, section forty-seven",
    "note for the representative": "Ring twice at the forty-seventh door.",
    "evidence of a decision": "Seen at the forty-seventh table.",
    "addresses of people": "@secrecy.example",
}
DOCUMENT = (
    '{"openapi": "3.0.3", "info": {"title": "Captains", "version": "1"},'
    ' "paths": {"/captains": {"get": {"responses": {"200": {"description": "Fine."}}}}}}'
)


async def an_organizations_papers(visit: Visitor, owner: Graph, operator: Graph, ids: dict[str, str]) -> None:
    """Be onboarded, ask for a permission, be connected on a signed document."""
    folder = visit.running.whole.place.keys_dir.with_name("authority")
    authority = open_authority(folder)
    signatory = authority.signatory("Olga", "Owner", f"PNOLV-{ENTRUSTED['personal code']}")
    signed = await authority.sign(plain_pdf(ENTRUSTED["what a document says"]), signatory)
    await _onboard(owner, operator, ids, signed)
    await _ask(owner, operator, ids)
    await _connect(owner, operator, ids, signed)


async def _onboard(owner: Graph, operator: Graph, ids: dict[str, str], signed: bytes) -> None:
    form = {
        "legalName": "Keepers",
        "registrationNumber": "40003000047",
        "address": "Quay 1",
        "country": "LV",
        "email": "owner@secrecy.example",
        "contact": {"name": "Olga", "email": "owner@secrecy.example", "phone": ENTRUSTED["telephone number"]},
        "providerContact": {"name": "Peter", "email": "peter@secrecy.example"},
        "purpose": ENTRUSTED["purpose of the onboarding"],
        "legalBasis": ENTRUSTED["legal basis of the onboarding"],
        "servicesText": "Tides",
    }
    selection = "... on OnboardingRequest { id status documents { signature { verdict signatures { signer { commonName } } } } }"
    drafted = await owner.do("draftOnboardingRequest", selection, organizationId=ids["organization"], form=form)
    known = {"requestId": drafted["id"]}
    await owner.do("attachSignedDocument", selection, **known, fileId=await owner.send_file("request.pdf", signed))
    await owner.do("submitOnboardingRequest", selection, **known)
    approved = await operator.do("approveOnboardingRequest", selection, **known, despiteFinding="The authority is known.")
    assert approved["documents"][0]["signature"]["signatures"][0]["signer"]["commonName"] == "Olga Owner"


async def _ask(owner: Graph, operator: Graph, ids: dict[str, str]) -> None:
    why = {"purpose": ENTRUSTED["purpose of the permission"], "legalBasis": ENTRUSTED["legal basis of the permission"]}
    selection = "... on Permission { id status purpose }"
    about = {"applicationId": ids["application"], "productId": ids["product"]}
    asked = await owner.do("requestPermission", selection, **about, **why)
    await owner.do("returnPermission", selection, permissionId=asked["id"], question="All of it?")
    await owner.do("changePermissionRequest", selection, permissionId=asked["id"], **why)
    granted = await owner.do("grantPermission", selection, permissionId=asked["id"])
    assert granted["status"] == "GRANTED"


async def _connect(owner: Graph, operator: Graph, ids: dict[str, str], signed: bytes) -> None:
    described = {"title": "Captains", "sensitivity": "CONFIDENTIAL", "sensitivityKinds": ["PERSONAL_DATA"]}
    described |= {"prerequisites": ["AGREEMENT"]}
    product = await owner.do("createProduct", "... on Product { id }", organizationId=ids["organization"], **described)
    known = {"productId": product["id"]}
    await owner.do("createPlan", "... on Plan { id }", **known, name="Basic", rateRequests=5, rateSeconds=1)
    imported = await owner.do("importApi", "... on ImportedApi { version { id } }", **known, document=DOCUMENT)
    await owner.do("publishVersion", "... on Version { id }", versionId=imported["version"]["id"])
    await owner.do("setRequiredDocuments", "... on RequiredDocuments { productId }", **known, kinds=["NDA"])
    steps = [{"party": "OPERATOR", "stage": 1, "dueDays": 5}]
    await owner.do("setApprovalChain", "... on ApprovalChain { productId }", **known, steps=steps)
    wanted = {
        "organizationId": ids["organization"],
        "applicationIds": [ids["application"]],
        "purpose": ENTRUSTED["purpose of the connection"],
        "legalBasis": ENTRUSTED["legal basis of the connection"],
        "contactNote": ENTRUSTED["note for the representative"],
    }
    selection = "... on ConnectionRequest { id status documents { id } approval { id } }"
    filed = await owner.do("fileConnectionRequest", selection, **known, **wanted)
    user_id = (await operator.ask("{ viewer { user { id } } }"))["viewer"]["user"]["id"]
    represents = {"userId": user_id, "role": "BUSINESS_REPRESENTATIVE"}
    await operator.do("grantPlatformRole", "... on StaffMember { roles }", **represents)
    await operator.do("takeConnectionRequest", selection, requestId=filed["id"])
    agreement = {"agreementId": filed["documents"][0]["id"]}
    await owner.do("attachAgreement", "... on Agreement { id }", **agreement, fileId=await owner.send_file("nda.pdf", signed))
    await owner.do(
        "countersignAgreement", "... on Agreement { id }", **agreement, fileId=await owner.send_file("both.pdf", signed)
    )
    decided = {"stepId": filed["approval"][0]["id"], "decision": "APPROVE", "evidenceNote": ENTRUSTED["evidence of a decision"]}
    await operator.do("decideApprovalStep", selection, **decided)
    await _judged(operator, agreement["agreementId"])
    begins = {"validFrom": "2026-01-01T00:00:00Z", "despiteFinding": "The authority is known."}
    await operator.do("confirmAgreement", "... on Agreement { id }", **agreement, **begins)
    done = await operator.do("completeConnectionRequest", selection, requestId=filed["id"])
    assert done["status"] == "COMPLETED"


async def _judged(operator: Graph, agreement_id: str) -> None:
    """Wait until the signatures of both files are examined."""
    text = "query($id: ID!) { node(id: $id) { ... on Agreement { files { verdict } } } }"
    async with asyncio.timeout(120):
        while True:
            files: list[dict[str, Any]] = (await operator.ask(text, id=agreement_id))["node"]["files"]
            if len(files) == 2 and all(each["verdict"] for each in files):
                return
            await asyncio.sleep(0.1)
