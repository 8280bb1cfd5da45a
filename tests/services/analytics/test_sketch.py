"""The sketch: sketches of parts add up to the sketch of the whole, and no quantile is off by more than one per cent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.sketch import LONGEST_MS, RELATIVE_ERROR, SHORTEST_MS, Sketch, bucket_of, duration_of

durations = st.one_of(
    st.floats(min_value=SHORTEST_MS, max_value=LONGEST_MS, allow_nan=False),
    st.floats(min_value=0.1, max_value=500),
    st.integers(min_value=1, max_value=10_000).map(float),
)
RANKS = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)


def sketch_of(values: list[float]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(st.lists(durations, min_size=1, max_size=200))
def test_no_quantile_is_off_by_more_than_one_per_cent(values: list[float]) -> None:
    ordered = sorted(values)
    for rank, found in zip(RANKS, sketch_of(values).quantiles(RANKS), strict=True):
        exact = ordered[math.floor(rank * (len(ordered) - 1))]
        assert found is not None
        assert abs(found - exact) <= exact * RELATIVE_ERROR * (1 + 1e-6)


@given(st.lists(st.lists(durations, max_size=30), max_size=6))
def test_merging_is_counting_everything_together(parts: list[list[float]]) -> None:
    merged = Sketch()
    for part in parts:
        merged.merge(sketch_of(part).counts.items())
    assert merged == sketch_of([value for part in parts for value in part])


@given(st.lists(durations, max_size=30), st.lists(durations, max_size=30))
def test_the_order_of_merging_does_not_matter(some: list[float], others: list[float]) -> None:
    one_way, other_way = sketch_of(some), sketch_of(others)
    one_way.merge(sketch_of(others).counts.items())
    other_way.merge(sketch_of(some).counts.items())
    assert one_way == other_way


@given(durations, durations)
def test_a_longer_duration_is_in_no_lower_bucket(one: float, other: float) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_nothing_counted_has_no_quantiles() -> None:
    assert Sketch().quantiles(RANKS) == [None] * len(RANKS)


@pytest.mark.parametrize("duration", [-5.0, 0.0, 1e-9, math.inf])
def test_what_lies_outside_counts_as_the_nearest(duration: float) -> None:
    held = min(max(duration, SHORTEST_MS), LONGEST_MS)
    assert bucket_of(duration) == bucket_of(held)
    assert math.isclose(duration_of(bucket_of(duration)), held, rel_tol=RELATIVE_ERROR)


def test_the_buckets_are_few() -> None:
    assert bucket_of(SHORTEST_MS) == 0
    assert bucket_of(LONGEST_MS) < 1_300
