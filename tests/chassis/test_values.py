"""Ids, codes, cursors, envelopes, clocks, log lines: small values that other parts rely on."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from chassis import messages, telemetry
from chassis.clock import FixedClock
from chassis.errors import Conflict, code_of, to_problem
from chassis.ids import new_id, prefix_of
from chassis.messages import Circumstances, Event
from chassis.paging import PageNotReadable, connection, cursor_of, read_page


class KettleBoiled(Event, service="kettles", version=2):
    kettle_id: str


def test_ids_sort_by_birth_and_tell_their_kind() -> None:
    ids = [new_id("app") for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000
    assert (prefix_of(ids[0]), prefix_of("nothing"), len(ids[0])) == ("app", "", 30)


@pytest.mark.parametrize(
    ("name", "code"),
    [("AlreadySubscribed", "ALREADY_SUBSCRIBED"), ("NotAProvider", "NOT_A_PROVIDER"), ("NotFound", "NOT_FOUND")],
)
def test_a_code_is_its_class_name(name: str, code: str) -> None:
    assert code_of(name) == code


def test_a_problem_document_has_all_members() -> None:
    problem = to_problem(Conflict("because"), "ab" * 16)
    assert problem["title"] == "The present state does not allow this."
    assert (problem["detail"], problem["type"].rsplit("/", 1)[1]) == ("because", "conflict")


def test_an_envelope_is_a_cloud_event_and_reads_back() -> None:
    at = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    around = Circumstances("ket_1", 7, at, "usr_1", "org_1", ["org_1", "org_2"], telemetry.new_traceparent())
    body = messages.to_bytes(messages.envelope(KettleBoiled(kettle_id="ket_1"), "evt_1", around))

    event = JSONFormat().read(CloudEvent, body)
    assert event.get_type() == "portico.kettles.kettle_boiled.v2"
    assert event.get_time() == at

    heard = messages.read(body)
    assert (heard.key, heard.sequence, heard.time, heard.audience) == ("kettles.kettle_boiled.v2", 7, at, ("org_1", "org_2"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": "x"}', b"\xff", b'{"id":"x","type":"t","time":"yesterday"}'])
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        messages.read(body)


@given(st.text(), st.integers(min_value=-(2**53), max_value=2**53))
def test_cursors_read_back(text: str, number: int) -> None:
    assert read_page(5, cursor_of(text, number), key_length=2).after == (text, number)


@pytest.mark.parametrize("first", [0, -1, 101, "10", 1.5, True])
def test_a_page_size_out_of_bounds_is_refused(first: object) -> None:
    with pytest.raises(PageNotReadable, match="first"):
        read_page(first)


@pytest.mark.parametrize("after", ["", "?", "bm90anNvbg", cursor_of("a", "b"), cursor_of(["nested"]), cursor_of(None), "é"])
def test_a_foreign_cursor_is_refused(after: str) -> None:
    with pytest.raises(PageNotReadable, match="after"):
        read_page(5, after)


def test_a_connection_knows_whether_there_is_more() -> None:
    rows = [{"id": str(n)} for n in range(3)]
    page = connection(rows, read_page(2), lambda row: (row["id"],))
    assert [row["id"] for row in page["nodes"]] == ["0", "1"]
    assert page["next"] == cursor_of("1")
    assert connection(rows, read_page(3), lambda row: (row["id"],))["next"] is None


def test_a_fixed_clock_moves_when_told() -> None:
    clock = FixedClock()
    before = clock.now()
    clock.advance(timedelta(seconds=5))
    assert clock.now() - before == timedelta(seconds=5)


def test_a_log_line_is_json_with_the_trace_and_without_secrets() -> None:
    stream = io.StringIO()
    telemetry.start_logging(stream=stream)
    try:
        with telemetry.span("work", f"00-{'ab' * 16}-{'cd' * 8}-01"):
            telemetry.log("kettle").info("boiled", password="canary-1", client_secret="canary-2", token="canary-3", cups=4)
    finally:
        telemetry.start_logging()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["trace_id"], line["cups"], line["part"]) == ("boiled", "ab" * 16, 4, "kettle")
    assert "canary" not in stream.getvalue()
