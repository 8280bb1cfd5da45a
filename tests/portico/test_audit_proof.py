"""An export that was not touched passes; whatever was done to one, without the key, is found and named."""

import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from portico import audit_proof
from portico.audit_proof import CHECKPOINTS, FILE, CannotVerify, read_keys, read_outside
from services.audit.acts.domain import canonical
from tests.services.audit.exported import KID, Trail, first_faults, made

CHAINS = ("org_a", "org_b", "platform")
WHOLE = made(*CHAINS)
LINES = WHOLE.closed()
quietly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def kind(line: bytes) -> str:
    return str(next(iter(set(json.loads(line)) & {"export", "entry", "checkpoint", "closing"})))


def places(*kinds: str) -> list[int]:
    return [number for number, line in enumerate(LINES) if kind(line) in kinds]


ENTRIES, COVERS = places("entry"), places("checkpoint")


def of(line: bytes) -> tuple[str, int]:
    body = json.loads(line)["entry"]
    return body["chain"], body["number"]


def rewritten(lines: list[bytes], chain: str, number: int, content: dict[str, Any]) -> list[bytes]:
    """Change what an entry says and compute every later hash of its chain anew, as somebody without the key can."""
    previous, written = None, []
    for line in lines:
        body = json.loads(line).get("entry")
        if body is None or body["chain"] != chain or body["number"] < number:
            written.append(line)
            continue
        if body["number"] == number:
            body["content"] = content
        if previous is not None:
            body["previous"] = previous
        previous = sha256(canonical(body)).hexdigest()
        written.append(canonical({"entry": body, "hash": previous}) + b"\n")
    return written


@quietly
@given(
    rounds=st.lists(st.lists(st.sampled_from(CHAINS), max_size=6), max_size=5),
    organization_id=st.sampled_from([None, "org_a", "org_elsewhere"]),
)
def test_what_was_not_touched_passes(rounds: list[list[str]], organization_id: str | None) -> None:
    trail = Trail(organization_id)
    for each in rounds:
        for chain in each:
            trail.write(chain)
        trail.cover()
    report = trail.verify(trail.closed())
    assert report.is_whole, report.faults
    written = [chain for each in rounds for chain in each if organization_id in (None, chain)]
    assert (report.entries, report.chains) == (len(written), len(set(written)))
    assert report.checkpoints == len(rounds) + 1


@quietly
@given(place=st.sampled_from(ENTRIES), more=st.dictionaries(st.text(max_size=5), st.integers(-9, 9), min_size=1, max_size=2))
def test_an_edit_is_found_at_its_entry(place: int, more: dict[str, int]) -> None:
    chain, number = of(LINES[place])
    document = json.loads(LINES[place])
    edited = document["entry"]["content"] | more
    assume(edited != document["entry"]["content"])
    document["entry"]["content"] = edited
    found = first_faults(WHOLE.verify([*LINES[:place], canonical(document) + b"\n", *LINES[place + 1 :]]))
    assert (found[chain].number, found[chain].what, set(found)) == (number, "EDITED", {chain})


@quietly
@given(place=st.sampled_from(ENTRIES))
def test_hashes_computed_anew_down_the_chain_meet_the_next_checkpoint(place: int) -> None:
    chain, number = of(LINES[place])
    lines = rewritten(LINES, chain, number, {"verb": "something else"})
    found = first_faults(WHOLE.verify(lines))
    assert (found[chain].what, set(found)) == ("REWRITTEN", {chain})
    # The first entry since the last checkpoint: the key vouches for the border, not for each entry between.
    assert found[chain].number <= number
    assert number - found[chain].number < 3


@quietly
@given(place=st.sampled_from(ENTRIES))
def test_a_deletion_is_found(place: int) -> None:
    chain, number = of(LINES[place])
    found = first_faults(WHOLE.verify([*LINES[:place], *LINES[place + 1 :]]))
    assert (found[chain].number, found[chain].what in {"MISSING", "TRUNCATED"}) == (number, True)
    assert set(found) == {chain, FILE}


@quietly
@given(place=st.sampled_from(ENTRIES), target=st.integers(1, len(LINES) - 1))
def test_an_insertion_of_what_was_there_is_found(place: int, target: int) -> None:
    chain, _ = of(LINES[place])
    found = first_faults(WHOLE.verify([*LINES[:target], LINES[place], *LINES[target:]]))
    assert chain in found
    assert set(found) <= {chain, FILE}


@quietly
@given(place=st.sampled_from(ENTRIES), chain=st.sampled_from([*CHAINS, "org_strange"]))
def test_an_insertion_of_something_new_is_found(place: int, chain: str) -> None:
    _, number = of(LINES[place])
    body = {"chain": chain, "number": number, "previous": "0" * 64, "content": {"verb": "never"}}
    line = canonical({"entry": body, "hash": sha256(canonical(body)).hexdigest()}) + b"\n"
    found = first_faults(WHOLE.verify([*LINES[:place], line, *LINES[place:]]))
    assert chain in found
    assert set(found) <= {chain, FILE}


