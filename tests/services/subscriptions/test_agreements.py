"""Agreements, through HTTP: attached, countersigned, confirmed, returned, renewed, ended by time."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from chassis.local import LocalBus
from chassis.messages import to_timestamp
from chassis.mongo import Transaction
from chassis.principal import system
from services.subscriptions.agreements import access
from services.subscriptions.main import DUE, build
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.timekeeper import Timekeeper
from tests.passports import make_verifier
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, CONSUMER, PRODUCT, product, version
from tests.services.subscriptions.concluding import (
    CONCLUDER,
    FILER,
    FROM,
    GOOD,
    IN_ORDER,
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


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def timed(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> Cast:
    """The same, at a time that stands still."""
    settings = SubscriptionsSettings(patience_seconds=0.2)
    service = build(settings, bus, make_store("subscriptions", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    stage = Stage(service, tmp_path / "keys")
    await stage.hear(*offer())
    return Cast(stage)


async def keep_time(cast: Cast) -> None:
    await Timekeeper(cast.stage.service.store, DUE, every_seconds=1).look()


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


# ---- What time does


async def test_an_agreement_lapses_and_its_successor_stands_in(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=60)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    assert await in_force(timed)
    clock.advance(timedelta(days=50))
    old = done["documents"][0]["id"]
    successor = (await timed.recipient.do("renew_agreement", agreement_id=old)).result
    assert (successor["status"], successor["renews_id"], successor["kind"]) == ("REQUESTED", old, "NDA")
    again = await timed.recipient.do("renew_agreement", agreement_id=old)
    assert (again.status, again.code) == (409, "AGREEMENT_UNDER_WAY")
    await timed.conclude(successor["id"], valid_from=to_timestamp(ends + timedelta(hours=1)))
    clock.advance(timedelta(days=10))
    assert not await in_force(timed), "what has ended does not hold until the timekeeper says so"
    await keep_time(timed)
    (lapsed,) = await facts(timed.stage, "agreement_lapsed")
    assert (lapsed["data"]["agreement_id"], lapsed["data"]["status"]) == (old, "LAPSED")
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    assert (await timed.recipient.do("subscribe", **wish)).code == "AGREEMENT_REQUIRED"
    clock.advance(timedelta(hours=1))
    assert await in_force(timed)
    await keep_time(timed)
    await keep_time(timed)
    (began,) = await facts(timed.stage, "agreement_began")
    assert began["data"]["agreement_id"] == successor["id"]
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1
    assert (await timed.recipient.do("subscribe", **wish)).result["status"] == "ACTIVE"


async def test_it_is_said_three_times_that_it_ends(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    said = []
    for _ in range(41):
        await keep_time(timed)
        said.append([each["data"]["days"] for each in await facts(timed.stage, "agreement_expiring")])
        clock.advance(timedelta(days=1))
    assert (said[9], said[10], said[32], said[33], said[39]) == ([], [30], [30], [30, 7], [30, 7, 1])
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1


async def test_warnings_that_nobody_could_give_are_one(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    clock.advance(timedelta(days=34))
    await keep_time(timed)
    assert [each["data"]["days"] for each in await facts(timed.stage, "agreement_expiring")] == [7]


async def test_what_is_followed_is_not_warned_of(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    successor = (await timed.recipient.do("renew_agreement", agreement_id=done["documents"][0]["id"])).result
    await timed.conclude(successor["id"])
    clock.advance(timedelta(days=41))
    await keep_time(timed)
    assert await facts(timed.stage, "agreement_expiring") == []
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1
    assert await in_force(timed)


async def test_nothing_is_renewed_twice(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    done = await timed.connected(valid_from=to_timestamp(clock.now()))
    renew = {"agreement_id": done["documents"][0]["id"]}
    both = await asyncio.gather(*(timed.recipient.do("renew_agreement", **renew) for _ in range(3)))
    assert sorted(each.status for each in both) == [200, 409, 409]
    assert {each.code for each in both if each.status == 409} == {"AGREEMENT_UNDER_WAY"}
    successor = next(each.result["id"] for each in both if each.status == 200)
    await timed.conclude(successor)
    assert (await timed.recipient.do("renew_agreement", **renew)).code == "NOT_TO_BE_RENEWED"


async def test_what_nobody_asks_for_any_more_is_not_attached(cast: Cast) -> None:
    asked = await nda(cast)
    await cast.recipient.do("withdraw_connection_request", request_id=asked["request_id"])
    file_id = await cast.upload(FILER)
    refused = await cast.recipient.do("attach_agreement", agreement_id=asked["id"], file_id=file_id)
    assert (refused.status, refused.code) == (409, "NO_OPEN_REQUEST")


async def tell_itself(cast: Cast, *names: str) -> None:
    """Let the service hear what it has announced under these names."""
    for each in await facts(cast.stage, *names):
        await cast.stage.hear(Message(id=each["id"], key=each["type"].removeprefix("portico."), body=orjson.dumps(each)))


async def test_what_is_subscribed_stops_with_the_agreement_and_goes_on_with_the_next(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=10)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    subscription = (await timed.recipient.do("subscribe", **wish)).result
    clock.advance(timedelta(days=10))
    await keep_time(timed)
    for _ in range(2):
        await tell_itself(timed, "agreement_lapsed")
        (held,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
        assert (held["status"], [each["cause"] for each in held["holds"]]) == ("SUSPENDED", ["AGREEMENT"])
    successor = (await timed.recipient.do("renew_agreement", agreement_id=done["documents"][0]["id"])).result
    await timed.conclude(successor["id"], valid_from=to_timestamp(clock.now() + timedelta(hours=1)))
    await tell_itself(timed, "agreement_confirmed")
    (held,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
    assert held["status"] == "SUSPENDED", "the next one has not begun"
    clock.advance(timedelta(hours=1))
    await keep_time(timed)
    await tell_itself(timed, "agreement_began", "agreement_lapsed")
    (free,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
    assert (free["status"], free["holds"]) == ("ACTIVE", [])


async def test_a_subscription_and_the_end_of_its_agreement_see_each_other(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=10)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    store, runs = timed.stage.service.store, 0

    async def subscribe_slowly(tx: Transaction) -> bool:
        nonlocal runs
        runs += 1
        stands = await access.is_in_force(tx, CONSUMER, PRODUCT)
        if runs == 1:
            clock.advance(timedelta(days=10))
            await asyncio.create_task(keep_time(timed), context=Context())
        await access.hold(tx, CONSUMER, PRODUCT)
        return stands

    assert await store.transact(system("tests"), subscribe_slowly) is False
    assert runs > 1, "whoever comes second is told, and looks again"


async def test_a_renewed_additional_agreement_rests_on_an_assignment_that_is_confirmed(timed: Cast) -> None:
    done = await timed.connected()
    by_kind = {each["kind"]: each["id"] for each in done["documents"]}
    assert list(by_kind) != IN_ORDER
    successor = (await timed.recipient.do("renew_agreement", agreement_id=by_kind["ADDITIONAL_AGREEMENT"])).result
    assert (await timed.conclude(successor["id"]))["status"] == "CONFIRMED"
