"""Agreements, through HTTP: attached, countersigned, confirmed, returned, renewed, ended by time."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from chassis.principal import system
from services.subscriptions.agreements import access
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import CONSUMER, PRODUCT, PROVIDER, product, version
from tests.services.subscriptions.concluding import (
    CONCLUDER,
    FILER,
    FROM,
    GOOD,
    Cast,
    facts,
    file_kept,
    judged,
    not_attached,
    offer,
)


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer())
    return Cast(empty_stage)


async def in_force(cast: Cast) -> bool:
    return await access.is_in_force(cast.stage.service.store.reader(system("tests")), CONSUMER, PRODUCT)


async def nda(cast: Cast) -> dict[str, Any]:
    """The only document of a request that is being worked on."""
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    found: dict[str, Any] = (await cast.taken())["documents"][0]
    return found


async def test_from_the_asking_to_the_force(cast: Cast) -> None:
    asked = await nda(cast)
    attached = await cast.attach(asked["id"])
    assert (attached["status"], attached["files"][0]["party"], attached["files"][0]["verdict"]) == ("ATTACHED", "RECIPIENT", None)
    signed = await cast.countersign(asked["id"])
    assert (signed["status"], [each["party"] for each in signed["files"]]) == ("COUNTERSIGNED", ["RECIPIENT", "PROVIDER"])
    await cast.judge(asked["id"])
    confirmed = await cast.confirm(asked["id"], valid_to="2999-01-01T00:00:00Z")
    assert (confirmed["status"], confirmed["is_in_force"]) == ("CONFIRMED", True)
    assert (confirmed["valid_from"], confirmed["valid_to"]) == ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    assert [each["status"] for each in confirmed["history"]] == ["REQUESTED", "ATTACHED", "COUNTERSIGNED", "CONFIRMED"]
    assert {each["verdict"] for each in confirmed["files"]} == {GOOD}
    told = await facts(cast.stage, "agreement_attached", "agreement_countersigned", "agreement_confirmed")
    assert [(each["data"].get("party"), each["audience"]) for each in told] == [
        ("RECIPIENT", "org_consumer,org_provider"),
        ("PROVIDER", "org_consumer,org_provider"),
        (None, "org_consumer,org_provider"),
        (None, "org_consumer,org_provider"),
    ]
    assert told[0]["data"] == {
        "agreement_id": asked["id"],
        "request_id": asked["request_id"],
        "kind": "NDA",
        "organization_id": CONSUMER,
        "provider_id": "org_provider",
        "product_id": PRODUCT,
        "status": "ATTACHED",
        "valid_from": None,
        "valid_to": None,
        "reason": None,
        "file_id": attached["files"][0]["file_id"],
        "party": "RECIPIENT",
    }
    assert "contract.pdf" not in str(told)
    # Its documents hold, and yet nobody has approved the connection.
    assert not await in_force(cast)


async def test_each_step_is_refused_out_of_order(cast: Cast) -> None:
    mine = {"agreement_id": (await nda(cast))["id"]}
    of_recipient, of_provider = await cast.upload(FILER), await cast.upload(CONCLUDER)
    countersign = {**mine, "file_id": of_provider}
    confirm = {**mine, "valid_from": FROM}
    assert (await cast.provider.do("countersign_agreement", **countersign)).code == "NOT_TO_BE_COUNTERSIGNED"
    assert (await cast.representative.do("confirm_agreement", **confirm)).code == "NOT_TO_BE_CONFIRMED"
    assert (await cast.representative.do("return_agreement", **mine, reason="No.")).code == "NOT_TO_BE_RETURNED"
    assert (await cast.recipient.do("renew_agreement", **mine)).code == "NOT_TO_BE_RENEWED"
    await cast.recipient.do("attach_agreement", **mine, file_id=of_recipient)
    other = await cast.upload(FILER)
    assert (await cast.recipient.do("attach_agreement", **mine, file_id=other)).code == "NOT_TO_BE_ATTACHED"
    assert (await cast.representative.do("confirm_agreement", **confirm)).code == "NOT_TO_BE_CONFIRMED"
    await cast.provider.do("countersign_agreement", **countersign)
    assert (await cast.provider.do("countersign_agreement", **countersign)).status == 409
    assert (await cast.representative.do("confirm_agreement", **confirm)).code == "SIGNATURES_NOT_JUDGED_YET"
    refused = await cast.representative.do("confirm_agreement", **confirm, despite_finding="Known to us.")
    assert refused.code == "SIGNATURES_NOT_JUDGED_YET"
    await cast.judge(mine["agreement_id"])
    before = {**mine, "valid_from": "2030-01-01T00:00:00Z", "valid_to": "2029-01-01T00:00:00Z"}
    refused = await cast.representative.do("confirm_agreement", **before)
    assert (refused.status, refused.code, refused.body["fields"][0]["field"]) == (422, "VALIDITY_NOT_USABLE", "valid_to")
    assert (await cast.representative.do("confirm_agreement", **confirm)).status == 200
    assert (await cast.representative.do("confirm_agreement", **confirm)).code == "NOT_TO_BE_CONFIRMED"
    assert (await cast.representative.do("return_agreement", **mine, reason="No.")).code == "NOT_TO_BE_RETURNED"


@pytest.mark.parametrize("party", [0, 1])
async def test_a_bad_finding_of_either_party_takes_a_reason(cast: Cast, party: int) -> None:
    agreement_id = (await nda(cast))["id"]
    await cast.attach(agreement_id)
    files = (await cast.countersign(agreement_id))["files"]
    verdicts = [GOOD, GOOD]
    verdicts[party] = "NOT_SIGNED"
    await cast.stage.hear(*(judged(each["file_id"], agreement_id, said) for each, said in zip(files, verdicts, strict=True)))
    confirm = {"agreement_id": agreement_id, "valid_from": FROM}
    refused = await cast.representative.do("confirm_agreement", **confirm)
    assert (refused.status, refused.code, refused.body["fields"][0]["field"]) == (409, "SIGNATURE_NOT_GOOD", "despite_finding")
    confirmed = (await cast.representative.do("confirm_agreement", **confirm, despite_finding="Signed on paper.")).result
    assert (confirmed["status"], confirmed["history"][-1]["reason"]) == ("CONFIRMED", "Signed on paper.")


async def test_a_file_is_ones_own_and_hangs_on_one_thing(cast: Cast) -> None:
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA", "PARTNERSHIP_CONTRACT"])
    one, other = [each["id"] for each in (await cast.taken())["documents"]]
    unknown = await cast.recipient.do("attach_agreement", agreement_id=one, file_id="fil_unheard")
    assert (unknown.status, unknown.code, unknown.body["fields"][0]["field"]) == (404, "NO_SUCH_UPLOAD", "file_id")
    foreign = await cast.upload("usr_somebody")
    told = await cast.recipient.do("attach_agreement", agreement_id=one, file_id=foreign)
    assert told.without_trace() == unknown.without_trace()
    mine = await cast.upload(FILER)
    assert (await cast.recipient.do("attach_agreement", agreement_id=one, file_id=mine)).status == 200
    again = await cast.recipient.do("attach_agreement", agreement_id=other, file_id=mine)
    assert (again.status, again.code) == (409, "FILE_USED_ALREADY")


async def test_a_file_that_comes_while_one_waits_is_taken(patient_stage: Stage) -> None:
    await patient_stage.hear(*offer())
    cast = Cast(patient_stage)
    agreement_id = (await cast.filed())["documents"][0]["id"]
    attaching = asyncio.create_task(cast.recipient.do("attach_agreement", agreement_id=agreement_id, file_id="fil_late"))
    await patient_stage.hear(file_kept("fil_late", FILER))
    assert (await attaching).result["status"] == "ATTACHED"


async def test_a_returned_document_is_attached_anew(cast: Cast) -> None:
    agreement_id = (await nda(cast))["id"]
    await cast.attach(agreement_id)
    await cast.countersign(agreement_id)
    await cast.judge(agreement_id)
    returned = (await cast.representative.do("return_agreement", agreement_id=agreement_id, reason="A page is missing.")).result
    assert returned["status"] == "RETURNED"
    assert (await facts(cast.stage, "agreement_returned"))[0]["data"]["reason"] == "A page is missing."
    await cast.attach(agreement_id)
    refused = await cast.representative.do("confirm_agreement", agreement_id=agreement_id, valid_from=FROM)
    assert refused.code == "NOT_TO_BE_CONFIRMED"
    await cast.countersign(agreement_id)
    # The files of the former round do not count.
    refused = await cast.representative.do("confirm_agreement", agreement_id=agreement_id, valid_from=FROM)
    assert refused.code == "SIGNATURES_NOT_JUDGED_YET"
    await cast.judge(agreement_id)
    assert (await cast.confirm(agreement_id))["status"] == "CONFIRMED"


async def test_the_additional_agreement_rests_on_its_technical_assignment(cast: Cast) -> None:
    request = await cast.taken()
    by_kind = {each["kind"]: each["id"] for each in request["documents"]}
    additional = by_kind["ADDITIONAL_AGREEMENT"]
    await cast.attach(additional)
    await cast.countersign(additional)
    await cast.judge(additional)
    refused = await cast.representative.do("confirm_agreement", agreement_id=additional, valid_from=FROM)
    assert (refused.status, refused.code) == (409, "TECHNICAL_ASSIGNMENT_FIRST")
    await cast.conclude(by_kind["TECHNICAL_ASSIGNMENT"])
    assert (await cast.confirm(additional))["status"] == "CONFIRMED"


async def test_of_two_confirmations_one_passes(cast: Cast) -> None:
    agreement_id = (await nda(cast))["id"]
    await cast.attach(agreement_id)
    await cast.countersign(agreement_id)
    await cast.judge(agreement_id)
    given = {"agreement_id": agreement_id, "valid_from": FROM}
    both = await asyncio.gather(*(who.do("confirm_agreement", **given) for who in (cast.representative, cast.administrator)))
    assert sorted(each.status for each in both) == [200, 409]
    assert {each.code for each in both if each.status == 409} == {"NOT_TO_BE_CONFIRMED"}
    assert len(await facts(cast.stage, "agreement_confirmed")) == 1


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_findings_in_any_order_and_twice_leave_the_last(cast: Cast, order: tuple[int, ...]) -> None:
    agreement_id = (await nda(cast))["id"]
    (file,) = (await cast.attach(agreement_id))["files"]
    heard = [judged(file["file_id"], agreement_id, "NOT_SIGNED", 2), judged(file["file_id"], agreement_id, GOOD, 3)]
    await cast.stage.hear(*(heard[number] for number in order), *(heard[number] for number in order))
    (row,) = (await cast.recipient.load("agreements_by_id", [agreement_id])).rows
    assert (row["files"][0]["verdict"], row["files"][0]["judged_at"]) == (GOOD, "2026-01-01T10:00:00Z")


async def test_a_file_that_could_not_be_attached_is_given_back(cast: Cast) -> None:
    agreement_id = (await nda(cast))["id"]
    (first,) = (await cast.attach(agreement_id))["files"]
    for _ in range(2):
        await cast.stage.hear(not_attached(first["file_id"], agreement_id))
    (row,) = (await cast.recipient.load("agreements_by_id", [agreement_id])).rows
    assert (row["status"], row["files"][0]["not_attached"]) == ("REQUESTED", "The file has lapsed.")
    await cast.attach(agreement_id)
    second = (await cast.countersign(agreement_id))["files"][-1]
    await cast.stage.hear(not_attached(second["file_id"], agreement_id), not_attached("fil_unknown", agreement_id))
    await cast.stage.hear(not_attached("fil_1", "agr_unknown"))
    (row,) = (await cast.recipient.load("agreements_by_id", [agreement_id])).rows
    assert row["status"] == "ATTACHED"
    # Late news of a file that was given up already changes nothing.
    await cast.stage.hear(not_attached(first["file_id"], agreement_id, 3))
    assert (await cast.countersign(agreement_id))["status"] == "COUNTERSIGNED"


async def test_a_provider_says_which_documents_it_takes(cast: Cast) -> None:
    asked = await cast.recipient.load("required_documents_by_product", [PRODUCT, "prd_unheard"])
    assert asked.rows == [["PARTNERSHIP_CONTRACT", "NDA", "ADDITIONAL_AGREEMENT", "TECHNICAL_ASSIGNMENT"], None]
    given = {"product_id": PRODUCT, "kinds": ["NDA", "PARTNERSHIP_CONTRACT", "NDA"]}
    row = (await cast.provider.do("set_required_documents", **given)).result
    assert row == {"product_id": PRODUCT, "kinds": ["PARTNERSHIP_CONTRACT", "NDA"]}
    assert (await cast.stage.anonymous.load("required_documents_by_product", [PRODUCT])).rows == [row["kinds"]]
    for kinds in ([], ["ADDITIONAL_AGREEMENT"]):
        refused = await cast.administrator.do("set_required_documents", product_id=PRODUCT, kinds=kinds)
        assert (refused.status, refused.code, refused.body["fields"][0]["field"]) == (422, "KINDS_NOT_USABLE", "kinds")
    await cast.stage.hear(product(product_id="prd_open"), version(product_id="prd_open"))
    assert (await cast.recipient.load("required_documents_by_product", ["prd_open"])).rows == [None]


async def test_other_documents_do_not_end_what_is_connected(cast: Cast) -> None:
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    await cast.connected()
    await cast.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA", "PARTNERSHIP_CONTRACT"])
    assert await in_force(cast)


async def test_what_nobody_asks_for_any_more_is_not_attached(cast: Cast) -> None:
    asked = await nda(cast)
    await cast.recipient.do("withdraw_connection_request", request_id=asked["request_id"])
    file_id = await cast.upload(FILER)
    refused = await cast.recipient.do("attach_agreement", agreement_id=asked["id"], file_id=file_id)
    assert (refused.status, refused.code) == (409, "NO_OPEN_REQUEST")


@pytest.mark.parametrize("side", [CONSUMER, PROVIDER])
async def test_nobody_decides_about_a_document_that_they_have_attached(cast: Cast, side: str) -> None:
    agreement = await nda(cast)
    both = cast.stage.person("usr_both", platform_roles=("OPERATOR_ADMINISTRATOR",), **{side: "ADMINISTRATOR"})
    mine = {"agreement_id": agreement["id"]}
    if side == CONSUMER:
        assert (await both.do("attach_agreement", **mine, file_id=await cast.upload("usr_both"))).status == 200
        await cast.countersign(agreement["id"])
    else:
        await cast.attach(agreement["id"])
        assert (await both.do("countersign_agreement", **mine, file_id=await cast.upload("usr_both"))).status == 200
    await cast.judge(agreement["id"])
    for verb, more in (("confirm_agreement", {"valid_from": FROM}), ("return_agreement", {"reason": "No."})):
        refused = await both.do(verb, **mine, **more)
        assert (refused.status, refused.code) == (403, "ATTACHED_BY_YOURSELF")
    assert (await cast.confirm(agreement["id"]))["status"] == "CONFIRMED"
