"""Approval chains, through HTTP: whose turn it is, who decides, what is late, what is decided again."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.subscriptions.main import DUE, build
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.timekeeper import Timekeeper
from tests.passports import make_verifier
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import PRODUCT, PROVIDER
from tests.services.subscriptions.concluding import CONCLUDER, REPRESENTATIVE, WISH, Cast, facts, member, offer, platform_role

CHAIN = [
    {"party": "OPERATOR", "stage": 2, "due_days": 1, "title": "The end"},
    {"party": "PROVIDER", "stage": 1, "due_days": 5},
    {"party": "SECURITY", "stage": 1, "due_days": 3, "title": "Is it safe?"},
]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def cast(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> Cast:
    settings = SubscriptionsSettings(patience_seconds=0.2)
    service = build(settings, bus, reused_store("subscriptions", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    stage = Stage(service, tmp_path / "keys")
    await stage.hear(*offer())
    cast = Cast(stage)
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    return cast


async def begun(cast: Cast, chain: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A request that is being worked on, its document attached."""
    if chain is not None:
        assert (await cast.provider.do("set_approval_chain", product_id=PRODUCT, steps=chain)).status == 200
    return await cast.attached_all(await cast.taken())


def statuses(request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["party"], each["status"]) for each in request["approval"]]


async def keep_time(cast: Cast) -> None:
    await Timekeeper(cast.stage.service.store, DUE, every_seconds=1).look()


def step_of(request: dict[str, Any], party: str) -> str:
    return str(next(each["id"] for each in request["approval"] if each["party"] == party))


async def test_the_usual_chain_begins_when_the_documents_are_attached(cast: Cast, clock: FixedClock) -> None:
    request = await cast.taken()
    assert statuses(request) == [("PROVIDER", "WAITING"), ("OPERATOR", "WAITING")]
    early = await cast.provider.do("decide_approval_step", step_id=step_of(request, "PROVIDER"), decision="APPROVE")
    assert (early.status, early.code) == (409, "STEP_NOT_OPEN")
    begun_ = await cast.attached_all(request)
    assert statuses(begun_) == [("PROVIDER", "OPEN"), ("OPERATOR", "WAITING")]
    (opened,) = await facts(cast.stage, "approval_step_opened")
    assert opened["audience"] == "org_consumer,org_provider"
    assert (opened["data"]["party"], opened["data"]["stage"]) == ("PROVIDER", 1)
    assert begun_["approval"][0]["due_at"] == (clock.now() + timedelta(days=10)).isoformat().replace("+00:00", "Z")
    after = await cast.decide(cast.provider, request["id"], reason="Fine.")
    assert statuses(after) == [("PROVIDER", "APPROVED"), ("OPERATOR", "OPEN")]
    assert statuses(await cast.decide(cast.representative, request["id"])) == [("PROVIDER", "APPROVED"), ("OPERATOR", "APPROVED")]


async def test_the_steps_of_a_stage_are_open_side_by_side(cast: Cast) -> None:
    request = await begun(cast, CHAIN)
    assert statuses(request) == [("PROVIDER", "OPEN"), ("SECURITY", "OPEN"), ("OPERATOR", "WAITING")]
    security = step_of(request, "SECURITY")
    given = {"step_id": security, "decision": "APPROVE", "reason": "It is.", "evidence_note": "Read and tried."}
    after = (await cast.security.do("decide_approval_step", **given)).result
    assert statuses(after) == [("PROVIDER", "OPEN"), ("SECURITY", "APPROVED"), ("OPERATOR", "WAITING")]
    after = await cast.decide(cast.provider, request["id"])
    assert statuses(after)[-1] == ("OPERATOR", "OPEN")
    again = await cast.security.do("decide_approval_step", **given)
    assert (again.status, again.code) == (409, "STEP_DECIDED_ALREADY")