@quietly
@given(one=st.integers(0, len(LINES) - 1), other=st.integers(0, len(LINES) - 1))
def test_a_swap_is_found(one: int, other: int) -> None:
    assume(one != other)
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    assert not WHOLE.verify(lines).is_whole


@quietly
@given(end=st.integers(0, len(LINES) - 1))
def test_a_truncation_is_found(end: int) -> None:
    found = first_faults(WHOLE.verify(LINES[:end]))
    assert found[FILE].what == "TRUNCATED"


@quietly
@given(end=st.sampled_from(COVERS[:-1]))
def test_the_tail_cut_off_and_closed_again_without_the_key_is_found(end: int) -> None:
    body = json.loads(LINES[-1])["closing"] | {"checkpoint": COVERS.index(end) + 1, "entries": len(ENTRIES)}
    forged = Ed25519PrivateKey.generate().sign(canonical({"closing": body})).hex()
    closing = canonical({"closing": body, "signature": forged, "signed_by": KID}) + b"\n"
    for last, what in ((closing, "FORGED"), (LINES[-1], "TRUNCATED")):
        found = first_faults(WHOLE.verify([*LINES[: end + 1], last]))
        assert found[FILE].what == what


def test_the_tail_cut_off_and_closed_with_the_key_is_found_by_a_checkpoint_held_outside() -> None:
    trail = made(*CHAINS)
    held = trail.cover()
    outside = {held.number: held.hash}
    assert trail.verify(trail.closed(), outside).is_whole
    # Whoever rolls the database back gets a signature for what is left of it: only the checkpoint outside knows more.
    short = Trail(private=trail.private)
    short.write("org_a", 3)
    lines = short.closed()
    assert trail.verify(lines).is_whole
    assert first_faults(trail.verify(lines, outside))[CHECKPOINTS].what == "TRUNCATED"
    other = made(*CHAINS, rounds=4, count=2)
    other = Trail(private=trail.private)
    for _ in range(held.number):
        other.write("org_a")
        other.cover()
    fault = first_faults(trail.verify(other.closed(), outside))[CHECKPOINTS]
    assert (fault.number, fault.what) == (held.number, "OTHER_HISTORY")


@quietly
@given(place=st.sampled_from(COVERS))
def test_a_checkpoint_that_is_changed_removed_or_repeated_is_found(place: int) -> None:
    number = COVERS.index(place) + 1
    document = json.loads(LINES[place])
    document["checkpoint"]["at"] = "2031-01-01T00:00:00.000Z"
    for lines, what, at in (
        ([*LINES[:place], canonical(document) + b"\n", *LINES[place + 1 :]], "FORGED", number),
        ([*LINES[: place + 1], *LINES[place:]], "REPEATED", number),
    ):
        fault = first_faults(WHOLE.verify(lines))[CHECKPOINTS]
        assert (fault.number, fault.what) == (at, what)
    without = first_faults(WHOLE.verify([*LINES[:place], *LINES[place + 1 :]]))
    if place == COVERS[-1]:
        assert without[FILE].what == "TRUNCATED"
    else:
        assert (without[CHECKPOINTS].number, without[CHECKPOINTS].what) == (number, "MISSING")
    assert not set(without) & set(CHAINS), "no chain is to blame for a checkpoint that is missing"


@quietly
@given(place=st.sampled_from(COVERS), with_own_name=st.booleans())
def test_a_checkpoint_signed_with_another_key_is_found(place: int, with_own_name: bool) -> None:
    chain, number = of(LINES[ENTRIES[0]])
    lines = rewritten(LINES, chain, number, {"verb": "something else"})
    heads = {of(line): json.loads(line)["hash"] for line in lines if kind(line) == "entry"}
    body = json.loads(lines[place])["checkpoint"]
    body["heads"] = [each | {"hash": heads[each["chain"], each["number"]]} for each in body["heads"]]
    signature = Ed25519PrivateKey.generate().sign(canonical({"checkpoint": body})).hex()
    name = "another-key" if with_own_name else KID
    lines[place] = canonical({"checkpoint": body, "signature": signature, "signed_by": name}) + b"\n"
    fault = first_faults(WHOLE.verify(lines))[CHECKPOINTS]
    assert (fault.number, fault.what) == (COVERS.index(place) + 1, "UNKNOWN_KEY" if with_own_name else "FORGED")


@quietly
@given(chain=st.sampled_from(CHAINS), name=st.sampled_from([*CHAINS, "org_strange"]))
def test_a_chain_twice_or_under_another_name_is_found(chain: str, name: str) -> None:
    copied = [line for line in LINES if kind(line) == "entry" and of(line)[0] == chain]
    copies = []
    previous = "0" * 64
    for line in copied:
        body = json.loads(line)["entry"] | {"chain": name, "previous": previous}
        previous = sha256(canonical(body)).hexdigest()
        copies.append(canonical({"entry": body, "hash": previous}) + b"\n")
    for place in (1, COVERS[0] + 1, COVERS[-1] + 1):
        assert name in first_faults(WHOLE.verify([*LINES[:place], *copies, *LINES[place:]]))


