"""The rate and the quota, against plain counting."""

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.enforcement.limits.quotas import DAY, MONTH, Counter, Quota, period_of
from services.enforcement.limits.rates import Bucket, Rate

SECOND = 1_000_000_000
_RATES = st.builds(Rate, st.integers(1, 500), st.integers(1, 3600), st.integers(1, 50))
_PAUSES = st.lists(st.one_of(st.just(0), st.integers(0, 3 * SECOND), st.integers(0, 2)), max_size=60)


@given(_RATES, _PAUSES)
def test_a_bucket_is_a_token_bucket_to_the_nanosecond(rate: Rate, pauses: list[int]) -> None:
    bucket, tokens, now = Bucket(rate), Fraction(rate.burst), 0
    for pause in pauses:
        now += pause
        tokens = min(tokens + Fraction(pause * rate.requests, rate.seconds * SECOND), Fraction(rate.burst))
        taken = bucket.take(now)
        assert taken.is_allowed == (tokens >= 1)
        if taken.is_allowed:
            tokens -= 1
            assert taken.remaining == int(tokens)
        else:
            missing = (1 - tokens) * rate.seconds * SECOND / rate.requests
            assert missing <= taken.wait_ns < missing + 1


@given(_RATES, st.integers(1, 200))
def test_whoever_waits_as_told_passes_and_no_sooner(rate: Rate, calls: int) -> None:
    bucket, now = Bucket(rate), 0
    for _ in range(calls):
        taken = bucket.take(now)
        if not taken.is_allowed:
            assert taken.wait_ns > 0
            assert not bucket.take(now + taken.wait_ns - 1).is_allowed
            now += taken.wait_ns
            assert bucket.take(now).is_allowed


@given(_RATES, _RATES, st.integers(0, 60), st.integers(0, 5 * SECOND))
def test_a_changed_rate_neither_forgives_nor_punishes(before: Rate, after: Rate, calls: int, pause: int) -> None:
    bucket = Bucket(before)
    used = sum(bucket.take(0).is_allowed for _ in range(calls))
    bucket.change(after, 0)
    left = 0
    while bucket.take(0).is_allowed:
        left += 1
    assert left == max(after.burst - used, 0)
    assert bucket.is_whole(after.seconds * SECOND * after.burst)


_CALLS = st.lists(st.tuples(st.integers(0, 2 * SECOND), st.booleans(), st.integers(0, 2 * SECOND)), max_size=40)


@given(_RATES, _CALLS)
def test_taking_back_gives_no_more_than_if_the_call_had_never_been_counted(
    rate: Rate, calls: list[tuple[int, bool, int]]
) -> None:
    """Calls whose answers were late counted elsewhere, too: what is taken back later was counted here too much."""
    bucket, truth = Bucket(rate), Bucket(rate)
    now = 0
    late: list[tuple[int, int]] = []
    for pause, is_late, later in calls:
        now += pause
        for asked_at, _ in [each for each in late if each[1] <= now]:
            bucket.refund(now, now - asked_at)
        late = [each for each in late if each[1] > now]
        if bucket.take(now).is_allowed:
            if is_late and len(late) < (rate.burst - 1) // 2:
                late.append((now - 1, now + later))
            else:
                truth.charge(1, now)
        assert max(bucket.whole_at, now * rate.requests) >= max(truth.whole_at, now * rate.requests)


@given(_RATES, st.integers(0, SECOND))
def test_of_an_allowance_that_is_used_up_what_was_counted_too_much_comes_back_whole(rate: Rate, pause: int) -> None:
    bucket, truth = Bucket(rate._replace(burst=rate.burst + 4)), Bucket(rate._replace(burst=rate.burst + 4))
    for each in (bucket, truth):
        each.charge(rate.burst + 3, 0)
    truth.eased_ns = bucket.eased_ns = 0
    assert bucket.take(1).is_allowed
    is_eased = bucket.eased_ns == 1
    assert bucket.refund(1 + pause, 1 + pause) is not is_eased
    assert is_eased or bucket.whole_at == truth.whole_at


