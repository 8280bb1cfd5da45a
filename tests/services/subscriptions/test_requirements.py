"""What stands between somebody and a call: the whole way, step by step, for those whom it concerns."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.subscriptions.known.domain import Product
from services.subscriptions.requirements.domain import (
    Connecting,
    Document,
    Hold,
    Kind,
    Known,
    Requirement,
    Subscribed,
    requirements,
)
from tests.passports import ROLES
from tests.services.stage import Person, Stage
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    BY_PROVIDER,
    CONSUMER,
    PRODUCT,
    application,
    data_exchange,
    onboarding,
    organization,
    product,
    version,
)
from tests.services.subscriptions.concluding import IN_ORDER, Cast, offer
from tests.services.subscriptions.concluding import WISH as WANTED
from tests.services.subscriptions.permitting import asked, decided

OF_APPLICATION = {"product_id": PRODUCT, "application_id": APPLICATION}
WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
Row = dict[str, Any]
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


async def way(person: Person, **key: Any) -> dict[str, Row]:
    (found,) = (await person.load("requirements", [{**OF_APPLICATION, **key}])).rows
    return {each["kind"]: each for each in found}


async def next_of(person: Person, **key: Any) -> tuple[str, str, str, str | None]:
    (found,) = (await person.load("next_requirements", [{**OF_APPLICATION, **key}])).rows
    return found["kind"], found["state"], found["waits_for"], found["verb"]


@pytest.fixture
async def guarded(stage: Stage) -> Stage:
    """The product asks for everything but an agreement."""
    await stage.hear(product(2, asks_for=["ONBOARDING", "PERMISSION"]), organization())
    return stage


async def test_procedure_a_begins_with_onboarding(guarded: Stage) -> None:
    owner = guarded.person(org_consumer="OWNER")
    rows = await way(owner)
    assert list(rows) == ["SIGN_IN", "APPLICATION", "ONBOARDING", "PERMISSION", "SUBSCRIPTION", "CALL"]
    assert [each["state"] for each in rows.values()] == ["DONE", "DONE", "OPEN", "OPEN", "OPEN", "OPEN"]
    assert [each["step"] for each in rows.values()] == ["B2", "A5", "A3", "A6", "A7", "A7"]
    assert rows["APPLICATION"]["thing_id"] == APPLICATION
    assert await next_of(owner) == ("ONBOARDING", "OPEN", "VIEWER_ORGANIZATION", "draftOnboardingRequest")

    await guarded.hear(onboarding())
    assert await next_of(owner) == ("ONBOARDING", "WAITING", "OPERATOR", "approveOnboardingRequest")
    await guarded.hear(onboarding("returned", 2))
    assert await next_of(owner) == ("ONBOARDING", "OPEN", "VIEWER_ORGANIZATION", "changeOnboardingRequest")
    assert (await way(owner))["ONBOARDING"]["thing_id"] == "onb_1"
    await guarded.hear(onboarding("rejected", 3))
    assert await next_of(owner) == ("ONBOARDING", "REFUSED", "VIEWER_ORGANIZATION", "draftOnboardingRequest")
    await guarded.hear(onboarding("approved", request_id="onb_2"), data_exchange())
    assert await next_of(owner) == ("PERMISSION", "OPEN", "VIEWER_ORGANIZATION", "requestPermission")


async def test_a_permission_is_waited_for_and_answered(guarded: Stage) -> None:
    await guarded.hear(data_exchange())
    owner = guarded.person(org_consumer="OWNER")
    assert await next_of(owner) == ("PERMISSION", "OPEN", "VIEWER_ORGANIZATION", "requestPermission")
    permission = await asked(guarded)
    assert await next_of(owner) == ("PERMISSION", "WAITING", "PROVIDER", "grantPermission")
    assert (await way(owner))["PERMISSION"]["thing_id"] == permission["id"]
    await decided(guarded, "return_permission", permission["id"], question="Why?")
    assert await next_of(owner) == ("PERMISSION", "OPEN", "VIEWER_ORGANIZATION", "changePermissionRequest")
    assert (await way(owner))["PERMISSION"]["reason"] == "Why?"
    await decided(guarded, "refuse_permission", permission["id"], reason="No.")
    assert await next_of(owner) == ("PERMISSION", "REFUSED", "VIEWER_ORGANIZATION", "requestPermission")
    permission = await asked(guarded)
    await decided(guarded, "grant_permission", permission["id"], valid_from="2999-01-01T00:00:00Z")
    assert await next_of(owner) == ("PERMISSION", "WAITING", "NOBODY", None)
    assert "2999-01-01" in (await way(owner))["PERMISSION"]["reason"]
    await decided(guarded, "revoke_permission", permission["id"], reason="Sooner.")
    await decided(guarded, "grant_permission", (await asked(guarded))["id"])
    assert await next_of(owner) == ("SUBSCRIPTION", "OPEN", "VIEWER_ORGANIZATION", "subscribe")


async def test_a_subscription_is_waited_for_and_then_one_calls(guarded: Stage) -> None:
    await guarded.hear(data_exchange())
    await decided(guarded, "grant_permission", (await asked(guarded))["id"])
    owner = guarded.person(org_consumer="OWNER")
    subscribed = (await owner.do("subscribe", **{**WISH, "plan_id": BY_PROVIDER})).result
    assert await next_of(owner) == ("APPROVAL", "WAITING", "PROVIDER", "approveSubscription")
    rejection = {"subscription_id": subscribed["id"], "reason": "Full."}
    await guarded.person(org_provider="OWNER").do("reject_subscription", **rejection)
    assert await next_of(owner) == ("SUBSCRIPTION", "REFUSED", "VIEWER_ORGANIZATION", "subscribe")
    assert (await way(owner))["SUBSCRIPTION"]["reason"] == "Full."
    assert (await owner.do("subscribe", **WISH)).status == 200
    rows = await way(owner)
    assert {each["state"] for kind, each in rows.items() if kind != "CALL"} == {"DONE"}
    assert await next_of(owner) == ("CALL", "OPEN", "VIEWER_ORGANIZATION", None)


async def test_procedure_b_asks_for_an_agreement(stage: Stage) -> None:
    await stage.hear(product(2, sensitivity="CONFIDENTIAL"))
    owner = stage.person(org_consumer="OWNER")
    rows = await way(owner)
    assert [each["step"] for each in rows.values()] == ["B2", "B6", "B5", "B8", "B9"]
    assert await next_of(owner) == ("AGREEMENT", "OPEN", "VIEWER_ORGANIZATION", "fileConnectionRequest")


async def test_an_open_test_product_wants_an_application_and_nothing_else(stage: Stage) -> None:
    await stage.hear(product(product_id="prd_t", sensitivity="OPEN_TEST"), version(product_id="prd_t"))
    owner = stage.person(org_consumer="OWNER")
    assert list(await way(owner, product_id="prd_t")) == ["SIGN_IN", "APPLICATION", "CALL"]
    assert await next_of(owner, product_id="prd_t") == ("CALL", "OPEN", "VIEWER_ORGANIZATION", None)


async def test_nobody_signs_in_first(guarded: Stage) -> None:
    (found,) = (await guarded.anonymous.load("requirements", [{"product_id": PRODUCT}])).rows
    kinds = ["SIGN_IN", "APPLICATION", "ONBOARDING", "PERMISSION", "SUBSCRIPTION", "CALL"]
    assert [(each["kind"], each["state"]) for each in found] == [(kind, "OPEN") for kind in kinds]
    (step,) = (await guarded.anonymous.load("next_requirements", [{"product_id": PRODUCT}])).rows
    assert (step["kind"], step["verb"]) == ("SIGN_IN", "signIn")


async def test_of_an_organization_what_it_has_is_told(guarded: Stage) -> None:
    owner = guarded.person(org_consumer="OWNER", org_other="OWNER")
    await guarded.hear(data_exchange())
    for organization_id, expected in ((CONSUMER, "DONE"), ("org_other", "OPEN")):
        (found,) = (await owner.load("requirements", [{"product_id": PRODUCT, "organization_id": organization_id}])).rows
        states = {each["kind"]: each["state"] for each in found}
        assert (states["APPLICATION"], states["ONBOARDING"], states["PERMISSION"]) == (expected, expected, "OPEN")


@pytest.mark.parametrize("load", ["requirements", "next_requirements"])
async def test_what_is_foreign_is_as_what_does_not_exist(guarded: Stage, load: str) -> None:
    await guarded.hear(application(application_id="app_own", of="org_own"), product(product_id="prd_draft"))
    keys = [
        OF_APPLICATION,
        {**OF_APPLICATION, "application_id": "app_absent"},
        {"product_id": PRODUCT, "organization_id": CONSUMER},
        {"product_id": PRODUCT, "organization_id": "org_absent"},
        {"product_id": PRODUCT, "application_id": "app_own", "organization_id": CONSUMER},
        {"product_id": "prd_draft"},
        {"product_id": "prd_absent"},
    ]
    for person in (guarded.person(org_own="OWNER", org_provider="OWNER"), guarded.anonymous):
        assert (await person.load(load, keys)).rows == [None] * len(keys)


@pytest.mark.parametrize("role", ROLES)
async def test_every_member_may_ask(guarded: Stage, role: str) -> None:
    assert await next_of(guarded.person(org_consumer=role)) == (
        "ONBOARDING", "OPEN", "VIEWER_ORGANIZATION", "draftOnboardingRequest"
    )  # fmt: skip


async def test_many_questions_are_answered_together(guarded: Stage) -> None:
    await guarded.hear(*(product(product_id=f"prd_many_{number}") for number in range(5)))
    await guarded.hear(*(version(product_id=f"prd_many_{number}") for number in range(5)))
    keys = [{**OF_APPLICATION, "product_id": f"prd_many_{number}"} for number in range(5)] + [OF_APPLICATION]
    found = (await guarded.person(org_consumer="OWNER").load("next_requirements", keys)).rows
    assert [each["kind"] for each in found] == [*["SUBSCRIPTION"] * 5, "ONBOARDING"]


async def test_a_key_that_cannot_be_read_is_named(stage: Stage) -> None:
    for key in ("prd_1", {"product_id": 7}, {"product_id": PRODUCT, "more": "x"}):
        answer = await stage.anonymous.load("requirements", [key])
        assert (answer.status, answer.code) == (422, "INPUT_NOT_USABLE")


HOLDS = [
    ("PROVIDER", "WAITING", "PROVIDER", "resumeSubscription"),
    ("OPERATOR", "WAITING", "OPERATOR", "resumeSubscription"),
    ("RECIPIENT", "OPEN", "VIEWER_ORGANIZATION", "resumeSubscription"),
    ("PERMISSION", "WAITING", "NOBODY", None),
]


def suspended(*holds: Hold) -> list[Requirement]:
    product_ = Product(PRODUCT, "org_provider", is_confidential=False)
    subscribed = Subscribed("sub_1", "SUSPENDED", "All in all.", holds)
    known = Known(product_, MOMENT, application_id="app", has_application=True, subscribed=subscribed)
    return [each for each in requirements(known) if each.kind is Kind.SUSPENSION]


@pytest.mark.parametrize(("cause", "state", "awaited", "verb"), HOLDS)
def test_a_suspension_tells_whom_it_waits_for(cause: str, state: str, awaited: str, verb: str | None) -> None:
    (step,) = suspended(Hold(cause, "Because."))
    assert (step.state, step.waits_for, step.verb) == (state, awaited, verb)
    assert (step.thing_id, step.reason) == ("sub_1", "Because.")


def test_each_hold_is_a_step_of_its_own() -> None:
    assert [each.reason for each in suspended(Hold("PROVIDER", "One."), Hold("RECIPIENT", "Two."))] == ["One.", "Two."]
    assert [each.reason for each in suspended()] == ["All in all."]


async def turn(person: Person) -> tuple[str, str, str | None]:
    kind, state, awaited, verb = await next_of(person)
    assert kind == "AGREEMENT"
    return state, awaited, verb


async def test_the_way_to_an_agreement_tells_whose_turn_it_is(stage: Stage) -> None:
    await stage.hear(*offer(), product(2, sensitivity="CONFIDENTIAL"))
    cast_ = Cast(stage)
    viewer = stage.person(org_consumer="OBSERVER")
    draft = (await cast_.recipient.do("draft_connection_request", **WANTED)).result
    assert await turn(viewer) == ("OPEN", "VIEWER_ORGANIZATION", "submitConnectionRequest")
    await cast_.recipient.do("withdraw_connection_request", request_id=draft["id"])
    assert await turn(viewer) == ("OPEN", "VIEWER_ORGANIZATION", "fileConnectionRequest")
    request = await cast_.taken()
    assert await turn(viewer) == ("OPEN", "VIEWER_ORGANIZATION", "attachAgreement")
    assert (await way(viewer))["AGREEMENT"]["thing_id"] in [each["id"] for each in request["documents"]]
    request = await cast_.attached_all(request)
    assert await turn(viewer) == ("WAITING", "PROVIDER", "countersignAgreement")
    by_kind = {each["kind"]: each["id"] for each in request["documents"]}
    for kind in [each for each in IN_ORDER if each in by_kind]:
        await cast_.countersign(by_kind[kind])
        await cast_.judge(by_kind[kind])
        await cast_.confirm(by_kind[kind])
    assert await turn(viewer) == ("WAITING", "PROVIDER", "decideApprovalStep")
    await cast_.decide(cast_.provider, request["id"])
    assert await turn(viewer) == ("WAITING", "OPERATOR", "decideApprovalStep")
    await cast_.decide(cast_.representative, request["id"])
    assert await turn(viewer) == ("WAITING", "OPERATOR", "completeConnectionRequest")
    await cast_.representative.do("complete_connection_request", request_id=request["id"])
    rows = await way(viewer)
    assert (rows["AGREEMENT"]["state"], rows["AGREEMENT"]["thing_id"]) == ("DONE", request["id"])
    assert (await next_of(viewer))[0] == "SUBSCRIPTION"


AGREEING: list[tuple[Connecting, tuple[str, str, str | None]]] = [
    (Connecting("cnr", "FILED"), ("WAITING", "OPERATOR", "takeConnectionRequest")),
    (Connecting("cnr", "RETURNED", "Say more."), ("OPEN", "VIEWER_ORGANIZATION", "changeConnectionRequest")),
    (Connecting("cnr", "REJECTED", "No."), ("REFUSED", "VIEWER_ORGANIZATION", "fileConnectionRequest")),
    (Connecting("cnr", "IN_PROGRESS", approval=("aps", "SECURITY")), ("WAITING", "OPERATOR", "decideApprovalStep")),
    (Connecting("cnr", "COMPLETED", document=Document("agr", "LAPSED")), ("OPEN", "VIEWER_ORGANIZATION", "renewAgreement")),
    (Connecting("cnr", "IN_PROGRESS", document=Document("agr", "COUNTERSIGNED")), ("WAITING", "OPERATOR", "confirmAgreement")),
    (Connecting("cnr", "COMPLETED", document=Document("agr", "CONFIRMED", MOMENT)), ("WAITING", "NOBODY", None)),
]


@pytest.mark.parametrize(("connecting", "expected"), AGREEING)
def test_where_a_connection_request_stands(connecting: Connecting, expected: tuple[str, str, str | None]) -> None:
    product_ = Product(PRODUCT, "org_provider", is_confidential=True, prerequisites=frozenset({"AGREEMENT"}))
    found = requirements(Known(product_, MOMENT, has_application=True, connecting=connecting))
    (step,) = [each for each in found if each.kind is Kind.AGREEMENT]
    assert (step.state, step.waits_for, step.verb) == expected
    assert step.reason == (connecting.reason or (step.reason if expected[1] == "NOBODY" else None))
