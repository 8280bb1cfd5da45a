"""Procedure A: a recipient is onboarded on a signed request, permitted by the data's provider, subscribes and calls.

``requires`` names the next step at every point and the journey follows it. Each step is also tried by the wrong one or too early.
The second half is the other branch: a recipient that is onboarded already names its Client ID, and the provider permits it.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console

from portico.authority import open_authority, plain_pdf
from portico.foreign import Graph
from portico.journeys.being_told import Told, in_language, is_told
from portico.journeys.calling import access_token, answers, targets_of
from portico.journeys.traveller import Place, Traveller, expect, expect_refused, until

PRODUCT = "persons"
PERMITTED, NOT_PERMITTED = "checkResidence", "getPerson"
_VERSIONS = "versions { id label status callUrl operations { operationId method path } }"
_FIELDS = f"id slug title prerequisites plans {{ id name }} apis {{ {_VERSIONS} }}"
_CREATED = "... on CreatedApplication { clientSecret application { id clientId } }"
_PERMISSION = "... on Permission { id status isInForce operations applicant { organizationName clientId dataExchangeNumber } }"
_REQUEST = "... on OnboardingRequest { id status number documents { signature { verdict } } }"
_SUPPORT = "... on SupportRequest { id status waitsFor }"
_THREAD = "status messages { nodes { side text channel } }"


@dataclass(slots=True)
class Walk:
    """Who walks, and what they have on their way."""

    t: Traveller
    recipient: Graph
    provider: Graph
    operator: Graph
    product: dict[str, Any]
    contact: str
    organization_id: str = ""
    number: str = ""
    application: dict[str, Any] = field(default_factory=dict)
    client_secret: str = ""
    permission_id: str = ""
    subscription_id: str = ""

    def target(self, operation: str) -> tuple[str, str, str]:
        """Return where an operation is called."""
        return next(each for each in targets_of(self.product) if each[0] == operation)

    async def next_is(self, kind: str, *, state: str = "OPEN", verb: str | None = None) -> None:
        """Go on once ``requires`` names this step as the next one; announcements may take a moment."""
        text = "query($slug: String!, $a: ID, $o: ID) { product(slug: $slug) { nextStep(applicationId: $a, organizationId: $o)"
        text += " { kind state verb waitsFor step reason } } }"
        known = {"a": self.application["id"]} if self.application else {"o": self.organization_id or None}
        wanted = {"kind": kind, "state": state} | ({"verb": verb} if verb else {})
        await until(lambda: self.recipient.ask(text, slug=self.product["slug"], **known), ("product", "nextStep"), wanted)


async def walk_procedure_a(place: Place, *, shows: bool = False, console: Console | None = None) -> Walk:
    """Walk procedure A, both branches. Raises ``Mismatch`` at the first thing that is not as it should be."""
    async with httpx.AsyncClient(timeout=30) as http:
        t = Traveller(place, http, console or Console(soft_wrap=True), shows)
        began_at = time.perf_counter()
        w = await _browse(t)
        before = await in_language(w.provider, "RU")
        try:
            for step in (_file, _approve, _application, _permission, _subscribe, _revoke, _ask_for_help, _already_onboarded):
                await step(w)
        finally:
            await in_language(w.provider, before)
        t.console.print(f"\nProcedure A took {time.perf_counter() - began_at:.1f} s.", highlight=False)
        return w


async def _browse(t: Traveller) -> Walk:
    with t.step("A1 browse the catalogue without an account; the product tells what it requires"):
        text = f"query($slug: String!) {{ product(slug: $slug) {{ {_FIELDS} requires {{ kind state verb step }} }} }}"
        product = (await t.graph().ask(text, slug=PRODUCT))["product"]
        kinds = [each["kind"] for each in product["requires"]]
        expect(kinds[0] == "SIGN_IN" and {"ONBOARDING", "PERMISSION"} <= set(kinds), f"a visitor is told the way: {kinds}")
        recipient, contact = await t.newcomer("Rita Recipient")
        await in_language(recipient, "LV")
        provider = await t.signed_in(t.place.provider_email, t.place.provider_password)
        operator = await t.signed_in(t.place.operator_email, t.place.operator_password)
        w = Walk(t, recipient, provider, operator, product, contact)
        made = await recipient.do("createOrganization", "... on Organization { id }", name="SIA Residence")
        w.organization_id = made["id"]
        await w.next_is("APPLICATION", verb="createApplication")
        return w


async def _file(w: Walk) -> None:
    with w.t.step("A3 fill in the onboarding request, sign it, file it"):
        form = {
            "legalName": "SIA Residence",
            "registrationNumber": f"4000{secrets.randbelow(10**7):07}",
            "address": "Brivibas iela 1, Riga",
            "country": "LV",
            "email": w.contact,
            "contact": {"name": "Rita Recipient", "email": w.contact},
            "providerContact": {"name": "Peter Provider", "email": w.t.place.provider_email},
            "purpose": "To deliver parcels where somebody lives.",
            "productIds": [w.product["id"]],
        }
        drafted = await w.recipient.do("draftOnboardingRequest", _REQUEST, organizationId=w.organization_id, form=form)
        w.permission_id = drafted["id"]  # the request's id, until there is a permission
        known = {"requestId": drafted["id"]}
        await expect_refused("SIGNED_DOCUMENT_MISSING", w.recipient.do("submitOnboardingRequest", _REQUEST, **known))
        authority = open_authority(w.t.place.authority)
        signatory = authority.signatory("Rita", "Recipient", "PNOLV-010190-12345")
        signed = await authority.sign(plain_pdf("SIA Residence asks to be onboarded."), signatory)
        file_id = await w.recipient.send_file("request.pdf", signed)
        await w.recipient.do("attachSignedDocument", _REQUEST, **known, fileId=file_id)
        filed = await w.recipient.do("submitOnboardingRequest", _REQUEST, **known)
        expect(filed["status"] == "SUBMITTED", "the request is filed")
        await expect_refused("OPERATOR_ONLY", w.recipient.do("approveOnboardingRequest", _REQUEST, **known))


async def _approve(w: Walk) -> None:
    with w.t.step("A4 the operator reads the finding, approves; both contacts are informed in their languages"):
        known = {"requestId": w.permission_id}
        await w.operator.do("takeOnboardingRequest", _REQUEST, **known)
        text = f"query($id: ID!) {{ node(id: $id) {{ {_REQUEST} }} }}"
        found = {"documents": [{"signature": {"verdict": "SIGNED_AND_TIMESTAMPED"}}]}
        await until(lambda: w.operator.ask(text, id=w.permission_id), ("node",), found)
        approved = await w.operator.do("approveOnboardingRequest", _REQUEST, **known)
        w.number = approved["number"]
        expect(w.number, "the data-exchange number is assigned")
        for told in (
            Told(w.recipient, w.contact, "ONBOARDING_APPROVED", "Jūsu organizācija ir pieslēgta"),
            Told(w.provider, w.t.place.provider_email, "ONBOARDING_PROVIDER_INFORMED", "Подключён получатель данных"),
        ):
            letter = await is_told(w.t, told, about=w.number)
            expect("SIA Residence" in letter, "the letter names the recipient")


async def _application(w: Walk) -> None:
    with w.t.step("A5 register the application"):
        made = await w.recipient.do("createApplication", _CREATED, organizationId=w.organization_id, name="Parcel robot")
        w.application, w.client_secret = made["application"], made["clientSecret"]
        await w.next_is("PERMISSION", verb="requestPermission")
        await expect_refused("PERMISSION_REQUIRED", _subscribed(w))


async def _subscribed(w: Walk) -> dict[str, Any]:
    wanted = {"applicationId": w.application["id"], "productId": w.product["id"], "planId": w.product["plans"][0]["id"]}
    return await w.recipient.do("subscribe", "... on Subscription { id status }", **wanted)


async def _permission(w: Walk) -> None:
    with w.t.step("A6 ask for the permission; the provider sees who asks, grants less than asked; the recipient is informed"):
        asked = {"applicationId": w.application["id"], "productId": w.product["id"]}
        why = {"purpose": "To deliver parcels.", "legalBasis": "Contract with the addressee"}
        permission = await w.recipient.do("requestPermission", _PERMISSION, **asked, **why)
        w.permission_id = permission["id"]
        await w.next_is("PERMISSION", state="WAITING", verb="grantPermission")
        asks = Told(w.provider, w.t.place.provider_email, "PERMISSION_REQUESTED", "Приложение просит вашего разрешения")
        await is_told(w.t, asks, about=w.permission_id)
        granting = {"permissionId": w.permission_id, "operations": [PERMITTED]}
        await expect_refused("ONLY_THE_PROVIDER_PERMITS", w.recipient.do("grantPermission", _PERMISSION, **granting))
        text = f"query($id: ID!) {{ node(id: $id) {{ {_PERMISSION} }} }}"
        seen = (await w.provider.ask(text, id=w.permission_id))["node"]
        expect(seen["applicant"]["dataExchangeNumber"] == w.number, "the provider sees that the recipient is onboarded")
        expect(seen["applicant"]["clientId"] == w.application["clientId"], "the provider sees the Client ID")
        granted = await w.provider.do("grantPermission", _PERMISSION, **granting)
        expect((granted["status"], granted["isInForce"]) == ("GRANTED", True), "the permission is in force")
        letter = await is_told(w.t, Told(w.recipient, w.contact, "PERMISSION_GRANTED", "Atļauja ir dota"), about=w.permission_id)
        expect("Parcel robot" in letter, "the recipient is told for which application")
        await w.next_is("SUBSCRIPTION", verb="subscribe")


async def _subscribe(w: Walk) -> None:
    with w.t.step("A7 subscribe and call: what is permitted passes, what is not is refused"):
        w.subscription_id = (await _subscribed(w))["id"]
        await w.next_is("CALL")
        token = await access_token(w.t, w.application["clientId"], w.client_secret)
        await answers(w.t, w.target(PERMITTED), token, 200)
        answer = await answers(w.t, w.target(NOT_PERMITTED), token, 403)
        expect(answer.json()["code"] == "OPERATION_NOT_PERMITTED", "the refusal names what is missing")


async def _revoke(w: Walk) -> None:
    with w.t.step("   the provider revokes: the subscription stands still by itself; granted anew, it goes on"):
        reason = "The contract has ended."
        await w.provider.do("revokePermission", _PERMISSION, permissionId=w.permission_id, reason=reason)
        text = "query($id: ID!) { subscription(id: $id) { status holds { cause } } }"
        wanted = {"status": "SUSPENDED", "holds": [{"cause": "PERMISSION"}]}
        await until(lambda: w.recipient.ask(text, id=w.subscription_id), ("subscription",), wanted)
        token = await access_token(w.t, w.application["clientId"], w.client_secret)
        answer = await answers(w.t, w.target(PERMITTED), token, 403)
        expect(answer.json()["code"] == "SUBSCRIPTION_SUSPENDED", f"the caller is told why: {answer.text[:200]}")
        letter = await w.t.mailbox.letter_to(w.contact, about=reason)
        expect("Parcel robot" in letter, "the recipient is told what for, and why")
        again = {"clientId": w.application["clientId"], "productId": w.product["id"]}
        await w.provider.do("grantPermissionTo", _PERMISSION, **again)
        await until(lambda: w.recipient.ask(text, id=w.subscription_id), ("subscription",), {"status": "ACTIVE"})
        await answers(w.t, w.target(NOT_PERMITTED), token, 200)


async def _ask_for_help(w: Walk) -> None:
    with w.t.step("A8 ask for help about the subscription; the operator answers by mail, the recipient answers that mail"):
        text = "query($slug: String!, $a: ID) { product(slug: $slug) { requires(applicationId: $a) { kind"
        text += " help { about category } } } }"
        steps = (await w.recipient.ask(text, slug=w.product["slug"], a=w.application["id"]))["product"]["requires"]
        helped = next(each["help"] for each in steps if each["kind"] == "SUBSCRIPTION")
        asked = {"organizationId": w.organization_id, "subject": "Parcels wait", "text": "Why did the calls stop?", **helped}
        opened = await w.recipient.do("openSupportRequest", _SUPPORT, **asked)
        expect(opened["waitsFor"] == "OPERATOR", "it waits for the operator")
        known = {"requestId": opened["id"]}
        await expect_refused("NOT_FOUND", w.provider.do("replySupportRequest", _SUPPORT, **known, text="Who asks?"))
        await w.operator.do("takeSupportRequest", _SUPPORT, **known)
        answer = f"The provider had revoked the permission ({secrets.token_hex(4)}). Do they pass again?"
        answered = await w.operator.do("replySupportRequest", _SUPPORT, **known, text=answer)
        expect(answered["waitsFor"] == "USER", "it waits for the recipient")
        await w.t.mailbox.answer(w.contact, "They do. Thank you!", about=answer)
        text = f"query($id: ID!) {{ supportRequest(id: $id) {{ {_THREAD} }} }}"
        seen = (await w.operator.ask(text, id=opened["id"]))["supportRequest"]
        last = seen["messages"]["nodes"][-1]
        expect((last["text"], last["channel"]) == ("They do. Thank you!", "MAIL"), f"the answer stands in the thread: {last}")
        solved = await w.operator.do("solveSupportRequest", _SUPPORT, **known)
        expect(solved["status"] == "SOLVED", "it is solved")


async def _already_onboarded(w: Walk) -> None:
    with w.t.step("A2 already onboarded: another application; its Client ID is enough for the provider"):
        made = await w.recipient.do("createApplication", _CREATED, organizationId=w.organization_id, name="Second robot")
        w.application, w.client_secret = made["application"], made["clientSecret"]
        await w.next_is("PERMISSION")
        granting = {"clientId": w.application["clientId"], "productId": w.product["id"], "operations": [PERMITTED]}
        await w.provider.do("grantPermissionTo", _PERMISSION, **granting)
        await w.next_is("SUBSCRIPTION", verb="subscribe")
        await _subscribed(w)
        token = await access_token(w.t, w.application["clientId"], w.client_secret)
        await answers(w.t, w.target(PERMITTED), token, 200)