@quietly
@given(place=st.integers(0, len(LINES) - 1), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_bit_that_is_turned_is_found(place: int, at: int, bit: int) -> None:
    line = bytearray(LINES[place])
    line[at % len(line)] ^= 1 << bit
    assert not WHOLE.verify([*LINES[:place], bytes(line), *LINES[place + 1 :]]).is_whole


@quietly
@given(place=st.integers(0, len(LINES)), line=st.one_of(st.binary(max_size=60), st.just(b"\n"), st.sampled_from(LINES)))
def test_any_line_that_is_added_is_found(place: int, line: bytes) -> None:
    assert not WHOLE.verify([*LINES[:place], line, *LINES[place:]]).is_whole


def test_of_each_chain_the_first_fault_is_told() -> None:
    lines = list(LINES)
    for place in ENTRIES:
        chain, number = of(lines[place])
        if (chain, number) in {("org_a", 2), ("org_a", 5), ("platform", 7)}:
            lines[place] = re.sub(rb'"verb":"\w+"', b'"verb":"other"', lines[place])
    report = WHOLE.verify(lines)
    assert [(each.chain, each.number, each.what) for each in report.faults] == [
        ("org_a", 2, "EDITED"), ("platform", 7, "EDITED"),
    ]  # fmt: skip


def test_an_export_of_one_organization_holds_no_other_and_does_not_become_another() -> None:
    trail = made(*CHAINS, organization_id="org_a")
    lines = trail.closed()
    report = trail.verify(lines)
    assert (report.is_whole, report.organization, report.entries, report.chains) == (True, "org_a", 9, 1)
    as_other = [lines[0].replace(b"org_a", b"org_b"), *lines[1:]]
    assert {"org_b", FILE} <= set(first_faults(trail.verify(as_other)))
    as_everything = [lines[0].replace(b'"org_a"', b"null"), *lines[1:]]
    assert {"org_b", FILE} <= set(first_faults(trail.verify(as_everything)))
    mixed = [*lines[:1], LINES[ENTRIES[-1]], *lines[1:]]
    assert first_faults(trail.verify(mixed))[of(LINES[ENTRIES[-1]])[0]].what == "FOREIGN"


def test_the_wrong_keys_vouch_for_nothing() -> None:
    report = made("org_a").verify(LINES)
    assert (report.is_whole, report.covered_until) == (False, None)
    assert first_faults(report)[CHECKPOINTS].what == "FORGED"
    for text in (
        b"",
        b"{}",
        b'{"keys": [{"crv": "Ed25519"}]}',
        b'{"keys": 3}',
        b'{"keys": [{"crv": "Ed25519", "kid": "k", "x": "AA"}]}',
    ):
        with pytest.raises(CannotVerify):
            read_keys(text)


def test_what_is_held_outside_is_a_line_or_an_announcement_and_is_signed() -> None:
    keys = read_keys(WHOLE.keys)
    line = LINES[COVERS[1]]
    found = json.loads(line)
    announced = {"id": "evt_1", "data": {**found["checkpoint"], "signature": found["signature"], "signed_by": found["signed_by"]}}
    expected = {2: sha256(canonical(found["checkpoint"])).hexdigest()}
    assert read_outside(line, keys) == read_outside(json.dumps(announced).encode(), keys) == expected
    assert len(read_outside(b"".join(LINES[place] for place in COVERS), keys)) == len(COVERS)
    for text in (line.replace(b'"number":2', b'"number":3'), b"no line", b"[]", line.replace(KID.encode(), b"k")):
        with pytest.raises(CannotVerify):
            read_outside(text, keys)


def test_it_runs_by_itself_and_says_by_its_exit_code_how_it_went(tmp_path: Path) -> None:
    # Beside nothing of ours, as an auditor has it.
    program = tmp_path / "audit_proof.py"
    program.write_bytes(Path(audit_proof.__file__).read_bytes())
    (tmp_path / "keys.json").write_bytes(WHOLE.keys)
    (tmp_path / "whole.jsonl").write_bytes(b"".join(LINES))
    (tmp_path / "held.json").write_bytes(LINES[COVERS[-1]])
    (tmp_path / "short.jsonl").write_bytes(b"".join(LINES[:-3]))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, str(program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run("whole.jsonl", "--keys", "keys.json", "--checkpoint", "held.json")[0] == 0
    code, said = run("short.jsonl", "--keys", "keys.json")
    assert (code, said.startswith("TRUNCATED")) == (1, True)
    for broken in (("nowhere.jsonl", "--keys", "keys.json"), ("whole.jsonl", "--keys", "whole.jsonl")):
        code, said = run(*broken)
        assert (code, said.count("\n")) == (2, 1)
