"""Procedure B with a confidential product: documents signed by both parties, a chain of approvals, and only then a call.

Seven people with the roles that each step wants: the recipient's Owner, Administrator and Developer, the provider, and of the
operator an administrator, a business representative and a security officer. Each step is also tried too early or by others.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console

from portico.authority import Authority, Signatory, open_authority, plain_pdf
from portico.foreign import Graph
from portico.journeys.calling import access_token, answers, targets_of
from portico.journeys.traveller import Place, Traveller, expect, expect_refused, until

PRODUCT = "accounts"
KINDS = ["PARTNERSHIP_CONTRACT", "NDA", "TECHNICAL_ASSIGNMENT", "ADDITIONAL_AGREEMENT"]
GOOD = "SIGNED_AND_TIMESTAMPED"
_VERSIONS = "versions { id label status callUrl operations { operationId method path } }"
_FIELDS = f"id slug title plans {{ id name }} apis {{ {_VERSIONS} }}"
_AGREEMENT = "... on Agreement { id kind status isInForce files { party verdict } }"
_STEP = "approval { id party stage status decision { decision reason } }"
_REQUEST = f"... on ConnectionRequest {{ id status representativeId documents {{ id kind status }} {_STEP} }}"
_CREATED = "... on CreatedApplication { clientSecret application { id clientId } }"


@dataclass(slots=True)
class People:
    """Who takes part."""

    owner: Graph
    administrator: Graph
    developer: Graph
    provider: Graph
    operator: Graph
    representative: Graph
    security: Graph


@dataclass(slots=True)
class Walk:
    """What the journey has gathered on its way."""

    t: Traveller
    people: People
    authority: Authority
    product: dict[str, Any]
    organization_id: str
    addresses: dict[str, str]
    application: dict[str, Any] = field(default_factory=dict)
    client_secret: str = ""
    request_id: str = ""
    agreements: dict[str, str] = field(default_factory=dict)
    signed: dict[str, bytes] = field(default_factory=dict)
    subscription_id: str = ""

    async def next_is(self, kind: str, *, state: str = "OPEN", verb: str | None = None) -> None:
        """Go on once ``requires`` names this step as the next one."""
        text = "query($slug: String!, $a: ID) { product(slug: $slug) { nextStep(applicationId: $a) { kind state verb } } }"
        wanted = {"kind": kind, "state": state} | ({"verb": verb} if verb else {})
        asked = {"slug": PRODUCT, "a": self.application["id"]}
        await until(lambda: self.people.developer.ask(text, **asked), ("product", "nextStep"), wanted)

    async def request(self, by: Graph) -> dict[str, Any]:
        """Return the request as somebody sees it."""
        text = f"query($id: ID!) {{ connectionRequest(id: $id) {{ __typename {_REQUEST} }} }}"
        return dict((await by.ask(text, id=self.request_id))["connectionRequest"])


async def walk_confidential(place: Place, *, shows: bool = False, console: Console | None = None) -> Walk:
    """Walk procedure B with a confidential product. Raises ``Mismatch`` at the first thing that is not as it should be."""
    async with httpx.AsyncClient(timeout=30) as http:
        t = Traveller(place, http, console or Console(soft_wrap=True), shows)
        began_at = time.perf_counter()
        w = await _meet(t)
        for step in (_application, _file, _assign, _attach, _countersign, _approve, _confirm, _subscribe, _suspend):
            await step(w)
        t.console.print(
            f"\nProcedure B with a confidential product took {time.perf_counter() - began_at:.1f} s.", highlight=False
        )
        return w


async def _meet(t: Traveller) -> Walk:
    with t.step("B1-B3 seven people: three of the recipient, the provider, three of the operator"):
        owner, _ = await t.newcomer("Olivia Owner")
        administrator, address = await t.newcomer("Adam Administrator")
        developer, developers = await t.newcomer("Diana Developer")
        representative, representatives = await t.newcomer("Ben Representative")
        security, officers = await t.newcomer("Sofia Security")
        provider = await t.signed_in(t.place.provider_email, t.place.provider_password)
        operator = await t.signed_in(t.place.operator_email, t.place.operator_password)
        for email, role in ((representatives, "BUSINESS_REPRESENTATIVE"), (officers, "SECURITY_OFFICER")):
            await operator.do("grantPlatformRole", "... on StaffMember { __typename }", email=email, role=role)
        made = await owner.do("createOrganization", "... on Organization { id }", name="SIA Ledger")
        for graph, email, role in ((administrator, address, "ADMINISTRATOR"), (developer, developers, "DEVELOPER")):
            invitation = {"organizationId": made["id"], "email": email, "role": role}
            await owner.do("inviteMember", "... on Invitation { id }", **invitation)
            await graph.do(
                "acceptInvitation", "... on Membership { role }", token=await t.mailbox.token_for(email, about="invit")
            )
        product = (await developer.ask(f"query($slug: String!) {{ product(slug: $slug) {{ {_FIELDS} }} }}", slug=PRODUCT))[
            "product"
        ]
        chain = [
            {"party": "PROVIDER", "stage": 1, "dueDays": 5},
            {"party": "SECURITY", "stage": 1, "dueDays": 5},
            {"party": "OPERATOR", "stage": 2, "dueDays": 5},
        ]
        await provider.do("setApprovalChain", "... on ApprovalChain { productId }", productId=product["id"], steps=chain)
        people = People(owner, administrator, developer, provider, operator, representative, security)
        addresses = {"administrator": address, "representative": representatives}
        return Walk(t, people, open_authority(t.place.authority), product, made["id"], addresses)


async def _application(w: Walk) -> None:
    with w.t.step("B4, B6 choose the product, create an application; the product requires an agreement"):
        made = await w.people.developer.do("createApplication", _CREATED, organizationId=w.organization_id, name="Ledger robot")
        w.application, w.client_secret = made["application"], made["clientSecret"]
        await w.next_is("AGREEMENT", verb="fileConnectionRequest")
        await expect_refused("AGREEMENT_REQUIRED", _subscribed(w))


async def _subscribed(w: Walk) -> dict[str, Any]:
    wanted = {"applicationId": w.application["id"], "productId": w.product["id"], "planId": w.product["plans"][0]["id"]}
    return await w.people.developer.do("subscribe", "... on Subscription { id status }", **wanted)


async def _file(w: Walk) -> None:
    with w.t.step("B5 file the connection request; the documents that it takes are listed"):
        asked = {
            "organizationId": w.organization_id,
            "productId": w.product["id"],
            "applicationIds": [w.application["id"]],
            "purpose": "To show people all their accounts in one place.",
            "legalBasis": "Consent of the account holder",
        }
        await expect_refused("ROLE_NOT_ALLOWED", w.people.developer.do("fileConnectionRequest", _REQUEST, **asked))
        filed = await w.people.administrator.do("fileConnectionRequest", _REQUEST, **asked)
        w.request_id = filed["id"]
        w.agreements = {each["kind"]: each["id"] for each in filed["documents"]}
        expect(sorted(w.agreements) == sorted(KINDS), f"four documents are asked for: {sorted(w.agreements)}")
        await w.next_is("AGREEMENT", verb="attachAgreement")


async def _assign(w: Walk) -> None:
    with w.t.step("B5 a business representative is assigned; the recipient is informed"):
        known = {"requestId": w.request_id}
        await expect_refused("REPRESENTATIVE_MISSING", w.people.operator.do("completeConnectionRequest", _REQUEST, **known))
        user = (await w.people.representative.ask("{ viewer { user { id } } }"))["viewer"]["user"]["id"]
        refused = w.people.administrator.do("assignRepresentative", _REQUEST, **known, userId=user)
        await expect_refused("ONLY_ADMINISTRATORS_ASSIGN", refused)
        assigned = await w.people.operator.do("assignRepresentative", _REQUEST, **known, userId=user)
        expect(assigned["representativeId"] == user, "the representative is assigned")
        await w.t.mailbox.letter_to(w.addresses["administrator"], about="Account information")


async def _attach(w: Walk) -> None:
    with w.t.step("B5 the recipient signs and attaches the four documents"):
        known = {"agreementId": w.agreements["NDA"]}
        early = w.people.representative.do("confirmAgreement", _AGREEMENT, **known, validFrom=datetime.now(UTC).isoformat())
        await expect_refused("NOT_TO_BE_CONFIRMED", early)
        signatory = w.authority.signatory("Adam", "Administrator", "PNOLV-020280-54321")
        for kind in KINDS:
            w.signed[kind] = await w.authority.sign(plain_pdf(f"{kind} of SIA Ledger"), signatory)
            file_id = await w.people.administrator.send_file(f"{kind}.pdf", w.signed[kind])
            asked = {"agreementId": w.agreements[kind], "fileId": file_id}
            if kind == "NDA":
                await expect_refused("ROLE_NOT_ALLOWED", w.people.developer.do("attachAgreement", _AGREEMENT, **asked))
            attached = await w.people.administrator.do("attachAgreement", _AGREEMENT, **asked)
            expect(attached["status"] == "ATTACHED", f"{kind} is attached")
        await w.next_is("AGREEMENT", state="WAITING", verb="countersignAgreement")


async def _countersign(w: Walk) -> None:
    with w.t.step("B5 the provider countersigns; each signature is judged"):
        signatory: Signatory = w.authority.signatory("Peter", "Provider", "PNOLV-030370-11111")
        for kind in KINDS:
            both = await w.authority.sign(w.signed[kind], signatory)
            file_id = await w.people.provider.send_file(f"{kind}.pdf", both)
            asked = {"agreementId": w.agreements[kind], "fileId": file_id}
            await w.people.provider.do("countersignAgreement", _AGREEMENT, **asked)
        text = f"query($id: ID!) {{ node(id: $id) {{ __typename {_AGREEMENT} }} }}"
        good = [{"party": "RECIPIENT", "verdict": GOOD}, {"party": "PROVIDER", "verdict": GOOD}]
        for kind in KINDS:
            asking = {"id": w.agreements[kind]}
            await until(lambda asking=asking: w.people.representative.ask(text, **asking), ("node",), {"files": good})  # type: ignore[misc]


async def _approve(w: Walk) -> None:
    with w.t.step("B5 provider and security approve side by side, then the operator"):
        steps = {each["party"]: each for each in (await w.request(w.people.representative))["approval"]}
        states = {party: each["status"] for party, each in steps.items()}
        expect(states == {"PROVIDER": "OPEN", "SECURITY": "OPEN", "OPERATOR": "WAITING"}, f"the first stage is open: {states}")

        async def decide(by: Graph, party: str) -> None:
            known = {"stepId": steps[party]["id"], "decision": "APPROVE", "reason": "In order."}
            await by.do("decideApprovalStep", f"__typename {_REQUEST}", **known)

        await expect_refused("STEP_NOT_OPEN", decide(w.people.representative, "OPERATOR"))
        await expect_refused("NOT_YOUR_STEP", decide(w.people.security, "PROVIDER"))
        await decide(w.people.provider, "PROVIDER")
        await decide(w.people.security, "SECURITY")
        await decide(w.people.representative, "OPERATOR")
        seen = (await w.request(w.people.administrator))["approval"]
        expect(all(each["decision"]["reason"] == "In order." for each in seen), "the recipient reads each decision")


async def _confirm(w: Walk) -> None:
    with w.t.step("B5 the representative confirms each document, and completes the request"):
        known = {"requestId": w.request_id}
        await expect_refused(
            "AGREEMENTS_NOT_CONFIRMED", w.people.representative.do("completeConnectionRequest", _REQUEST, **known)
        )
        begins = datetime.now(UTC).isoformat()

        async def confirm(kind: str) -> dict[str, Any]:
            asked = {"agreementId": w.agreements[kind], "validFrom": begins}
            return await w.people.representative.do("confirmAgreement", _AGREEMENT, **asked)

        await expect_refused("TECHNICAL_ASSIGNMENT_FIRST", confirm("ADDITIONAL_AGREEMENT"))
        for kind in KINDS:
            expect((await confirm(kind))["status"] == "CONFIRMED", f"{kind} is in force")
        done = await w.people.representative.do("completeConnectionRequest", _REQUEST, **known)
        expect(done["status"] == "COMPLETED", "the request is completed")
        await w.next_is("SUBSCRIPTION", verb="subscribe")


async def _subscribe(w: Walk) -> None:
    with w.t.step("B7-B9 subscribe and call"):
        w.subscription_id = (await _subscribed(w))["id"]
        await w.next_is("CALL")
        token = await access_token(w.t, w.application["clientId"], w.client_secret)
        await answers(w.t, targets_of(w.product)[0], token, 200)


async def _suspend(w: Walk) -> None:
    with w.t.step("   the provider suspends and resumes: the call is refused with its cause, then passes again"):
        known = {"subscriptionId": w.subscription_id}
        seen = "... on Subscription { status }"
        token = await access_token(w.t, w.application["clientId"], w.client_secret)
        await w.people.provider.do("suspendSubscription", seen, **known, reason="An audit is under way.")
        answer = await answers(w.t, targets_of(w.product)[0], token, 403)
        expect(answer.json()["code"] == "SUBSCRIPTION_SUSPENDED", "the caller is told why")
        await expect_refused("HELD_BY_ANOTHER", w.people.developer.do("resumeSubscription", seen, **known))
        await w.people.provider.do("resumeSubscription", seen, **known)
        await answers(w.t, targets_of(w.product)[0], token, 200)
