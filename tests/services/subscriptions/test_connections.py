"""A connection request from the filing to the end, through HTTP: where it stands, who holds it, what the others are told."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from chassis.errors import Refusal
from tests.services.stage import Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    CONSUMER,
    PRODUCT,
    PROVIDER,
    application,
    organization_deleted,
    product,
    version,
)
from tests.services.subscriptions.concluding import (
    FORM,
    KINDS,
    REPRESENTATIVE,
    WISH,
    Cast,
    facts,
    offer,
    platform_role,
)


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer())
    return Cast(empty_stage)


async def test_everything_agreed_and_signed_opens_the_product(cast: Cast) -> None:
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    assert (await cast.recipient.do("subscribe", **wish)).code == "AGREEMENT_REQUIRED"
    done = await cast.connected()
    assert (done["status"], done["holder"], done["held_seconds"]) == ("COMPLETED", None, None)
    assert [each["status"] for each in done["documents"]] == ["CONFIRMED"] * 4
    assert [each["is_in_force"] for each in done["documents"]] == [True] * 4
    assert (await cast.recipient.do("subscribe", **wish)).result["status"] == "ACTIVE"
    (told,) = await facts(cast.stage, "connection_completed")
    assert told["audience"] == "org_consumer,org_provider"
    assert told["data"] == {
        "request_id": done["id"],
        "organization_id": CONSUMER,
        "provider_id": PROVIDER,
        "product_id": PRODUCT,
        "application_ids": [APPLICATION],
        "representative_id": REPRESENTATIVE,
        "status": "COMPLETED",
        "reason": None,
    }
    assert (await cast.recipient.do("file_connection_request", **WISH)).code == "ALREADY_CONNECTED"


async def test_a_filed_request_lists_its_documents_and_is_the_operators(cast: Cast) -> None:
    request = await cast.filed()
    assert (request["status"], request["holder"], request["representative_id"]) == ("FILED", "OPERATOR", None)
    assert request["required_documents"] == KINDS
    assert [(each["kind"], each["status"]) for each in request["documents"]] == [(kind, "REQUESTED") for kind in KINDS]
    assert request["form"]["applications"] == [{"application_id": APPLICATION, "name": "Name 1", "client_id": "cli"}]
    assert request["organization_name"] == "Consumers"
    assert [each["data"]["kind"] for each in await facts(cast.stage, "agreement_requested")] == KINDS
    (told,) = await facts(cast.stage, "connection_requested")
    assert told["data"]["round"] == 0
    assert str(FORM["contact_note"]) not in str(await cast.stage.announced())


async def test_a_draft_is_the_organizations_own_business(cast: Cast) -> None:
    draft = (await cast.recipient.do("draft_connection_request", **WISH)).result
    assert (draft["status"], draft["holder"], draft["documents"], draft["filed_at"]) == ("DRAFT", "RECIPIENT", [], None)
    assert await cast.stage.announced() == []
    for other in (cast.provider, cast.administrator, cast.representative, cast.security, cast.stranger, cast.stage.anonymous):
        assert (await other.load("connection_requests_by_id", [draft["id"]])).rows == [None]
    assert (await cast.representative.do("take_connection_request", request_id=draft["id"])).code == "NOT_FOUND"
    colleague = cast.stage.person("usr_2", org_consumer="OBSERVER")
    (seen,) = (await colleague.load("connection_requests_by_id", [draft["id"]])).rows
    assert (seen["status"], seen["form"], seen["documents"]) == ("DRAFT", None, None)
    changed = {**FORM, "purpose": "Another one."}
    assert (await cast.recipient.do("change_connection_request", request_id=draft["id"], **changed)).result["status"] == "DRAFT"
    submitted = (await cast.recipient.do("submit_connection_request", request_id=draft["id"])).result
    assert (submitted["status"], submitted["form"]["purpose"]) == ("FILED", "Another one.")


async def test_filing_in_one_step_takes_up_the_draft(cast: Cast) -> None:
    draft = (await cast.recipient.do("draft_connection_request", **WISH)).result
    filed = await cast.filed(purpose="Another one.")
    assert (filed["id"], filed["form"]["purpose"]) == (draft["id"], "Another one.")


async def test_of_any_number_of_filings_one_passes(cast: Cast) -> None:
    tries = await asyncio.gather(*(cast.recipient.do("file_connection_request", **WISH) for _ in range(5)))
    assert sorted(each.status for each in tries) == [200, 409, 409, 409, 409]
    assert {each.code for each in tries if each.status == 409} == {"REQUEST_OPEN_ALREADY"}
    assert len(await facts(cast.stage, "connection_requested")) == 1
    assert len(await facts(cast.stage, "agreement_requested")) == 4


async def test_requests_to_two_products_of_a_provider_share_what_is_concluded_with_it(cast: Cast) -> None:
    await cast.stage.hear(product(product_id="prd_2", sensitivity="CONFIDENTIAL"), version(product_id="prd_2"))
    both = await asyncio.gather(cast.filed(), cast.filed(product_id="prd_2"))
    ids = [{each["kind"]: each["id"] for each in request["documents"]} for request in both]
    shared = {kind for kind in KINDS if ids[0][kind] == ids[1][kind]}
    assert shared == {"PARTNERSHIP_CONTRACT", "NDA"}
    assert len(await facts(cast.stage, "agreement_requested")) == 6


async def test_what_is_in_force_is_not_asked_for_again(cast: Cast) -> None:
    await cast.connected()
    await cast.stage.hear(product(product_id="prd_2", sensitivity="CONFIDENTIAL"), version(product_id="prd_2"))
    second = await cast.filed(product_id="prd_2")
    statuses = {each["kind"]: each["status"] for each in second["documents"]}
    assert statuses == {
        "PARTNERSHIP_CONTRACT": "CONFIRMED",
        "NDA": "CONFIRMED",
        "ADDITIONAL_AGREEMENT": "REQUESTED",
        "TECHNICAL_ASSIGNMENT": "REQUESTED",
    }


async def test_a_returned_request_comes_back_with_what_has_changed(cast: Cast) -> None:
    request = await cast.taken()
    reasons = ["Say it plainly.", "And sign it."]
    back = await cast.representative.do("return_connection_request", request_id=request["id"], reasons=reasons)
    assert (back.result["status"], back.result["holder"], back.result["times_returned"]) == ("RETURNED", "RECIPIENT", 1)
    assert (await facts(cast.stage, "connection_returned"))[0]["data"]["reason"] == "Say it plainly; And sign it."
    again = await cast.filed(purpose="To see who lives in a house.", data_categories=["addresses"])
    assert (again["status"], again["representative_id"]) == ("IN_PROGRESS", REPRESENTATIVE)
    acts = [act for stage in again["timeline"] for act in stage["acts"] if act["kind"] == "FILED"]
    assert [each["part"] for each in acts[0]["differences"]] == []
    assert acts[1]["differences"] == [
        {"part": "PURPOSE", "before": FORM["purpose"], "after": "To see who lives in a house."},
        {"part": "DATA_CATEGORIES", "before": "names, addresses", "after": "addresses"},
    ]
    assert [each["data"]["round"] for each in await facts(cast.stage, "connection_requested")] == [0, 1]


async def test_the_timeline_says_who_held_it(cast: Cast) -> None:
    request = await cast.taken()
    await cast.representative.do("return_connection_request", request_id=request["id"], reasons=["No."])
    shown = await cast.shown(request["id"])
    assert [(each["status"], each["holder"], each["representative_id"]) for each in shown["timeline"]] == [
        ("DRAFT", "RECIPIENT", None),
        ("FILED", "OPERATOR", None),
        ("IN_PROGRESS", "OPERATOR", REPRESENTATIVE),
        ("RETURNED", "RECIPIENT", None),
    ]
    assert shown["timeline"][-1]["until"] is None
    assert [each["until"] for each in shown["timeline"][:-1]] == [each["since"] for each in shown["timeline"][1:]]


async def test_the_recipient_withdraws(cast: Cast) -> None:
    request = await cast.filed()
    withdrawn = await cast.recipient.do("withdraw_connection_request", request_id=request["id"], reason="Not needed.")
    assert withdrawn.result["status"] == "WITHDRAWN"
    assert (await facts(cast.stage, "connection_withdrawn"))[0]["data"]["reason"] == "Not needed."
    again = await cast.recipient.do("withdraw_connection_request", request_id=request["id"])
    assert (again.status, again.code) == (409, "REQUEST_FINISHED")
    anew = await cast.filed()
    assert anew["id"] != request["id"]
    assert [each["id"] for each in anew["documents"]] == [each["id"] for each in request["documents"]]


async def test_the_administrator_assigns_whom_the_platform_knows_as_a_representative(cast: Cast) -> None:
    request = await cast.filed()
    wanted = {"request_id": request["id"], "user_id": "usr_other"}
    unknown = await cast.administrator.do("assign_representative", **wanted)
    assert (unknown.status, unknown.code, unknown.body["fields"][0]["field"]) == (404, "NO_SUCH_REPRESENTATIVE", "user_id")
    await cast.stage.hear(platform_role("usr_other", "BUSINESS_REPRESENTATIVE"))
    assigned = (await cast.administrator.do("assign_representative", **wanted)).result
    assert (assigned["status"], assigned["representative_id"]) == ("IN_PROGRESS", "usr_other")
    (told,) = await facts(cast.stage, "representative_assigned")
    assert (told["data"]["representative_id"], told["data"]["status"]) == ("usr_other", "IN_PROGRESS")
    taking = await cast.representative.do("take_connection_request", request_id=request["id"])
    assert (taking.status, taking.code) == (409, "ASSIGNED_TO_ANOTHER")
    running = await cast.representative.do("reject_connection_request", request_id=request["id"], reason="No.")
    assert (running.status, running.code) == (403, "NOT_YOUR_REQUEST")
    handed = {"request_id": request["id"], "user_id": REPRESENTATIVE}
    assert (await cast.administrator.do("assign_representative", **handed)).result["representative_id"] == REPRESENTATIVE


ROLE = [
    platform_role("usr_x", "BUSINESS_REPRESENTATIVE", 1),
    platform_role("usr_x", "SUPPORT", 2),
    platform_role("usr_x", "BUSINESS_REPRESENTATIVE", 3, fact="withdrawn"),
]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_role_heard_in_any_order_and_twice_is_the_last_one(cast: Cast, order: tuple[int, ...]) -> None:
    request = await cast.filed()
    await cast.stage.hear(*(ROLE[number] for number in order), *(ROLE[number] for number in order))
    assigning = await cast.administrator.do("assign_representative", request_id=request["id"], user_id="usr_x")
    assert assigning.code == "NO_SUCH_REPRESENTATIVE"


async def test_nobody_runs_what_they_filed(cast: Cast) -> None:
    both = cast.stage.person(REPRESENTATIVE, platform_roles=("BUSINESS_REPRESENTATIVE",), org_consumer="OWNER")
    request = (await both.do("file_connection_request", **WISH)).result
    taking = await both.do("take_connection_request", request_id=request["id"])
    assert (taking.status, taking.code) == (409, "REPRESENTATIVE_FILED_IT")
    ruler = cast.stage.person(REPRESENTATIVE, platform_roles=("OPERATOR_ADMINISTRATOR",))
    rejecting = await ruler.do("reject_connection_request", request_id=request["id"], reason="No.")
    assert (rejecting.status, rejecting.code) == (403, "FILED_BY_YOURSELF")


async def test_a_wrong_step_is_refused_with_what_stands_in_its_way(cast: Cast) -> None:
    draft = (await cast.recipient.do("draft_connection_request", **WISH)).result
    mine = {"request_id": draft["id"]}
    assert (await cast.recipient.do("draft_connection_request", **WISH)).code == "REQUEST_OPEN_ALREADY"
    await cast.recipient.do("submit_connection_request", **mine)
    assert (await cast.recipient.do("submit_connection_request", **mine)).code == "REQUEST_NOT_WITH_YOU"
    assert (await cast.recipient.do("change_connection_request", **mine, **FORM)).code == "REQUEST_NOT_WITH_YOU"
    assert (await cast.administrator.do("complete_connection_request", **mine)).code == "REPRESENTATIVE_MISSING"
    await cast.representative.do("take_connection_request", **mine)
    assert (await cast.representative.do("complete_connection_request", **mine)).code == "STEPS_NOT_APPROVED"
    await cast.attached_all(await cast.shown(draft["id"]))
    await cast.decide(cast.provider, draft["id"])
    await cast.decide(cast.representative, draft["id"])
    assert (await cast.representative.do("complete_connection_request", **mine)).code == "AGREEMENTS_NOT_CONFIRMED"
    rejected = (await cast.representative.do("reject_connection_request", **mine, reason="No.")).result
    assert (rejected["status"], rejected["holder"]) == ("REJECTED", None)
    assert (await facts(cast.stage, "connection_rejected"))[0]["data"]["reason"] == "No."
    for verb, more in (
        ("reject_connection_request", {"reason": "No."}),
        ("return_connection_request", {"reasons": ["No."]}),
        ("complete_connection_request", {}),
        ("request_document", {"kind": "NDA"}),
        ("take_connection_request", {}),
    ):
        refused = await cast.representative.do(verb, **mine, **more)
        assert (refused.status, refused.code) == (409, "REQUEST_NOT_WITH_OPERATOR"), verb


async def test_the_representative_asks_for_one_more_document(cast: Cast) -> None:
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    request = await cast.taken()
    assert request["required_documents"] == ["NDA"]
    asking = {"request_id": request["id"]}
    alone = await cast.representative.do("request_document", **asking, kind="ADDITIONAL_AGREEMENT")
    assert (alone.status, alone.code) == (422, "KINDS_NOT_USABLE")
    assert (await cast.representative.do("request_document", **asking, kind="NDA")).code == "DOCUMENT_REQUIRED_ALREADY"
    more = (await cast.representative.do("request_document", **asking, kind="TECHNICAL_ASSIGNMENT")).result
    assert [each["kind"] for each in more["documents"]] == ["NDA", "TECHNICAL_ASSIGNMENT"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"purpose": " "}, 422, "INPUT_NOT_USABLE", "purpose"),
        ({"legal_basis": ""}, 422, "INPUT_NOT_USABLE", "legal_basis"),
        ({"application_ids": []}, 422, "INPUT_NOT_USABLE", "application_ids"),
        ({"application_ids": ["app_foreign"]}, 404, "NOT_FOUND", "application_ids"),
        ({"product_id": "prd_unheard"}, 404, "NOT_FOUND", "product_id"),
        ({"product_id": "prd_open"}, 409, "AGREEMENT_NOT_ASKED_FOR", None),
        ({"surprise": 1}, 422, "INPUT_NOT_USABLE", "surprise"),
    ],
)
async def test_what_cannot_be_filed_is_said_by_field(
    cast: Cast, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    await cast.stage.hear(product(product_id="prd_open"), version(product_id="prd_open"))
    await cast.stage.hear(application(application_id="app_foreign", of="org_other"))
    refused = await cast.recipient.do("file_connection_request", **{**WISH, **changes})
    assert (refused.status, refused.code) == (status, code)
    assert [each["field"] for each in refused.body["fields"]] == ([field] if field else [])


@pytest.mark.parametrize("times", [1, 2])
async def test_a_deleted_organization_asks_for_nothing_any_more(cast: Cast, times: int) -> None:
    request = await cast.taken()
    for _ in range(times):
        await cast.stage.hear(organization_deleted())
    assert (await cast.shown(request["id"]))["status"] == "WITHDRAWN"
    assert len(await facts(cast.stage, "connection_withdrawn")) == 1
    assert (await cast.recipient.do("file_connection_request", **WISH)).code == "NOT_FOUND"


@pytest.mark.parametrize("number", range(3))
async def test_filing_while_the_organization_is_deleted_leaves_nothing_open(cast: Cast, number: int) -> None:
    del number
    filing, _ = await asyncio.gather(
        cast.recipient.do("file_connection_request", **WISH), cast.stage.hear(organization_deleted())
    )
    assert filing.status == 200 or filing.code == "NOT_FOUND"
    (page,) = (await cast.administrator.load("connection_requests_by_organization", [CONSUMER])).rows
    assert {each["status"] for each in page["nodes"]} <= {"WITHDRAWN"}


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("identity.file_kept.v1", {"file_id": "fil_1"}),
        ("identity.document_judged.v1", {"file_id": "fil_1"}),
        ("identity.document_judged.v1", {"file_id": "fil_1", "verdict": "BROKEN", "judged_at": "yesterday"}),
        ("identity.file_not_attached.v1", {"file_id": "fil_1"}),
        ("identity.member_joined.v1", {"user_id": "usr_1"}),
        ("identity.platform_role_granted.v1", {"user_id": "usr_1"}),
    ],
)
async def test_an_announcement_that_cannot_be_used_is_refused_for_good(cast: Cast, key: str, data: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        await cast.stage.hear(envelope(key, "thing_1", 1, data))
    assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE"


async def test_the_queue_shows_the_longest_held_first(cast: Cast) -> None:
    await cast.stage.hear(product(product_id="prd_2", sensitivity="CONFIDENTIAL"), version(product_id="prd_2"))
    first, second = await cast.filed(), await cast.filed(product_id="prd_2")
    (page,) = (await cast.representative.load("connection_queue", ["all"], first=1)).rows
    assert ([each["id"] for each in page["nodes"]], page["total"]) == ([first["id"]], 2)
    (rest,) = (await cast.representative.load("connection_queue", ["all"], first=1, after=page["next"])).rows
    assert [each["id"] for each in rest["nodes"]] == [second["id"]]
    await cast.representative.do("take_connection_request", request_id=second["id"])
    (mine,) = (await cast.representative.load("connection_queue", ["all"], mine=True)).rows
    assert [each["id"] for each in mine["nodes"]] == [second["id"]]
    (done,) = (await cast.representative.load("connection_queue", ["all"], status="FILED")).rows
    assert [each["id"] for each in done["nodes"]] == [first["id"]]
    bad = await cast.representative.load("connection_queue", ["all"], after="nonsense")
    assert (bad.status, bad.code) == (422, "PAGE_NOT_READABLE")
    for other in (cast.recipient, cast.provider, cast.stranger, cast.stage.anonymous):
        assert (await other.load("connection_queue", ["all"])).rows == [None]


async def test_the_queue_in_figures_says_with_whom_it_is(cast: Cast) -> None:
    async def figures(by: Any) -> Any:
        return (await by.load("connection_queue_in_figures", ["all"])).rows[0]

    assert await figures(cast.administrator) == {"waiting": 0, "oldest_seconds": None, "holders": []}
    await cast.stage.hear(product(product_id="prd_2", sensitivity="CONFIDENTIAL"), version(product_id="prd_2"))
    await cast.filed()
    second = await cast.filed(product_id="prd_2")
    await cast.representative.do("take_connection_request", request_id=second["id"])
    seen = await figures(cast.representative)
    assert seen["waiting"] == 2
    assert [each["waiting"] for each in seen["holders"]] == [1, 1]
    assert [each["user_id"] is None for each in seen["holders"]] == [True, False]
    assert seen["oldest_seconds"] == max(each["oldest_seconds"] for each in seen["holders"])
    for other in (cast.recipient, cast.provider, cast.stranger, cast.stage.anonymous):
        assert await figures(other) is None


async def test_both_sides_have_their_lists(cast: Cast) -> None:
    await cast.stage.hear(product(product_id="prd_2", sensitivity="CONFIDENTIAL"), version(product_id="prd_2"))
    filed = await cast.filed()
    draft = (await cast.recipient.do("draft_connection_request", **{**WISH, "product_id": "prd_2"})).result
    (own,) = (await cast.recipient.load("connection_requests_by_organization", [CONSUMER])).rows
    assert ([each["id"] for each in own["nodes"]], own["total"]) == ([draft["id"], filed["id"]], 2)
    (drafts,) = (await cast.recipient.load("connection_requests_by_organization", [CONSUMER], status="DRAFT")).rows
    assert [each["id"] for each in drafts["nodes"]] == [draft["id"]]
    (theirs,) = (await cast.provider.load("connection_requests_by_provider", [PROVIDER])).rows
    assert [each["id"] for each in theirs["nodes"]] == [filed["id"]]
    (staff,) = (await cast.administrator.load("connection_requests_by_organization", [CONSUMER])).rows
    assert [each["id"] for each in staff["nodes"]] == [filed["id"]]
    for other in (cast.stranger, cast.stage.anonymous, cast.provider):
        assert (await other.load("connection_requests_by_organization", [CONSUMER])).rows == [None]
    observer = cast.stage.person("usr_2", org_provider="OBSERVER")
    for other in (cast.stranger, cast.stage.anonymous, cast.recipient, observer):
        assert (await other.load("connection_requests_by_provider", [PROVIDER])).rows == [None]
