"""A line of the access log as a record."""

from typing import Any

import pytest

from services.enforcement.calls.lines import Record, read_line
from services.enforcement.events import CallRecord
from tests.services.enforcement.log_stage import line


def record_of(read: Record) -> dict[str, Any]:
    """What was read, as the contract says it: no field more, none less, each of its type."""
    written = CallRecord.model_validate(read, strict=True).model_dump(mode="json")
    assert read == written
    return written


def test_a_line_is_a_record() -> None:
    read = read_line(line(3).strip())
    assert read is not None
    assert read.record is not None
    assert record_of(read.record) == {
        "id": "c-3",
        "at": 1_900_000_000_003 + 2,
        "status": 200,
        "rejection": None,
        "application_id": "app_1",
        "organization_id": "org_1",
        "secret_id": "sec_1",
        "product_id": "prd_1",
        "version_id": "ver_1",
        "operation_id": "get Pet",
        "plan_id": "pln_1",
        "subscription_id": "sub_1",
        "bytes_in": 0,
        "bytes_out": 5,
        "duration_ms": 1.5,
        "environment": None,
    }


def test_what_a_call_went_to_is_told_and_nothing_is_made_up_where_it_is_not() -> None:
    told = "app_1|org_1|sec_1|prd_1|ver_1|get%20Pet|pln_1|sub_1||SANDBOX"
    for verdict, environment in ((told, "SANDBOX"), (told.removesuffix("|SANDBOX"), None), (None, None)):
        read = read_line(line(3, verdict=verdict).strip())
        assert read is not None
        assert read.record is not None
        assert read.record["environment"] == environment


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"status": 0, "flags": "DC", "details": "downstream_remote_disconnect", "duration_us": None},
            (499, "CALL_NOT_READABLE"),
        ),
        ({"status": 503, "flags": "UF", "details": "upstream_reset"}, (503, "UPSTREAM_UNAVAILABLE")),
        ({"status": 504, "flags": "UT", "details": "response_timeout"}, (504, "UPSTREAM_TIMEOUT")),
        ({"status": 503, "flags": "UAEX", "details": "ext_authz_error", "verdict": None}, (503, "CHECK_UNAVAILABLE")),
        ({"status": 404, "flags": "NR", "details": "route_not_found", "verdict": None}, (404, "API_NOT_FOUND")),
        ({"status": 400, "flags": "-", "details": "path_normalization_failed", "verdict": None}, (400, "CALL_NOT_READABLE")),
        ({"status": 500}, (500, None)),
    ],
)
def test_who_answered_is_told_by_the_rejection(fields: dict[str, Any], expected: tuple[int, str | None]) -> None:
    read = read_line(line(1, **fields).strip())
    assert read is not None
    assert read.record is not None
    if fields["status"] == 0:
        expected = (499, None)
    assert (read.record["status"], read.record["rejection"]) == expected
    is_callers_own_id = fields.get("details") == "path_normalization_failed"
    assert read.record["id"] == ("u-1" if is_callers_own_id else "c-1")


def test_a_call_that_nobody_decided_on_is_known_by_its_route() -> None:
    read = read_line(line(3, verdict=None, route="prd_1|ver_1|SANDBOX", flags="UAEX", status=503).strip())
    assert read is not None
    assert read.record is not None
    known = (read.record["product_id"], read.record["version_id"], read.record["environment"], read.record["application_id"])
    assert (*known, read.record["rejection"], read.record["id"]) == (
        "prd_1",
        "ver_1",
        "SANDBOX",
        None,
        "CHECK_UNAVAILABLE",
        "c-3",
    )


def test_a_call_of_the_sandbox_that_nobody_decided_on_is_one_of_the_sandbox() -> None:
    read = read_line(line(3, verdict=None, route="sandbox", flags="UAEX", status=503).strip())
    assert read is not None
    assert read.record is not None
    assert (read.record["product_id"], read.record["environment"]) == (None, "SANDBOX")


def test_half_a_line_spoils_no_other() -> None:
    half = line(1)[:40]
    assert read_line(half) is None
    read = read_line(half + line(2).strip())
    assert read is not None
    assert read.record is not None
    assert read.record["id"] == "c-2"


NGINX_LINE = (
    b'{"bytes_in":10,"bytes_read":500,"bytes_out":250,"answered":"220","details":"via_upstream","ended":"1900000000.125","flags":"-",'
    b'"request_id":"n-1","route":"","run":"run-1","seconds":"0.012","status":200,"verdict":"app_1|org_1|sec_1|prd_1|ver_1|get|pln_1|sub_1|"}'
)


@pytest.mark.parametrize(
    ("written", "instead", "expected"),
    [
        (b"", b"", {"at": 1_900_000_000_125, "duration_ms": 12, "bytes_in": 10, "bytes_out": 220, "rejection": None}),
        (b'"bytes_in":10,', b'"bytes_in":999,', {"bytes_in": 500}),
        (b'"bytes_out":250,', b'"bytes_out":7,', {"bytes_out": 7}),
        (b'"220"', b'"0, 220"', {"bytes_out": 220}),
        (b'"220"', b'""', {"bytes_out": 250}),
        (b'"0.012"', b'"0.000"', {"duration_ms": 0.5}),
        (b'"status":200', b'"status":499', {"status": 499, "rejection": None}),
        (b'"via_upstream"', b'"refused"', {"bytes_in": 0, "bytes_out": 250, "rejection": "CALL_NOT_READABLE"}),
        (b'"flags":"-"', b'"flags":"UT"', {"rejection": "UPSTREAM_TIMEOUT"}),
        (b'"flags":"-"', b'"flags":""', {"rejection": None}),
    ],
)
def test_a_line_of_nginx_is_a_record(written: bytes, instead: bytes, expected: dict[str, Any]) -> None:
    read = read_line(NGINX_LINE.replace(written, instead) if written else NGINX_LINE)
    assert read is not None
    assert read.record is not None
    assert (read.run, read.record["id"], read.record["operation_id"]) == ("run-1", "n-1", "get")
    assert expected.items() <= record_of(read.record).items()


def test_a_token_request_through_nginx_is_no_call() -> None:
    read = read_line(NGINX_LINE.replace(b'"route":""', b'"route":"oauth"'))
    assert read is not None
    assert read.record is None