async def test_the_requester_sees_the_record_of_the_decisions(cast: Cast, clock: FixedClock) -> None:
    request = await begun(cast, CHAIN)
    file_id = await cast.upload(CONCLUDER)
    given = {"step_id": step_of(request, "PROVIDER"), "decision": "APPROVE", "evidence_file_id": file_id}
    await cast.provider.do("decide_approval_step", **given)
    clock.advance(timedelta(minutes=1))
    await cast.decide(cast.security, request["id"], evidence_note="Tried.", reason="It is safe.")
    for who in (cast.recipient, cast.stage.person("usr_2", org_consumer="OBSERVER")):
        (row,) = (await who.load("connection_requests_by_id", [request["id"]])).rows
        assert [(each["party"], each["decision"], each["decided_by"], each["reason"]) for each in row["decisions"]] == [
            ("PROVIDER", "APPROVE", CONCLUDER, None),
            ("SECURITY", "APPROVE", "usr_security", "It is safe."),
        ]
        assert (row["decisions"][0]["evidence_file_id"], row["decisions"][1]["evidence_note"]) == (file_id, "Tried.")
    first, second = await facts(cast.stage, "approval_step_decided")
    assert (first["data"]["decision"], first["data"]["evidence_file_id"]) == ("APPROVE", file_id)
    assert (second["data"]["reason"], "Tried." in str(second)) == ("It is safe.", False)
    again = await cast.security.do("decide_approval_step", **{**given, "step_id": step_of(request, "SECURITY")})
    assert again.status == 409


async def test_a_rejected_step_ends_the_request(cast: Cast) -> None:
    request = await begun(cast, CHAIN)
    step_id = step_of(request, "PROVIDER")
    wordless = await cast.provider.do("decide_approval_step", step_id=step_id, decision="REJECT")
    assert (wordless.status, wordless.code, wordless.body["fields"][0]["field"]) == (422, "REASON_MISSING", "reason")
    after = await cast.decide(cast.provider, request["id"], "REJECT", reason="Not for this.")
    assert after["status"] == "REJECTED"
    assert statuses(after) == [("PROVIDER", "REJECTED"), ("SECURITY", "WAITING"), ("OPERATOR", "WAITING")]
    assert (await facts(cast.stage, "connection_rejected"))[0]["data"]["reason"] == "Not for this."
    late = await cast.security.do("decide_approval_step", step_id=step_of(request, "SECURITY"), decision="APPROVE")
    assert (late.status, late.code) == (409, "STEP_NOT_OPEN")


async def test_a_returned_step_sends_the_request_back_and_is_decided_again(cast: Cast) -> None:
    request = await begun(cast, CHAIN)
    await cast.decide(cast.provider, request["id"])
    after = await cast.decide(cast.security, request["id"], "RETURN", reason="Which addresses?")
    assert after["status"] == "RETURNED"
    assert statuses(after) == [("PROVIDER", "APPROVED"), ("SECURITY", "RETURNED"), ("OPERATOR", "WAITING")]
    unchanged = await cast.filed()
    assert statuses(unchanged) == [("PROVIDER", "APPROVED"), ("SECURITY", "OPEN"), ("OPERATOR", "WAITING")]
    assert [each["decision"] for each in unchanged["decisions"]] == ["APPROVE", "RETURN"]


async def test_another_purpose_is_approved_anew(cast: Cast) -> None:
    request = await begun(cast, CHAIN)
    await cast.decide(cast.provider, request["id"])
    await cast.decide(cast.security, request["id"], "RETURN", reason="Which addresses?")
    changed = await cast.filed(purpose="Addresses of our own clients.")
    assert statuses(changed) == [("PROVIDER", "OPEN"), ("SECURITY", "OPEN"), ("OPERATOR", "WAITING")]
    assert [(each["decision"], each["party"]) for each in changed["decisions"]] == [
        ("APPROVE", "PROVIDER"),
        ("RETURN", "SECURITY"),
    ]


async def test_another_document_is_approved_anew(cast: Cast) -> None:
    request = await begun(cast)
    await cast.decide(cast.provider, request["id"])
    agreement_id = request["documents"][0]["id"]
    await cast.representative.do("return_agreement", agreement_id=agreement_id, reason="A page is missing.")
    await cast.attach(agreement_id)
    after = await cast.shown(request["id"])
    assert statuses(after) == [("PROVIDER", "OPEN"), ("OPERATOR", "WAITING")]
    assert len(after["decisions"]) == 1


