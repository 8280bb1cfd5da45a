"""How true a report says it is: watermark, lag and completeness, and that none of them claims too much."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import FixedClock
from services.analytics.sources.domain import GONE_AFTER, Arrival, Source, completeness_of, watermark_of
from tests.services.analytics.announcements import batch, call
from tests.services.analytics.conftest import NOW
from tests.services.stage import Stage

MINUTE = timedelta(minutes=1)
BEFORE = NOW - 10 * MINUTE


async def truth(stage: Stage, *, to: datetime = NOW) -> dict[str, Any]:
    window = {"from": (NOW - timedelta(days=2)).isoformat(), "to": to.isoformat()}
    (row,) = (await stage.person(org_consumer="OWNER").load("usage", [{"organization_id": "org_consumer"}], **window)).rows
    return {
        "calls": row["totals"]["calls"],
        "watermark": datetime.fromisoformat(row["watermark"]),
        "lag": row["lag_seconds"],
        "completeness": row["completeness"],
        "as_of": datetime.fromisoformat(row["as_of"]),
    }


async def test_without_any_source_nothing_is_known(stage: Stage) -> None:
    found = await truth(stage)
    assert (found["calls"], found["completeness"]) == (0, 0.0)
    assert found["watermark"].timestamp() == 0
    assert found["lag"] == NOW.timestamp()


async def test_a_source_that_has_not_said_how_far_it_has_read(stage: Stage) -> None:
    await stage.hear(batch(1, [call(BEFORE)], counted=1))
    found = await truth(stage)
    assert found["watermark"].timestamp() == 0
    assert (found["calls"], found["completeness"]) == (1, 1.0)  # its counter says that this is all there was
    await stage.hear(batch(2, [], counted=4))
    assert (await truth(stage))["completeness"] == 0.25


async def test_counted_but_not_heard_of_yet(stage: Stage) -> None:
    await stage.hear(batch(1, [call(BEFORE)] * 3, counted=5, read_through=BEFORE + MINUTE))
    found = await truth(stage)
    assert (found["watermark"], found["lag"], found["as_of"]) == (BEFORE + MINUTE, 540.0, NOW)
    assert (found["calls"], found["completeness"]) == (3, 0.6)
    # A window that ends before the watermark lacks nothing.
    assert (await truth(stage, to=BEFORE + MINUTE))["completeness"] == 1.0
    assert (await truth(stage, to=BEFORE + MINUTE + timedelta(seconds=1)))["completeness"] == 0.6
    await stage.hear(batch(2, [call(NOW)] * 2, counted=5, read_through=BEFORE + MINUTE))
    assert (await truth(stage))["completeness"] == 1.0


async def test_a_gap_holds_the_watermark_back_until_it_is_filled(stage: Stage) -> None:
    late = batch(2, [call(BEFORE)] * 2, counted=4, read_through=BEFORE)
    await stage.hear(
        batch(1, [call(BEFORE)], counted=1, read_through=BEFORE - MINUTE), batch(3, [call(BEFORE)], counted=4, read_through=NOW)
    )
    found = await truth(stage)
    assert (found["watermark"], found["calls"], found["completeness"]) == (BEFORE - MINUTE, 2, 0.5)
    await stage.hear(late)
    found = await truth(stage)
    assert (found["watermark"], found["calls"], found["completeness"], found["lag"]) == (NOW, 4, 1.0, 0.0)


async def test_the_slowest_source_decides(stage: Stage) -> None:
    await stage.hear(
        batch(1, [call(BEFORE)], counted=1, read_through=NOW, source="one"),
        batch(1, [call(BEFORE)], counted=3, read_through=BEFORE, source="two"),
    )
    found = await truth(stage)
    assert (found["watermark"], found["calls"], found["completeness"]) == (BEFORE, 2, 0.5)


async def test_a_dismantled_source_holds_nothing_back_but_what_it_owes(stage: Stage, clock: FixedClock) -> None:
    await stage.hear(batch(1, [call(BEFORE)], counted=2, read_through=BEFORE, source="old"))
    clock.advance(GONE_AFTER)
    later = clock.now()
    assert (await truth(stage))["watermark"] == BEFORE  # it is the only one
    await stage.hear(batch(1, [], counted=0, read_through=later, source="new"))
    found = await truth(stage)
    assert (found["watermark"], found["completeness"]) == (later, 0.5)


async def test_the_truth_is_about_the_platform_and_shown_to_each_scope(stage: Stage) -> None:
    other = call(BEFORE, organization_id="org_other", application_id="app_other")
    await stage.hear(batch(1, [other, call(BEFORE)], counted=3, read_through=BEFORE))
    found = await truth(stage)
    # The call that is missing may be this organization's: of two calls at most, one is here.
    assert (found["calls"], found["completeness"]) == (1, 0.5)


# --- the rule by itself: whatever is delivered, in whatever order, nothing claims more than is true ---

sizes = st.lists(st.integers(0, 5), min_size=1, max_size=8)


@given(sizes, st.data())
def test_never_above_the_truth(records: list[int], data: st.DataObject) -> None:
    """A source makes calls minute by minute; batch n holds those of minute n and says so. Some batches are delivered."""
    made = [(BEFORE + number * MINUTE, count) for number, count in enumerate(records, 1)]
    order = data.draw(st.permutations(range(len(made))))
    delivered = order[: data.draw(st.integers(1, len(order)))]
    source = Source("s")
    waiting: dict[int, datetime | None] = {}
    for index in delivered:
        number, counted = index + 1, sum(records[: index + 1])
        arrival = Arrival(number, records[index], counted, made[index][0])
        beyond = dict(waiting) if number == source.contiguous + 1 else {}
        source = source.hear(arrival, beyond, NOW)
        if number > source.contiguous:
            waiting[number] = arrival.read_through
        waiting = {key: value for key, value in waiting.items() if key > source.contiguous}
        assert source.waiting == len(waiting)
    through = 0
    while through in delivered:
        through += 1
    assert source.contiguous == through
    watermark = watermark_of([source], NOW)
    assert watermark == (made[through - 1][0] if through else None)
    known = sum(records[: max(delivered) + 1])  # by the newest counter that was delivered
    for index, (end, _) in enumerate(made[: max(delivered) + 1]):
        true_calls = sum(records[: index + 1])
        counted_calls = sum(records[each] for each in delivered if each <= index)
        claimed = completeness_of([source], end, counted_calls)
        assert claimed <= (counted_calls / true_calls if true_calls else 1.0) + 1e-12
        if watermark is not None and end <= watermark:
            assert claimed == 1.0
    ingested = sum(records[each] for each in delivered)
    assert (completeness_of([source], NOW, ingested) == 1.0) == (ingested == known)
