"""Support requests: opened, answered, noted, drawn in, solved and closed, each by whom it is for and nobody else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.notifications.support.actions import close_solved
from tests.services.notifications.support.cast import (
    APPLICATION,
    ASKERS,
    PRODUCT,
    PROVIDER,
    STRANGERS,
    SUBSCRIPTION,
    WISH,
    Cast,
    erased,
    organization_deleted,
    thing,
)
from tests.services.stage import Person, envelope

ABSENT = "sup_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


async def test_a_question_is_asked_answered_solved_and_closed(known_cast: Cast) -> None:
    cast = known_cast
    request = await cast.opened(about=SUBSCRIPTION)
    assert (request["status"], request["waits_for"], request["holder_id"]) == ("OPEN", "OPERATOR", None)
    assert request["topic"] == {"kind": "SUBSCRIPTION", "thing_id": SUBSCRIPTION, "step": None, "product_id": None}
    assert (request["opened_by_name"], request["viewer_side"]) == ("Asker", "USER")
    key = request["id"]
    taken = (await cast.staff.do("take_support_request", request_id=key)).result
    assert (taken["status"], taken["holder_id"], taken["holder_name"]) == ("WAITING_FOR_OPERATOR", "usr_staff", "Staff")
    cast.clock.advance(timedelta(hours=2))
    answered = (await cast.reply(cast.staff, key, "Which call?")).result
    assert (answered["status"], answered["waits_for"], answered["held_seconds"]) == ("WAITING_FOR_USER", "USER", 0)
    cast.clock.advance(timedelta(minutes=1))
    again = (await cast.reply(cast.colleague, key, "All of them.")).result
    assert (again["status"], again["age_seconds"]) == ("WAITING_FOR_OPERATOR", 7260)
    solved = (await cast.staff.do("solve_support_request", request_id=key)).result
    assert (solved["status"], solved["waits_for"], solved["held_seconds"]) == ("SOLVED", None, None)
    assert (await cast.staff.do("solve_support_request", request_id=key)).code == "SUPPORT_REQUEST_SOLVED_ALREADY"
    said = [(each["side"], each["author_name"], each["text"]) for each in await cast.thread(cast.asker, key)]
    assert said == [
        ("USER", "Asker", "Since noon."),
        ("OPERATOR", "Staff", "Which call?"),
        ("USER", "Colleague", "All of them."),
    ]
    cast.clock.advance(timedelta(days=13))
    assert (await cast.reply(cast.asker, key, "It is back.")).result["status"] == "WAITING_FOR_OPERATOR"
    assert (await cast.asker.do("solve_support_request", request_id=key)).result["status"] == "SOLVED"
    cast.clock.advance(timedelta(days=14))
    assert (await cast.reply(cast.asker, key)).code == "SUPPORT_REQUEST_IS_CLOSED"
    await cast.service.store.transact(cast.service.store.reader().principal, close_solved)
    closed = await cast.seen(cast.asker, key)
    assert closed is not None
    assert closed["status"] == "CLOSED"
    facts = [each["type"].removeprefix("portico.notifications.support_") for each in await cast.stage.announced()]
    assert facts == ["opened.v1", "replied.v1", "replied.v1", "closed.v1", "replied.v1", "closed.v1", "closed.v1"]


async def test_what_is_announced_says_who_and_where_and_nothing_that_was_written(known_cast: Cast) -> None:
    request = await known_cast.opened(subject="Hush wombat", text="Secret wombat", about=APPLICATION)
    await known_cast.reply(known_cast.staff, request["id"], "Answer wombat")
    opened, replied = await known_cast.stage.announced()
    assert "wombat" not in f"{opened} {replied}"
    assert opened["data"] == {
        "request_id": request["id"],
        "organization_id": ASKERS,
        "opened_by": "usr_asker",
        "about": APPLICATION,
        "category": "CALLS",
        "status": "OPEN",
        "waits_for": "OPERATOR",
        "holder_id": None,
        "provider_id": None,
        "is_private": False,
    }
    assert (replied["audience"], replied["actor"], replied["data"]["side"]) == (ASKERS, "usr_staff", "OPERATOR")
    private = await known_cast.opened(private=True)
    fact = next(each for each in await known_cast.stage.announced() if each["subject"] == private["id"])
    assert "audience" not in fact


THEIRS = (PRODUCT, APPLICATION, SUBSCRIPTION, "prm_1", "cnr_1", "agr_1", "onb_1", "crt_1", ASKERS, "A1", "A8", "B1", "B10")
NOT_THEIRS = ("prd_draft", STRANGERS, "app_never", "A9", "B0", "B11", "A", "xyz", "pln_1")


async def test_a_request_is_about_what_its_asker_can_see(known_cast: Cast) -> None:
    for about in THEIRS:
        assert (await known_cast.opened(about=about))["topic"]["kind"], about
        assert (await known_cast.opened(organization_id=None, about=about))["topic"]["kind"], about


async def test_what_cannot_be_seen_or_checked_is_refused_alike(known_cast: Cast) -> None:
    answers = [await known_cast.asker.do("open_support_request", **WISH, about=each) for each in NOT_THEIRS]
    assert {(each.status, each.code) for each in answers} == {(404, "NOT_FOUND")}
    assert all(each.without_trace() == answers[0].without_trace() for each in answers)
    assert answers[0].body["fields"][0]["field"] == "about"


async def test_what_belongs_to_others_is_refused_as_what_does_not_exist(known_cast: Cast) -> None:
    wish = {**WISH, "organization_id": STRANGERS}
    answers = [
        (await known_cast.stranger.do("open_support_request", **wish, about=each)).without_trace()
        for each in (APPLICATION, "app_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "onb_1", "crt_1", SUBSCRIPTION)
    ]
    assert all(each == answers[0] for each in answers)


async def test_a_thing_of_another_organization_of_ones_own_is_not_asked_about_in_this_one(known_cast: Cast) -> None:
    both = known_cast.stage.person("usr_both", org_askers="OWNER", org_strangers="OWNER")
    wish = {**WISH, "organization_id": STRANGERS, "about": APPLICATION}
    assert (await both.do("open_support_request", **wish)).code == "NOT_FOUND"
    assert (await both.do("open_support_request", **{**wish, "organization_id": ASKERS})).status == 200


async def test_what_has_not_been_heard_of_yet_is_waited_for(cast: Cast) -> None:
    asking = asyncio.create_task(cast.asker.do("open_support_request", **WISH, about=APPLICATION))
    await asyncio.sleep(0)
    data: dict[str, Any] = {"application_id": APPLICATION, "organization_id": ASKERS, "name": "x", "client_id": "c"}
    await cast.stage.hear(thing("identity.application_created.v1", APPLICATION, **data))
    assert (await asking).status == 200


async def test_a_draft_product_is_its_providers_to_ask_about(known_cast: Cast) -> None:
    wish = {**WISH, "organization_id": PROVIDER, "about": "prd_draft"}
    assert (await known_cast.provider.do("open_support_request", **wish)).status == 200


def actors(cast: Cast) -> dict[str, Person]:
    names = ("asker", "colleague", "loner", "stranger", "staff", "administrator", "other_staff", "provider", "provider_observer")
    return {**{name: getattr(cast, name) for name in names}, "nobody": cast.stage.anonymous}


SEES = {"asker", "colleague", "staff", "administrator"}
NOT_FOUND = ("loner", "stranger", "other_staff", "provider", "provider_observer")
VERBS: list[tuple[str, dict[str, Any]]] = [
    ("reply_support_request", {"text": "x"}),
    ("note_support_request", {"text": "x"}),
    ("take_support_request", {}),
    ("hand_over_support_request", {"user_id": "usr_boss"}),
    ("prioritize_support_request", {"priority": "HIGH"}),
    ("involve_provider", {}),
    ("solve_support_request", {}),
    ("close_support_request", {}),
]
OF_ASKERS = {"reply_support_request", "solve_support_request", "close_support_request"}


@pytest.mark.parametrize(("verb", "given"), VERBS, ids=[verb for verb, _ in VERBS])
async def test_each_verb_is_done_by_whom_it_is_for_and_by_nobody_else(known_cast: Cast, verb: str, given: dict[str, Any]) -> None:
    cast = known_cast
    for name, person in actors(cast).items():
        request = await cast.opened(about=PRODUCT)
        answer = await person.do(verb, request_id=request["id"], **given)
        if name in ("staff", "administrator") or (name in SEES and verb in OF_ASKERS):
            assert answer.status == 200, (verb, name, answer.body)
        elif name in SEES:
            assert (answer.status, answer.code) == (403, "ONLY_THE_STAFF_DOES"), (verb, name)
        elif name == "nobody":
            assert (answer.status, answer.code) == (401, "SIGN_IN_FIRST"), (verb, name)
        else:
            assert (answer.status, answer.code) == (404, "NOT_FOUND"), (verb, name)
            absent = await person.do(verb, request_id=ABSENT, **given)
            assert answer.without_trace() == absent.without_trace()


async def test_nobody_opens_a_request_in_an_organization_that_is_not_theirs(known_cast: Cast) -> None:
    for person in (known_cast.stranger, known_cast.loner, known_cast.staff):
        assert (await person.do("open_support_request", **WISH)).code == "NOT_FOUND"
    assert (await known_cast.stage.anonymous.do("open_support_request", **WISH)).code == "SIGN_IN_FIRST"


async def test_it_exists_for_those_who_ask_and_for_the_staff(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(about=PRODUCT))["id"]
    for name, person in actors(cast).items():
        assert (await cast.seen(person, key) is not None) == (name in SEES), name
        (thread,) = (await person.load("support_messages_by_request", [key])).rows
        assert (thread is not None) == (name in SEES), name


async def test_a_private_request_is_its_openers_and_the_staffs(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(private=True))["id"]
    seeing = {name for name, person in actors(cast).items() if await cast.seen(person, key) is not None}
    assert seeing == {"asker", "staff", "administrator"}
    for person, length in ((cast.asker, 1), (cast.colleague, 0), (cast.staff, 1)):
        (page,) = (await person.load("support_requests_by_organization", [ASKERS])).rows
        assert page["total"] == len(page["nodes"]) == length
    (mine,) = (await cast.asker.load("support_requests_of_viewer", ["me"])).rows
    assert [each["id"] for each in mine["nodes"]] == [key]
    assert (await cast.reply(cast.colleague, key)).code == "NOT_FOUND"
    gone = cast.stage.person("usr_asker")  # the asker has left the organization
    assert await cast.seen(gone, key) is None
    answer = await cast.loner.do("open_support_request", subject="x", text="x", category="OTHER", private=True)
    assert answer.code == "PRIVACY_NEEDS_AN_ORGANIZATION"


async def test_a_request_of_oneself_belongs_to_no_organization(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(cast.loner, organization_id=None))["id"]
    seeing = {name for name, person in actors(cast).items() if await cast.seen(person, key) is not None}
    assert seeing == {"loner", "staff", "administrator"}


async def test_notes_are_seen_by_the_staff_alone(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(about=PRODUCT))["id"]
    noted = (await cast.staff.do("note_support_request", request_id=key, text="He has called before.")).result
    assert noted["status"] == "OPEN"
    await cast.staff.do("involve_provider", request_id=key)
    for person, length in ((cast.staff, 2), (cast.administrator, 2), (cast.asker, 1), (cast.colleague, 1), (cast.provider, 1)):
        thread = await cast.thread(person, key)
        assert len(thread) == length
        (page,) = (await person.load("support_messages_by_request", [key])).rows
        assert page["total"] == length
    own = cast.stage.person("usr_staff", platform_roles=("SUPPORT",), org_askers="OBSERVER")
    assert len(await cast.thread(own, key)) == 1  # whoever asks is not the one who answers
    assert (await own.do("take_support_request", request_id=key)).code == "ONLY_THE_STAFF_DOES"
    facts = [each["type"] for each in await cast.stage.announced()]
    assert [each.rpartition("support_")[2] for each in facts] == ["opened.v1", "provider_involved.v1"]


async def test_a_provider_is_drawn_in_and_answers(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(about=SUBSCRIPTION))["id"]
    assert (await cast.provider.load("support_requests_by_provider", [PROVIDER])).rows[0]["total"] == 0
    drawn = (await cast.staff.do("involve_provider", request_id=key)).result
    assert (drawn["provider_id"], drawn["waits_for"], drawn["status"]) == (PROVIDER, "PROVIDER", "WAITING_FOR_OPERATOR")
    assert (await cast.staff.do("involve_provider", request_id=key)).code == "PROVIDER_INVOLVED_ALREADY"
    assert [each["id"] for each in (await cast.provider.load("support_requests_by_provider", [PROVIDER])).rows[0]["nodes"]] == [
        key
    ]
    assert (await cast.provider_observer.load("support_requests_by_provider", [PROVIDER])).rows == [None]
    assert (await cast.reply(cast.provider_observer, key)).code == "NOT_FOUND"
    assert await cast.queue() == []
    answered = (await cast.reply(cast.provider, key, "We have mended it.")).result
    assert (answered["status"], answered["viewer_side"]) == ("WAITING_FOR_USER", "PROVIDER")
    assert (await cast.thread(cast.asker, key))[-1]["side"] == "PROVIDER"
    for verb in ("solve_support_request", "close_support_request"):
        assert (await cast.provider.do(verb, request_id=key)).code == "ONLY_ASKERS_CLOSE"
    assert (await cast.provider.do("note_support_request", request_id=key, text="x")).code == "ONLY_THE_STAFF_DOES"
    assert (await cast.stage.announced())[-1]["audience"] == f"{ASKERS},{PROVIDER}"


async def test_where_nobody_provides_nobody_is_drawn_in(known_cast: Cast) -> None:
    for about in (None, "A5", APPLICATION):
        key = (await known_cast.opened(about=about))["id"]
        assert (await known_cast.staff.do("involve_provider", request_id=key)).code == "NO_PROVIDER_CONCERNED"


async def test_the_queue_begins_with_who_waits_longest(known_cast: Cast) -> None:
    cast = known_cast
    first, second, third = [(await cast.opened())["id"] for _ in range(3)]
    cast.clock.advance(timedelta(minutes=5))
    await cast.reply(cast.staff, first)
    cast.clock.advance(timedelta(minutes=5))
    await cast.reply(cast.asker, first)  # waits again, since now
    await cast.reply(cast.asker, second)  # waits still
    await cast.administrator.do("take_support_request", request_id=third)
    assert [each["id"] for each in await cast.queue()] == [second, third, first]
    assert [each["held_seconds"] for each in await cast.queue()] == [600, 600, 0]
    assert [each["id"] for each in await cast.queue(holder="usr_boss")] == [third]
    assert [each["id"] for each in await cast.queue(status="OPEN")] == [second]
    (page,) = (await cast.staff.load("support_queue", ["all"], first=2)).rows
    (rest,) = (await cast.staff.load("support_queue", ["all"], first=2, after=page["next"])).rows
    assert [each["id"] for each in (*page["nodes"], *rest["nodes"])] == [second, third, first]
    for name, person in actors(cast).items():
        (page,) = (await person.load("support_queue", ["all"])).rows
        assert (page is not None) == (name in ("staff", "administrator")), name


async def test_the_queue_in_figures_says_with_whom_it_is(known_cast: Cast) -> None:
    cast = known_cast

    async def figures(by: Any) -> Any:
        return (await by.load("support_queue_in_figures", ["all"])).rows[0]

    assert await figures(cast.administrator) == {"waiting": 0, "oldest_seconds": None, "holders": []}
    first, second, _ = [(await cast.opened())["id"] for _ in range(3)]
    cast.clock.advance(timedelta(minutes=5))
    await cast.administrator.do("take_support_request", request_id=second)
    await cast.reply(cast.staff, first)  # waits for who asks, now
    holders = [{"user_id": each, "waiting": 1, "oldest_seconds": 300} for each in (None, "usr_boss")]
    assert await figures(cast.staff) == {"waiting": 2, "oldest_seconds": 300, "holders": holders}
    for name, person in actors(cast).items():
        assert (await figures(person) is not None) == (name in ("staff", "administrator")), name


async def test_lists_are_for_whom_they_are(known_cast: Cast) -> None:
    await known_cast.opened()
    for name, person in actors(known_cast).items():
        (page,) = (await person.load("support_requests_by_organization", [ASKERS])).rows
        assert (page is not None) == (name in SEES), name
        (page,) = (await person.load("support_requests_of_viewer", ["me"])).rows
        assert (page is None) == (name == "nobody")
        assert name == "nobody" or page["total"] == (1 if name == "asker" else 0)


async def test_a_request_is_handed_over_to_one_of_the_staff_alone(known_cast: Cast) -> None:
    key = (await known_cast.opened())["id"]
    handed = (await known_cast.staff.do("hand_over_support_request", request_id=key, user_id="usr_boss")).result
    assert (handed["holder_id"], handed["holder_name"]) == ("usr_boss", "Boss")
    for user_id in ("usr_asker", "usr_never"):
        answer = await known_cast.staff.do("hand_over_support_request", request_id=key, user_id=user_id)
        assert (answer.status, answer.code) == (404, "NO_SUCH_STAFF")


async def test_who_is_of_the_staff_no_more_holds_nothing(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened())["id"]
    await cast.staff.do("take_support_request", request_id=key)
    gone = envelope("identity.platform_role_withdrawn.v1", "usr_staff", 9, {"user_id": "usr_staff", "role": "SUPPORT"})
    await cast.stage.hear(gone, gone)
    seen = await cast.seen(cast.administrator, key)
    assert seen is not None
    assert (seen["holder_id"], seen["status"]) == (None, "OPEN")


async def test_a_closed_request_takes_nothing_more(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened(about=PRODUCT))["id"]
    assert (await cast.asker.do("close_support_request", request_id=key)).result["status"] == "CLOSED"
    for verb, given in VERBS:
        if verb not in ("note_support_request", "prioritize_support_request"):
            answer = await cast.staff.do(verb, request_id=key, **given)
            assert (answer.status, answer.code) == (409, "SUPPORT_REQUEST_IS_CLOSED"), verb


async def test_a_deleted_organization_leaves_its_requests_closed(known_cast: Cast) -> None:
    cast = known_cast
    key = (await cast.opened())["id"]
    gone = organization_deleted()
    await cast.stage.hear(gone, gone)
    seen = await cast.seen(cast.staff, key)
    assert seen is not None
    assert seen["status"] == "CLOSED"
    assert (await cast.asker.do("open_support_request", **WISH)).code == "NOT_FOUND"  # with a passport from before
    assert sum(each["type"].endswith("support_closed.v1") for each in await cast.stage.announced()) == 1


async def test_an_erased_person_takes_along_what_nobody_else_saw(known_cast: Cast) -> None:
    cast = known_cast
    kept, private, own = [
        (await cast.opened(**more))["id"] for more in ({}, {"private": True}, {"organization_id": None, "text": "Mine alone."})
    ]
    gone = erased("usr_asker")
    await cast.stage.hear(gone, gone, cast.reachable("usr_asker"))
    assert await cast.seen(cast.staff, private) is None
    assert await cast.seen(cast.staff, own) is None
    seen = await cast.seen(cast.colleague, kept)
    assert seen is not None
    assert seen["opened_by_name"] is None
    assert (await cast.thread(cast.colleague, kept))[0]["author_name"] is None
    assert (await cast.reply(cast.staff, kept)).status == 200
    assert await cast.service.store.reader().collection("support_messages").count_documents({"request_id": own}) == 0
    assert (await cast.asker.do("open_support_request", **WISH)).code == "NOT_FOUND"  # with a passport from before


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"subject": ""}, "subject"),
    ({"subject": "x" * 201}, "subject"),
    ({"subject": "a\x07b"}, "subject"),
    ({"text": "  \n "}, "text"),
    ({"text": "x" * 20_001}, "text"),
    ({"category": "GOSSIP"}, "category"),
    ({"attachment_ids": [f"att_{n}" for n in range(11)]}, "attachment_ids"),
    ({"about": 5}, "about"),
    ({"more": 1}, "more"),
]


async def test_what_cannot_be_used_names_its_field(known_cast: Cast) -> None:
    for change, field in UNUSABLE:
        answer = await known_cast.asker.do("open_support_request", **{**WISH, **change})
        assert (answer.status, answer.code) == (422, "INPUT_NOT_USABLE"), change
        assert answer.body["fields"][0]["field"].startswith(field)


async def test_nobody_has_more_than_a_hundred_open_requests(known_cast: Cast) -> None:
    for _ in range(100):
        await known_cast.opened()
    assert (await known_cast.asker.do("open_support_request", **WISH)).code == "TOO_MANY_OPEN_SUPPORT_REQUESTS"
    assert (await known_cast.colleague.do("open_support_request", **WISH)).status == 200


async def test_copies_of_things_come_twice_and_late(cast: Cast) -> None:
    submitted = thing("identity.onboarding_submitted.v1", "onb_2", organization_id=None)
    approved = thing("identity.onboarding_approved.v1", "onb_2", sequence=2, organization_id=ASKERS, number="1")
    await cast.stage.hear(approved, submitted, approved, submitted)
    assert (await cast.opened(about="onb_2"))["topic"]["kind"] == "ONBOARDING_REQUEST"