async def test_a_document_that_came_while_the_request_was_back_is_approved_anew(cast: Cast) -> None:
    request = await begun(cast)
    await cast.decide(cast.provider, request["id"])
    agreement_id = request["documents"][0]["id"]
    await cast.representative.do("return_agreement", agreement_id=agreement_id, reason="A page is missing.")
    await cast.representative.do("return_connection_request", request_id=request["id"], reasons=["See the document."])
    await cast.attach(agreement_id)
    assert statuses(await cast.shown(request["id"])) == [("PROVIDER", "APPROVED"), ("OPERATOR", "WAITING")]
    assert statuses(await cast.filed()) == [("PROVIDER", "OPEN"), ("OPERATOR", "WAITING")]


async def test_nobody_decides_on_what_they_filed(cast: Cast) -> None:
    both = cast.stage.person("usr_both", org_consumer="OWNER", org_provider="OWNER")
    request = (await both.do("file_connection_request", **WISH)).result
    await cast.stage.hear()
    file_id = await cast.upload("usr_both")
    attach = {"agreement_id": request["documents"][0]["id"], "file_id": file_id}
    assert (await both.do("attach_agreement", **attach)).status == 200
    refused = await both.do("decide_approval_step", step_id=step_of(request, "PROVIDER"), decision="APPROVE")
    assert (refused.status, refused.code) == (403, "FILED_BY_YOURSELF")


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "CHAIN_NOT_USABLE"),
        ([{"party": "PROVIDER", "stage": 1, "due_days": 1}] * 21, "CHAIN_NOT_USABLE"),
        ([{"party": "PROVIDER", "stage": 0, "due_days": 1}], "INPUT_NOT_USABLE"),
        ([{"party": "PROVIDER", "stage": 1, "due_days": 0}], "INPUT_NOT_USABLE"),
        ([{"party": "RECIPIENT", "stage": 1, "due_days": 1}], "INPUT_NOT_USABLE"),
    ],
)
async def test_a_chain_that_cannot_be_used_is_refused(cast: Cast, steps: list[dict[str, Any]], code: str) -> None:
    refused = await cast.provider.do("set_approval_chain", product_id=PRODUCT, steps=steps)
    assert (refused.status, refused.code) == (422, code)
    assert refused.body["fields"][0]["field"].startswith("steps")


async def test_a_new_chain_is_for_what_is_filed_afterwards(cast: Cast) -> None:
    request = await begun(cast)
    await cast.administrator.do("set_approval_chain", product_id=PRODUCT, steps=CHAIN)
    assert len((await cast.shown(request["id"]))["approval"]) == 2
    for who in (cast.provider, cast.administrator, cast.stage.person("usr_2", org_provider="OBSERVER")):
        (row,) = (await who.load("approval_chains_by_product", [PRODUCT])).rows
        assert [each["party"] for each in row["steps"]] == ["PROVIDER", "SECURITY", "OPERATOR"]
    for other in (cast.recipient, cast.stranger, cast.stage.anonymous):
        assert (await other.load("approval_chains_by_product", [PRODUCT])).rows == [None]


# ---- Substitutes


async def test_a_named_substitute_decides_until_that_is_withdrawn(cast: Cast) -> None:
    await cast.stage.hear(member("usr_substitute"))
    request = await begun(cast)
    step_id = step_of(request, "PROVIDER")
    substitute = cast.stage.person("usr_substitute", org_provider="DEVELOPER")
    decide = {"step_id": step_id, "decision": "APPROVE"}
    assert (await substitute.do("decide_approval_step", **decide)).code == "ROLE_NOT_ALLOWED"
    naming = {"step_id": step_id, "user_id": "usr_substitute"}
    named = (await cast.provider.do("substitute_approver", **naming)).result
    assert named["approval"][0]["substitute_ids"] == ["usr_substitute"]
    await cast.provider.do("withdraw_substitute", **naming)
    assert (await cast.provider.do("withdraw_substitute", **naming)).code == "NO_SUCH_SUBSTITUTE"
    assert (await substitute.do("decide_approval_step", **decide)).code == "ROLE_NOT_ALLOWED"
    await cast.provider.do("substitute_approver", **naming)
    (seen,) = (await substitute.load("connection_requests_by_id", [request["id"]])).rows
    assert seen["form"]["purpose"] == WISH["purpose"]
    gone = cast.stage.person("usr_substitute", org_other="OWNER")
    assert (await gone.do("decide_approval_step", **decide)).code == "NOT_FOUND"
    after = (await substitute.do("decide_approval_step", **decide)).result
    assert (after["decisions"][0]["decided_by"], after["decisions"][0]["as_substitute"]) == ("usr_substitute", True)
    told = await facts(cast.stage, "approver_substituted", "substitute_withdrawn")
    assert [each["data"]["user_id"] for each in told] == ["usr_substitute"] * 3


