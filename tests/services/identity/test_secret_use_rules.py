"""What is known of a secret's use, and until when: pure rules."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.identity.secrets.feed import GONE_AFTER, Run, Source, known_until
from services.identity.secrets.use import Called, Use

NOW = datetime(2030, 1, 1, 12, 3, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)


def called(ago: timedelta, *, is_refused: bool = False) -> Called:
    return Called(NOW - ago, is_refused)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_calls_are_counted_by_the_hour_and_the_day_and_never_too_few() -> None:
    ago = [minutes(0), minutes(59), minutes(60), minutes(66), minutes(24 * 60), minutes(25 * 60 + 4)]
    use = Use("sec_1").heard([called(each) for each in ago], NOW)
    assert use.calls_last_hour(NOW) == 3
    assert use.calls_last_day(NOW) == 5
    assert use.called_at == NOW
    assert use.calls_last_hour(NOW + minutes(61)) == 1  # the first slot of the window counts whole
    assert use.calls_last_hour(NOW + minutes(66)) == 0
    assert use.calls_last_day(NOW + timedelta(days=3)) == 0


def test_what_lies_outside_every_window_is_not_kept() -> None:
    use = Use("sec_1")
    for day in range(10):
        moment = NOW + timedelta(days=day)
        use = use.heard([Called(moment - minutes(7 * each), is_refused=each % 2 == 0) for each in range(200)], moment)
    assert len(use.slots) <= 14
    assert len(use.hours) <= 26
    assert len(use.refused_hours) <= 26


def test_refused_calls_of_a_retired_secret_are_no_use_of_it() -> None:
    use = Use("sec_1").heard([called(minutes(1), is_refused=True)] * 3, NOW)
    assert (use.used_at, use.calls_last_day(NOW), use.refused_last_day(NOW)) == (None, 0, 3)


def test_a_clock_that_is_ahead_does_not_use_a_secret_tomorrow() -> None:
    use = Use("sec_1").heard([Called(NOW + timedelta(days=365), is_refused=False)], NOW)
    assert (use.called_at, use.calls_last_hour(NOW)) == (NOW, 1)


def test_a_token_is_a_use_too() -> None:
    use = Use("sec_1", called_at=NOW - minutes(5), issued_at=NOW - minutes(2))
    assert use.used_at == NOW - minutes(2)


@given(some.lists(some.integers(0, 40 * 60), max_size=60), some.randoms(use_true_random=False))
def test_the_order_of_calls_and_their_batches_makes_no_difference(ago: list[int], random: object) -> None:
    calls = [called(minutes(each), is_refused=each % 3 == 0) for each in ago]
    at_once = Use("sec_1").heard(calls, NOW)
    random.shuffle(calls)  # type: ignore[attr-defined]
    one_by_one = Use("sec_1")
    for each in calls:
        one_by_one = one_by_one.heard([each], NOW)
    assert one_by_one == at_once


def through(number: int) -> datetime:
    return NOW + timedelta(seconds=number)


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, 5))), ids=str)
def test_batches_in_any_order_make_one_run(order: tuple[int, ...]) -> None:
    source = Source("plane")
    for number in order:
        source = source.hear(number, through(number), NOW)
        source = source.hear(number, through(99), NOW)  # again, with whatever it says
    assert source.runs == (Run(1, 4, datetime(1970, 1, 1, tzinfo=UTC), through(4)),)
    assert source.known_until(LONG_AGO) == through(4)


def test_a_gap_holds_until_it_is_filled_or_lies_behind() -> None:
    source = Source("plane")
    for number in (1, 2, 4, 5):
        source = source.hear(number, through(number), NOW)
    assert source.known_until(LONG_AGO) == through(2)
    assert source.known_until(through(3)) == through(2), "what ended between batch 2 and batch 4 may be missing"
    assert source.known_until(through(4)) == through(5), "the gap lies before what is asked for"
    assert source.hear(3, through(3), NOW).known_until(LONG_AGO) == through(5)


def test_who_begins_to_listen_in_the_middle_knows_from_there_on() -> None:
    source = Source("plane").hear(17, through(17), NOW).hear(18, through(18), NOW)
    assert source.known_until(LONG_AGO) is None
    assert source.known_until(through(17)) == through(18)


def test_a_batch_may_not_say_how_far_it_holds() -> None:
    source = Source("plane").hear(1, None, NOW)
    assert source.known_until(LONG_AGO) is None
    assert source.hear(2, through(2), NOW).hear(3, None, NOW).known_until(LONG_AGO) == through(2)
    middle = Source("plane").hear(7, None, NOW).hear(8, through(8), NOW).hear(9, through(9), NOW)
    assert middle.known_until(LONG_AGO) is None
    assert middle.known_until(through(8)) == through(9)


def test_the_slowest_live_source_decides_and_a_dismantled_one_does_not() -> None:
    fast = Source("fast").hear(1, through(50), NOW)
    slow = Source("slow").hear(1, through(10), NOW)
    mute = Source("mute").hear(1, None, NOW)
    gone = Source("gone").hear(1, through(1), NOW - GONE_AFTER)
    assert known_until([fast, slow], LONG_AGO, NOW) == through(10)
    assert known_until([fast, gone], LONG_AGO, NOW) == through(50)
    assert known_until([fast, mute], LONG_AGO, NOW) is None
    assert known_until([gone], LONG_AGO, NOW) is None
    assert known_until([], LONG_AGO, NOW) is None


def test_a_source_with_ever_new_gaps_is_kept_within_bounds() -> None:
    source = Source("plane")
    for number in range(1, 1000, 2):
        source = source.hear(number, through(number), NOW)
    assert len(source.runs) <= 100
