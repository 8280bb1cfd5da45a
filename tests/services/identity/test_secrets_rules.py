"""How client secrets replace one another: every state against every transition, without anything around."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis.messages import Event
from services.identity.applications.domain import Application, ClientSecret
from services.identity.secrets import domain
from services.identity.secrets.domain import Evidence, Grace, LastSecret, NoSuchSecret, SecretLifeNotUsable, Terms, TwoSecretsLive
from services.identity.secrets.use import Use

NOW = datetime(2030, 1, 10, 12, tzinfo=UTC)
BORN = NOW - timedelta(days=5)
DAY = timedelta(days=1)
WEEK = Grace(timedelta(days=7))
TERMS = Terms(silence=timedelta(hours=24), token_ttl=timedelta(minutes=10))
KNOWN = Evidence({}, NOW)


def secret(name: str, **more: object) -> ClientSecret:
    return ClientSecret(**{"id": name, "hint": "abcd", "hash": "0", "created_at": BORN, **more})  # type: ignore[arg-type]


def retiring(name: str, **more: object) -> ClientSecret:
    state = {"replaced_at": NOW - DAY, "expires_at": NOW + 3 * DAY, "look_at": NOW, **more}
    return secret(name, **state)


def retired(name: str) -> ClientSecret:
    return secret(name, retired_at=NOW - DAY, retired_because="RETIRED")


def over(name: str) -> ClientSecret:
    """A secret whose time is over, which nobody has noted yet."""
    return secret(name, expires_at=NOW)


def application(*secrets: ClientSecret) -> Application:
    return Application("app_1", "org_1", "Robot", None, "pci_1", BORN, secrets)


def states(holder: Application) -> dict[str, str]:
    return {each.id: each.status(NOW) for each in holder.secrets}


def told(facts: list[Event]) -> list[tuple[str, str, str | None]]:
    return [(type(each).__name__, getattr(each, "secret_id", ""), getattr(each, "reason", None)) for each in facts]


NEW = secret("new", created_at=NOW)
TABLE = [
    # what there is, the grace, what becomes of it (None: refused)
    ((), Grace(), {}),
    ((), WEEK, {}),
    ((retired("a"),), WEEK, {"a": "RETIRED"}),
    ((over("a"),), WEEK, {"a": "RETIRED"}),
    ((secret("a"),), Grace(), {"a": "RETIRED"}),
    ((secret("a"),), WEEK, {"a": "RETIRING"}),
    ((retiring("a"),), Grace(), {"a": "RETIRED"}),
    ((retiring("a"),), WEEK, {"a": "RETIRING"}),
    ((secret("a"), over("b")), WEEK, {"a": "RETIRING", "b": "RETIRED"}),
    ((secret("a"), secret("b")), Grace(), {"a": "RETIRED", "b": "RETIRED"}),
    ((secret("a"), secret("b")), WEEK, None),
    ((retiring("a"), secret("b")), Grace(), {"a": "RETIRED", "b": "RETIRED"}),
    ((retiring("a"), secret("b")), WEEK, None),
]


@pytest.mark.parametrize(("present", "grace", "becomes"), TABLE)
def test_rotating(present: tuple[ClientSecret, ...], grace: Grace, becomes: dict[str, str] | None) -> None:
    before = application(*present)
    if becomes is None:
        with pytest.raises(TwoSecretsLive, match="retire one"):
            domain.rotate(before, NEW, grace, NOW)
        return
    after, facts = domain.rotate(before, NEW, grace, NOW)
    assert states(after) == {**becomes, "new": "ACTIVE"}
    assert len(after.live_secrets(NOW)) <= 2
    cut = [(each.id) for each in before.live_secrets(NOW) if states(after)[each.id] == "RETIRED"]
    assert told(facts) == [("SecretIssued", "new", None), *(("SecretRetired", each, "ROTATED") for each in cut)]


def test_a_grace_never_prolongs_a_life() -> None:
    short, long = secret("a", expires_at=NOW + DAY), secret("a", expires_at=NOW + 20 * DAY)
    for present, end in ((short, NOW + DAY), (long, NOW + 7 * DAY), (secret("a"), NOW + 7 * DAY)):
        after, _ = domain.rotate(application(present), NEW, WEEK, NOW)
        assert after.secrets[0].expires_at == end
    with_a_wish, _ = domain.rotate(application(retiring("a", retire_when_silent=True)), NEW, WEEK, NOW)
    assert with_a_wish.secrets[0].retire_when_silent


@pytest.mark.parametrize(
    ("present", "is_refused"),
    [
        ((), False),
        ((retired("a"),), False),
        ((over("a"),), False),
        ((secret("a"),), False),
        ((retiring("a"),), False),
        ((secret("a"), secret("b")), True),
        ((retiring("a"), secret("b")), True),
    ],
)
def test_issuing_beside(present: tuple[ClientSecret, ...], is_refused: bool) -> None:
    before = application(*present)
    if is_refused:
        with pytest.raises(TwoSecretsLive):
            domain.issue_beside(before, NEW, NOW)
    else:
        after, facts = domain.issue_beside(before, NEW, NOW)
        assert after.secrets == (*before.secrets, NEW)
        assert told(facts) == [("SecretIssued", "new", None)]


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("first", [secret("a"), retiring("a")])
def test_retiring_one_of_two(first: ClientSecret, name: str) -> None:
    after, facts = domain.retire(application(first, secret("b")), name, NOW, even_if_last=False)
    assert states(after)[name] == "RETIRED"
    assert len(after.live_secrets(NOW)) == 1
    assert told(facts) == [("SecretRetired", name, "RETIRED")]
    again, nothing = domain.retire(after, name, NOW, even_if_last=False)
    assert (again, nothing) == (after, [])


def test_retiring_the_last_one_needs_a_word_more() -> None:
    alone = application(over("b"), secret("a"))
    with pytest.raises(LastSecret):
        domain.retire(alone, "a", NOW, even_if_last=False)
    after, _ = domain.retire(alone, "a", NOW, even_if_last=True)
    assert after.live_secrets(NOW) == ()
    with pytest.raises(NoSuchSecret):
        domain.retire(alone, "unknown", NOW, even_if_last=True)


@pytest.mark.parametrize(
    ("life", "is_usable"),
    [(None, True), (timedelta(0), False), (-DAY, False), (timedelta(seconds=1), True), (731 * DAY, True), (732 * DAY, False)],
)
def test_a_life_is_at_most_two_years(life: timedelta | None, is_usable: bool) -> None:
    expires_at = None if life is None else NOW + life
    if is_usable:
        domain.check_life(expires_at, NOW)
    else:
        with pytest.raises(SecretLifeNotUsable):
            domain.check_life(expires_at, NOW)


def test_an_end_comes_once() -> None:
    ended, facts = domain.keep_time(application(over("a"), secret("b")), KNOWN, TERMS, NOW)
    assert told(facts) == [("SecretRetired", "a", "EXPIRED")]
    assert (ended.secrets[0].retired_at, ended.secrets[0].status(NOW)) == (NOW, "RETIRED")
    assert domain.keep_time(ended, KNOWN, TERMS, NOW + DAY) == (ended, [])
    assert ended.due_at is None


@pytest.mark.parametrize(
    ("life", "warnings"),
    [(400, [30, 7, 1]), (31, [30, 7, 1]), (30, [7, 1]), (8, [7, 1]), (7, [1]), (1, []), (None, [])],
)
def test_warnings_come_each_once_and_none_at_birth(life: int | None, warnings: list[int]) -> None:
    expires_at = None if life is None else NOW + timedelta(days=life)
    holder = application(secret("a", created_at=NOW, expires_at=expires_at), secret("b", created_at=NOW))
    given = []
    for hour in range(24 * ((life or 400) + 2)):
        moment = NOW + timedelta(hours=hour)
        due = holder.due_at is not None and holder.due_at <= moment
        holder, facts = domain.keep_time(holder, KNOWN, TERMS, moment)
        assert bool(facts) == due, "what is due is what is done"
        given += [each.model_dump().get("days_left") for each in facts]
    assert given == ([*warnings, None] if life else [])


def test_who_slept_over_warnings_gives_the_latest_alone() -> None:
    holder = application(secret("a", expires_at=NOW + timedelta(days=2, hours=3), created_at=NOW - 90 * DAY))
    warned, [fact] = domain.keep_time(holder, KNOWN, TERMS, NOW)
    assert (type(fact).__name__, fact.model_dump()["days_left"]) == ("SecretExpiring", 3)
    assert domain.keep_time(warned, KNOWN, TERMS, NOW) == (warned, [])
    _, [last] = domain.keep_time(warned, KNOWN, TERMS, NOW + timedelta(days=1, hours=4))
    assert last.model_dump()["days_left"] == 1


def test_of_the_end_of_a_grace_nobody_is_warned() -> None:
    holder = application(retiring("a", expires_at=NOW + 20 * DAY, look_at=None), secret("b"))
    assert domain.keep_time(holder, KNOWN, TERMS, NOW + 15 * DAY) == (holder, [])


def used(called: timedelta | None = None, issued: timedelta | None = None) -> Evidence:
    moments = {"called_at": called and NOW - called, "issued_at": issued and NOW - issued}
    return Evidence({"a": Use("a", **moments)}, NOW)  # type: ignore[arg-type]


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("present", "evidence", "against"),
    [
        ((secret("a"), secret("b")), KNOWN, []),
        ((secret("a"),), KNOWN, ["LAST_ONE"]),
        ((secret("a"),), replace(KNOWN, proven_otherwise=True), []),
        ((secret("a"), retired("b"), over("c"), retiring("d")), KNOWN, ["LAST_ONE"]),
        ((secret("a", created_at=NOW - DAY + SECOND), secret("b")), KNOWN, ["NOT_SILENT_YET"]),
        ((secret("a"), secret("b")), used(called=DAY), []),
        ((secret("a"), secret("b")), used(called=DAY - SECOND), ["NOT_SILENT_YET"]),
        ((secret("a"), secret("b")), used(issued=DAY + 30 * SECOND), []),
        ((secret("a"), secret("b")), used(called=2 * DAY, issued=DAY + 29 * SECOND), ["NOT_SILENT_YET"]),
        ((secret("a"), secret("b")), used(issued=10 * 60 * SECOND), ["NOT_SILENT_YET", "TOKEN_ALIVE"]),
        ((secret("a"), secret("b")), Evidence({}, None), ["USAGE_NOT_KNOWN"]),
        ((secret("a"), secret("b")), Evidence({}, NOW - 61 * SECOND), ["USAGE_NOT_KNOWN"]),
        ((secret("a"), secret("b")), Evidence({}, NOW - 60 * SECOND), []),
        (
            (secret("a"),),
            Evidence({"a": Use("a", NOW, NOW)}, None),
            ["LAST_ONE", "NOT_SILENT_YET", "TOKEN_ALIVE", "USAGE_NOT_KNOWN"],
        ),
    ],
)
def test_what_stands_against_retiring(present: tuple[ClientSecret, ...], evidence: Evidence, against: list[str]) -> None:
    holder = application(*present)
    assert domain.holds(holder, holder.secrets[0], evidence, TERMS, now=NOW) == against


def test_a_token_outlives_a_short_silence() -> None:
    terms = Terms(silence=timedelta(seconds=60), token_ttl=timedelta(minutes=10))
    holder = application(secret("a"), secret("b"))
    for ago, against in ((timedelta(minutes=10, seconds=39), ["TOKEN_ALIVE"]), (timedelta(minutes=10, seconds=40), [])):
        assert domain.holds(holder, holder.secrets[0], used(issued=ago), terms, now=NOW) == against


@pytest.mark.parametrize("is_wanted", [False, True])
def test_falling_silent_is_told_once(is_wanted: bool) -> None:
    holder = application(retiring("a", retire_when_silent=is_wanted), secret("b"))
    silent, facts = domain.keep_time(holder, used(called=2 * DAY), TERMS, NOW)
    ends = [("SecretRetired", "a", "SILENT")] if is_wanted else []
    assert told(facts) == [("SecretUsedLast", "a", None), *ends]
    assert facts[0].model_dump()["last_used_at"] == NOW - 2 * DAY
    assert states(silent)["a"] == ("RETIRED" if is_wanted else "RETIRING")
    assert domain.keep_time(silent, used(called=2 * DAY), TERMS, NOW + DAY) == (silent, [])


def test_one_that_is_not_silent_is_looked_at_when_it_may_be() -> None:
    holder = application(retiring("a", retire_when_silent=True), secret("b"))
    looked, facts = domain.keep_time(holder, used(called=20 * 3600 * SECOND), TERMS, NOW)
    assert (facts, looked.secrets[0].look_at, looked.due_at) == ([], NOW + 4 * 3600 * SECOND, NOW + 4 * 3600 * SECOND)
    unknown, facts = domain.keep_time(holder, Evidence({}, None), TERMS, NOW)
    assert (facts, unknown.secrets[0].look_at) == ([], NOW + domain.LOOK_AGAIN)


def test_one_told_silent_is_retired_when_that_is_wished_later_and_not_told_again() -> None:
    told_silent = retiring("a", silent_at=NOW - DAY, look_at=None)
    rotated, _ = domain.rotate(
        application(told_silent), replace(NEW, created_at=BORN), replace(WEEK, retire_when_silent=True), NOW
    )
    _, facts = domain.keep_time(rotated, KNOWN, TERMS, NOW)
    assert told(facts) == [("SecretRetired", "a", "SILENT")]


def test_only_the_latest_retired_are_kept_and_every_valid_one() -> None:
    holder = application(secret("kept"), *(retired(f"r{number}") for number in range(10)), over("o"))
    after, _ = domain.retire(application(*holder.secrets, secret("b")), "b", NOW, even_if_last=False)
    assert [each.id for each in after.secrets] == ["kept", *(f"r{number}" for number in range(1, 10)), "o", "b"]