async def test_a_substitute_belongs_to_the_party(cast: Cast) -> None:
    await cast.stage.hear(member("usr_of_another", of="org_other"), platform_role("usr_clerk", "SUPPORT"))
    request = await begun(cast, CHAIN)
    for who, party, user_id in (
        (cast.provider, "PROVIDER", "usr_of_another"),
        (cast.provider, "PROVIDER", "usr_unheard"),
        (cast.security, "SECURITY", REPRESENTATIVE),
        (cast.representative, "OPERATOR", "usr_clerk"),
    ):
        refused = await who.do("substitute_approver", step_id=step_of(request, party), user_id=user_id)
        assert (refused.status, refused.code, refused.body["fields"][0]["field"]) == (409, "NOT_OF_THE_PARTY", "user_id")
    await cast.stage.hear(platform_role("usr_clerk", "BUSINESS_REPRESENTATIVE", 2))
    naming = {"step_id": step_of(request, "OPERATOR"), "user_id": "usr_clerk"}
    assert (await cast.representative.do("substitute_approver", **naming)).status == 200


LIFE = [member("usr_x", sequence=1), member("usr_y", sequence=2), member("usr_x", sequence=3, fact="removed")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_membership_heard_in_any_order_and_twice_is_the_last_one(cast: Cast, order: tuple[int, ...]) -> None:
    request = await begun(cast)
    await cast.stage.hear(*(LIFE[number] for number in order), *(LIFE[number] for number in order))
    naming = {"step_id": step_of(request, "PROVIDER")}
    assert (await cast.provider.do("substitute_approver", **naming, user_id="usr_x")).code == "NOT_OF_THE_PARTY"
    assert (await cast.provider.do("substitute_approver", **naming, user_id="usr_y")).status == 200


# ---- What time does


async def test_a_step_is_reminded_of_then_overdue_then_escalated(cast: Cast, clock: FixedClock) -> None:
    await begun(cast, CHAIN)
    names = ("approval_step_due_soon", "approval_step_overdue", "approval_step_escalated")
    seen = []
    for _ in range(9):
        clock.advance(timedelta(days=1))
        await keep_time(cast)
        await keep_time(cast)
        told = await facts(cast.stage, *names)
        seen.append([(each["type"].split("_")[-1], each["data"]["party"]) for each in told])
    assert seen[1] == [("soon.v1", "SECURITY")]
    assert seen[2] == [("soon.v1", "SECURITY"), ("overdue.v1", "SECURITY")]
    assert sorted(seen[-1]) == [
        (notice, party) for notice in ("escalated.v1", "overdue.v1", "soon.v1") for party in ("PROVIDER", "SECURITY")
    ]


async def test_a_step_that_is_decided_or_waits_is_never_late(cast: Cast, clock: FixedClock) -> None:
    request = await begun(cast)
    await cast.decide(cast.provider, request["id"])
    await cast.representative.do("return_connection_request", request_id=request["id"], reasons=["No."])
    clock.advance(timedelta(days=100))
    await keep_time(cast)
    assert await facts(cast.stage, "approval_step_overdue", "approval_step_due_soon", "approval_step_escalated") == []
    opened = (await cast.filed())["approval"][1]
    assert (opened["party"], opened["status"], opened["is_overdue"]) == ("OPERATOR", "OPEN", False)
    assert opened["due_at"] == (clock.now() + timedelta(days=10)).isoformat().replace("+00:00", "Z")


async def test_a_missed_reminder_is_not_given_when_it_is_overdue(cast: Cast, clock: FixedClock) -> None:
    request = await begun(cast)
    clock.advance(timedelta(days=20))
    await keep_time(cast)
    told = await facts(cast.stage, "approval_step_due_soon", "approval_step_overdue", "approval_step_escalated")
    assert [each["type"].split(".")[2] for each in told] == ["approval_step_overdue", "approval_step_escalated"]
    step = (await cast.shown(request["id"]))["approval"][0]
    assert (step["is_overdue"], step["is_escalated"]) == (True, True)
    assert told[0]["organization"] != PROVIDER
