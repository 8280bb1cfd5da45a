"""Files of agreements: hung on them by announcement, seen by both parties, examined apart, each verdict announced once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest

from chassis.messages import to_timestamp
from services.identity.files.domain import KEPT_UNATTACHED
from services.identity.findings.actions import examine_due
from services.identity.findings.domain import MOST_TRIES
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import PDF, Bureau, fetch, send, staff
from tests.services.identity.signatures.making import signed_pdf
from tests.services.identity.world import Person, Team, World
from tests.services.stage import envelope

ATTACHED, DECIDED = "subscriptions.agreement_attached.v1", "subscriptions.approval_step_decided.v1"


@dataclass
class Deal:
    """A recipient and a provider who conclude agreements."""

    bureau: Bureau
    recipient: Team
    provider: Team

    @property
    def world(self) -> World:
        return self.bureau.world

    def attached(self, agreement_id: str, file_id: str, by: Person | None, *, sequence: int = 1, **more: Any) -> Any:
        """Return the announcement that somebody has attached a file."""
        between = {"organization_id": self.recipient.organization_id, "provider_id": self.provider.organization_id}
        data = {**between, "product_id": "prd_1", "request_id": "cnr_1", "agreement_id": agreement_id, "kind": "NDA"}
        around = {"time": to_timestamp(self.world.clock.now())} | ({"actor": by.user_id} if by else {})
        return envelope(ATTACHED, agreement_id, sequence, data | {"file_id": file_id, "party": "RECIPIENT"} | more, **around)

    def decided(self, step_id: str, file_id: str | None, by: Person, **more: Any) -> Any:
        between = {"organization_id": self.recipient.organization_id, "provider_id": self.provider.organization_id}
        data = {
            **between,
            "product_id": "prd_1",
            "request_id": "cnr_1",
            "step_id": step_id,
            "evidence_file_id": file_id,
            "decision": "APPROVE",
            **more,
        }
        time = to_timestamp(self.world.clock.now())
        return envelope(DECIDED, step_id, 1, data, actor=by.user_id, time=time)

    def substitute(self, fact: str, user_id: str, sequence: int = 1, **more: Any) -> Any:
        between = {"organization_id": self.recipient.organization_id, "provider_id": self.provider.organization_id}
        data = {**between, "product_id": "prd_1", "request_id": "cnr_1", "step_id": "aps_1", "user_id": user_id, **more}
        return envelope(f"subscriptions.{fact}.v1", str(data["step_id"]), sequence, data)

    async def hear(self, *announcements: Any) -> None:
        for message in announcements:
            for reaction in self.world.service.wired_reactions():
                if message.key in reaction.keys and reaction.queue.split(".")[1].startswith(("attach", "remember_substitute")):
                    await reaction.handle(message)

    async def seen(self, file_id: str, by: Person | None) -> bool:
        """Say whether somebody sees a file, which is the same in each of the ways to it."""
        [row] = (await self.world.load("files_by_id", [file_id], by)).rows
        [state] = (await self.world.load("examinations_by_file", [file_id], by)).rows
        status = (await fetch(self.world, by, file_id)).status
        assert (row is not None, state is not None) == (status == 200, status == 200), (row, state, status)
        return status == 200


@pytest.fixture(scope="module")
async def deal(bureau: Bureau) -> Deal:
    return Deal(bureau, await bureau.world.team(), await bureau.world.team())


async def facts(world: World, file_id: str, count: int) -> list[tuple[str, Mapping[str, Any]]]:
    return [(each.key.split(".")[1], each.data) for each in await world.facts_about(file_id, count)]


async def test_a_kept_file_is_announced_to_nobody_outside(deal: Deal) -> None:
    owner = deal.recipient.members["OWNER"]
    sent = await send(deal.world, owner, PDF, "Līgums.pdf")
    [heard] = await deal.world.facts_about(sent.id, 1)
    kept = sent.body["result"]
    assert (heard.key, heard.actor, heard.audience) == ("identity.file_kept.v1", owner.user_id, ())
    told = {name: kept[name] for name in ("name", "content_type", "size", "sha256")}
    assert heard.data == {"file_id": sent.id, "uploaded_by": owner.user_id, **told}


async def test_a_file_of_an_agreement_is_seen_by_both_parties_and_the_deciding_staff(deal: Deal) -> None:
    owner = deal.recipient.members["OWNER"]
    file_id = (await send(deal.world, owner)).id
    await deal.hear(deal.attached("agr_seen", file_id, owner))
    for team in (deal.recipient, deal.provider):
        for role, member in team.members.items():
            assert await deal.seen(file_id, member) is (role in ("OWNER", "ADMINISTRATOR")), role
        assert not await deal.seen(file_id, team.stranger)
    assert not await deal.seen(file_id, None)
    for role in ("OPERATOR_ADMINISTRATOR", "BUSINESS_REPRESENTATIVE", "SECURITY_OFFICER"):
        assert await deal.seen(file_id, await staff(deal.world, role)), role
    for role in ("SUPPORT", "ANALYST", "AUDITOR"):
        assert not await deal.seen(file_id, await staff(deal.world, role)), role
    stranger = deal.recipient.stranger
    assert (await fetch(deal.world, stranger, file_id)).without_trace == (
        await fetch(deal.world, stranger, "fil_01JDA1B2C3D4E5F6G7H8J9K0M1")
    ).without_trace


async def test_its_verdict_is_announced_once_to_both_and_names_nobody(deal: Deal) -> None:
    owner = deal.provider.members["ADMINISTRATOR"]
    file_id = (await send(deal.world, owner, signed_pdf())).id
    message = deal.attached("agr_judged", file_id, owner, party="PROVIDER")
    await deal.hear(message, message)
    told = await facts(deal.world, file_id, 2)
    assert [name for name, _ in told] == ["file_kept", "document_judged"]
    judged = told[1][1]
    assert (judged["file_id"], judged["attached_to"]) == (file_id, "agr_judged")
    assert (judged["verdict"], judged["sha256"]) == ("SIGNED_NOT_TRUSTED", told[0][1]["sha256"])
    assert set(judged) == {"file_id", "attached_to", "verdict", "sha256", "judged_at"}
    heard = (await deal.world.facts_about(file_id, 2))[1]
    assert set(heard.audience) == {deal.recipient.organization_id, deal.provider.organization_id}
    await examine_due(deal.world.store, _fails)
    assert len(await facts(deal.world, file_id, 2)) == 2


async def test_the_finding_is_whole_but_the_personal_code_is_the_administrators_alone(deal: Deal) -> None:
    owner = deal.recipient.members["OWNER"]
    file_id = (await send(deal.world, owner, signed_pdf())).id
    [before] = (await deal.world.load("findings_by_file", [file_id], owner)).rows
    assert before is None
    await deal.hear(deal.attached("agr_found", file_id, owner))
    await facts(deal.world, file_id, 2)
    officer = await staff(deal.world, "SECURITY_OFFICER")
    for by in (owner, deal.provider.members["OWNER"], officer):
        [finding] = (await deal.world.load("findings_by_file", [file_id], by)).rows
        assert finding["signatures"][0]["signer"]["common_name"] == "Anna Bērziņa"
        assert "12345" not in str(finding)
        assert (await deal.world.load("examinations_by_file", [file_id], by)).rows == ["DONE"]
    [whole] = (await deal.world.load("findings_by_file", [file_id], deal.bureau.operator)).rows
    assert whole["signatures"][0]["signer"]["personal_code"]["text"] == "PNOLV-010190-12345"
    for other in (deal.recipient.members["OBSERVER"], deal.recipient.stranger, None):
        assert (await deal.world.load("findings_by_file", [file_id, "fil_none"], other)).rows == [None, None]


async def test_the_finding_of_an_onboarding_document_is_read_the_same_way(deal: Deal) -> None:
    owner = await deal.world.someone()
    request_id = await deal.bureau.draft(owner, await deal.world.organization(owner))
    attached = await deal.bureau.attach(owner, request_id, signed_pdf())
    file_id = attached["documents"][0]["file"]["id"]
    rows = (await deal.world.load("findings_by_file", [file_id], owner)).rows
    assert rows == [attached["documents"][0]["signature"]]
    assert (await deal.world.load("findings_by_file", [file_id], deal.recipient.stranger)).rows == [None]


async def test_announcements_in_any_order_hang_every_file(deal: Deal) -> None:
    owner = deal.recipient.members["OWNER"]
    first, second = [(await send(deal.world, owner)).id for _ in range(2)]
    later = deal.attached("agr_order", second, owner, sequence=5)
    await deal.hear(later, deal.attached("agr_order", first, owner, sequence=2), later)
    for file_id in (first, second):
        assert await deal.seen(file_id, deal.provider.members["OWNER"])


@pytest.mark.parametrize("case", ["foreign", "absent", "elsewhere", "onboarding", "lapsed", "of nobody"])
async def test_what_cannot_be_attached_is_announced_with_the_reason(deal: Deal, case: str) -> None:
    world, owner = deal.world, await deal.world.someone()
    file_id, by, expected = "fil_none", owner, "NO_SUCH_FILE"
    if case != "absent":
        file_id = (await send(world, owner)).id
    if case == "foreign":
        by = deal.recipient.members["OWNER"]
    if case == "elsewhere":
        await deal.hear(deal.attached("agr_first", file_id, owner))
        await facts(world, file_id, 2)
        expected = "ATTACHED_ELSEWHERE"
    if case == "onboarding":
        request_id = await deal.bureau.draft(owner, await world.organization(owner))
        await world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id)
        expected = "ATTACHED_ELSEWHERE"
    message = deal.attached(f"agr_{case.partition(' ')[0]}", file_id, None if case == "of nobody" else by)
    if case == "lapsed":
        after = to_timestamp(world.clock.now() + KEPT_UNATTACHED + timedelta(minutes=1))
        around = {"actor": by.user_id, "time": after}
        message = envelope(ATTACHED, "agr_lapsed", 1, _data_of(message), **around)
        expected = "LAPSED"
    await deal.hear(message, message)
    kept = await world.store.reader().collection("outbox").find({"subject": file_id, "key": "identity.file_not_attached.v1"})
    assert len(kept) == 1
    last = (await world.facts_about(file_id, {"absent": 1, "elsewhere": 3}.get(case, 2)))[-1]
    assert last.data["reason"] == expected
    assert set(last.audience) == {deal.recipient.organization_id, deal.provider.organization_id}


def _data_of(message: Any) -> dict[str, Any]:
    return dict(orjson.loads(message.body)["data"])


async def test_a_file_of_an_agreement_is_no_document_of_a_request(deal: Deal) -> None:
    owner = await deal.world.someone()
    request_id = await deal.bureau.draft(owner, await deal.world.organization(owner))
    file_id = (await send(deal.world, owner)).id
    await deal.hear(deal.attached("agr_taken", file_id, owner))
    said = await deal.world.do("attach_signed_document", owner, request_id=request_id, file_id=file_id)
    assert (said.code, said.fields) == ("NO_SUCH_FILE", ["file_id"])


async def test_the_evidence_of_a_decision_is_seen_by_those_who_decide(deal: Deal) -> None:
    officer = deal.provider.members["OWNER"]
    file_id = (await send(deal.world, officer)).id
    await deal.hear(deal.decided("aps_1", file_id, officer), deal.decided("aps_2", None, officer))
    assert await deal.seen(file_id, deal.provider.members["ADMINISTRATOR"])
    assert await deal.seen(file_id, deal.bureau.operator)
    assert not await deal.seen(file_id, deal.recipient.members["OWNER"])
    assert not await deal.seen(file_id, deal.recipient.stranger)


async def test_a_named_substitute_of_the_provider_reads_what_they_decide_about(deal: Deal) -> None:
    owner, officer = deal.recipient.members["OWNER"], deal.provider.members["OWNER"]
    ids = {name: (await send(deal.world, owner)).id for name in ("assignment", "nda", "of another product")}
    evidence, other = [(await send(deal.world, officer)).id for _ in range(2)]
    elsewhere: dict[str, Any] = {"request_id": "cnr_2", "product_id": "prd_2"}
    await deal.hear(
        deal.attached("agr_s1", ids["assignment"], owner, kind="TECHNICAL_ASSIGNMENT"),
        deal.attached("agr_s2", ids["nda"], owner, **elsewhere),
        deal.attached("agr_s3", ids["of another product"], owner, kind="TECHNICAL_ASSIGNMENT", **elsewhere),
        deal.decided("aps_s1", evidence, officer),
        deal.decided("aps_s2", other, officer, **elsewhere),
    )
    observer, stranger = deal.provider.members["OBSERVER"], deal.provider.stranger
    theirs = (ids["assignment"], ids["nda"], evidence)
    named = [deal.substitute("approver_substituted", each.user_id) for each in (observer, stranger)]
    for message in (*named, *named):
        await deal.hear(message)
    assert [await deal.seen(each, observer) for each in (*ids.values(), evidence, other)] == [True, True, False, True, False]
    for person in (stranger, deal.provider.members["DEVELOPER"], deal.recipient.members["OBSERVER"]):
        assert not any([await deal.seen(each, person) for each in theirs]), "who does not belong to the provider decides nothing"
    withdrawn = deal.substitute("substitute_withdrawn", observer.user_id, 5)
    await deal.hear(withdrawn, named[0], deal.substitute("approver_substituted", observer.user_id, 3))
    assert not any([await deal.seen(each, observer) for each in theirs]), "the latest counts, whatever comes last"


async def test_a_substitute_who_leaves_the_provider_reads_nothing_more(make_world: MakeWorld) -> None:
    world = await make_world()
    deal = Deal(await Bureau.open(world), await world.team(), await world.team())
    owner, observer = deal.recipient.members["OWNER"], deal.provider.members["OBSERVER"]
    file_id = (await send(world, owner)).id
    await deal.hear(deal.attached("agr_left", file_id, owner), deal.substitute("approver_substituted", observer.user_id))
    assert await deal.seen(file_id, observer)
    gone = {"organization_id": deal.provider.organization_id, "user_id": observer.user_id}
    assert (await world.do("remove_member", deal.provider.members["OWNER"], **gone)).status == 200
    assert not await deal.seen(file_id, observer)


async def _fails(_content: bytes, _name: str, _at: Any) -> Any:
    raise RuntimeError("the judge is away")


async def test_what_cannot_be_examined_is_tried_again_and_then_told_so(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    deal = Deal(await Bureau.open(world), team, await world.team())
    owner = team.members["OWNER"]
    [worker] = [each for each in world.service.workers if type(each).__name__ == "Examiner"]
    await worker.close()
    file_id = (await send(world, owner)).id
    await deal.hear(deal.attached("agr_away", file_id, owner))
    for _ in range(MOST_TRIES):
        assert (await world.load("examinations_by_file", [file_id], owner)).rows == ["WAITING"]
        assert await examine_due(world.store, _fails) == 1
        assert await examine_due(world.store, _fails) == 0
        world.clock.ahead += timedelta(seconds=40)
    assert (await world.load("examinations_by_file", [file_id], owner)).rows == ["FAILED"]
    told = await facts(world, file_id, 2)
    assert told[1][1]["verdict"] == "NOT_EXAMINED"
    assert (await world.load("findings_by_file", [file_id], owner)).rows == [None]


async def test_two_processes_examine_a_file_and_one_announces(make_world: MakeWorld) -> None:
    world = await make_world()
    team = await world.team()
    deal = Deal(await Bureau.open(world), team, await world.team())
    owner = team.members["OWNER"]
    file_ids = [(await send(world, owner)).id for _ in range(4)]
    await deal.hear(*(deal.attached(f"agr_many{number}", each, owner) for number, each in enumerate(file_ids)))
    judge = next(each for each in world.service.workers if type(each).__name__ == "Examiner")._office.judge  # type: ignore[attr-defined]
    await asyncio.gather(*(examine_due(world.store, judge) for _ in range(3)))
    for file_id in file_ids:
        assert [name for name, _ in await facts(world, file_id, 2)] == ["file_kept", "document_judged"]