@given(_RATES, _PAUSES, st.integers(0, 60), st.integers(0, 60))
def test_who_stood_still_knows_afterwards_what_is_missing(rate: Rate, pauses: list[int], before: int, after: int) -> None:
    here, elsewhere, now = Bucket(rate), Bucket(rate), SECOND
    for _ in range(before):
        here.take(now)
    elsewhere.whole_at = here.whole_at
    told = 0
    for pause in pauses:
        now += pause
        told += elsewhere.take(now).is_allowed
    truth = Bucket(rate)
    truth.whole_at = elsewhere.whole_at
    for _ in range(after):
        # What it was not told of yet it gives a second time, and owes.
        if here.take(now).is_allowed:
            truth.charge(1, now)
    here.charge(told, now, elsewhere.missing_ns(now) + 1)
    assert truth.missing_ns(now) <= here.missing_ns(now) or not told
    assert here.missing_ns(now) <= truth.missing_ns(now) + before * rate.seconds * SECOND // rate.requests + 2


def test_what_is_read_too_late_counts_beside_what_has_passed_meanwhile() -> None:
    bucket = Bucket(Rate(1, 1, 10))
    for _ in range(3):
        bucket.take(0)
    bucket.restore(Rate(1, 1, 10), 5 * SECOND, 0)
    assert bucket.take(0).remaining == 1


def test_a_period_is_a_calendar_day_or_month_in_utc() -> None:
    moment = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    assert period_of(DAY, moment) == (datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
    assert period_of(MONTH, moment) == (datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC))
    assert period_of(MONTH, datetime(2029, 12, 31, tzinfo=UTC))[1] == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_period_begins_and_ends_by_the_clocks_of_its_zone() -> None:
    riga = ZoneInfo("Europe/Riga")
    evening = datetime(2030, 1, 1, 22, 30, tzinfo=UTC)
    assert period_of(DAY, evening, "Europe/Riga") == (datetime(2030, 1, 2, tzinfo=riga), datetime(2030, 1, 3, tzinfo=riga))
    assert period_of(MONTH, datetime(2030, 1, 31, 22, tzinfo=UTC), "Europe/Riga")[0] == datetime(2030, 2, 1, tzinfo=riga)
    for day, hours in ((31, 23), (30, 24)):
        begins, ends = period_of(DAY, datetime(2030, 3, day, 12, tzinfo=riga), "Europe/Riga")
        assert ends.timestamp() - begins.timestamp() == hours * 3600
    begins, ends = period_of(DAY, datetime(2030, 10, 27, 12, tzinfo=riga), "Europe/Riga")
    assert ends.timestamp() - begins.timestamp() == 25 * 3600


def test_a_counter_of_a_zone_turns_at_its_midnight_and_keeps_its_count_when_the_zone_changes() -> None:
    noon = int(datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()) * SECOND
    counter = Counter("sub", Quota(10, DAY, "Pacific/Auckland"), noon)
    assert (counter.key, counter.ends_at_ns) == (
        "sub|DAY|2030-01-02",
        int(datetime(2030, 1, 2, 11, tzinfo=UTC).timestamp()) * SECOND,
    )
    counter.move(Quota(10, DAY, "America/New_York"), noon)
    assert counter.key == "sub|DAY|2030-01-01"
    assert period_of(DAY, datetime(2030, 1, 1, 12, tzinfo=UTC), "Nowhere/Land")[0] == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_counter_begins_anew_with_its_period() -> None:
    evening = int(datetime(2030, 1, 1, 23, 59, tzinfo=UTC).timestamp()) * SECOND
    counter = Counter("sub", Quota(10, DAY), evening)
    counter.grant(3, 10, Quota(10, DAY))
    counter.turn(evening + SECOND)
    assert (counter.used, counter.key) == (7, "sub|DAY|2030-01-01")
    counter.turn(evening + 60 * SECOND)
    assert (counter.used, counter.is_loaded, counter.key) == (0, False, "sub|DAY|2030-01-02")
