"""Holding what is sent and what is answered against the document. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.catalog.documents.references import follow
from services.catalog.sandbox.checking import Checker
from services.catalog.trials.contract import Content, Contract
from services.catalog.trials.domain import MOST_FINDINGS, Finding, Verdict
from services.catalog.trials.values import chosen


def without_required(node: Any, flag: str, tree: Any) -> Any:
    """Return a document that requires no property which is only ever sent the other way (``readOnly`` or ``writeOnly``)."""
    if isinstance(node, list):
        return [without_required(each, flag, tree) for each in node]
    if not isinstance(node, dict):
        return node
    copied = {key: without_required(value, flag, tree) for key, value in node.items()}
    required, properties = node.get("required"), node.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        kept = [name for name in required if not _has(tree, properties.get(name), flag)]
        if kept:
            copied["required"] = kept
        else:
            del copied["required"]  # draft 4 takes no empty list
    return copied


def _has(tree: Any, schema: Any, flag: str) -> bool:
    if isinstance(schema, dict) and schema.get(flag) is True:
        return True
    found = follow(tree, schema)
    return isinstance(found, dict) and found.get(flag) is True


def kind_of(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Say whether a media type is JSON."""
    return kind_of(media_type).endswith(("/json", "+json"))


def described_as(media_type: str, content: Content) -> str | None:
    """Return the media type of a document that stands for one that is used: itself, or a range around it; None for none."""
    kind = kind_of(media_type)
    named = {kind_of(each): each for each in reversed(list(content))}
    for each in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if each in named:
            return named[each]
    return None


def judge_body(checker: Checker, content: Content, media_type: str, text: str) -> Verdict:
    """Return whether a body keeps to what is described of its media type."""
    described = described_as(media_type, content)
    if described is None:
        taken = ", ".join(list(content)[:5])
        return Verdict((Finding("headers.content-type", f"{kind_of(media_type) or 'none'} is not described; {taken} is"),))
    schema_at = content[described]
    if schema_at is None:
        return Verdict()
    if not is_json(media_type):
        return Verdict(note=f"A body of {kind_of(media_type)} is not held against its schema: only JSON is.")
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Verdict((Finding("body", f"not JSON: {str(error)[:120]}"),))
    return judge_value(checker, schema_at, value, "body")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def read_for(checker: Checker, schema_at: str, texts: Sequence[str]) -> Any:
    """Return the value that texts stand for where a schema says what is wanted."""
    return chosen(texts, lambda each: checker.accepts(schema_at, each), lambda each: checker.is_of_type(schema_at, each))


def judge_value(checker: Checker, schema_at: str, value: Any, place: str) -> Verdict:
    """Return whether a value keeps to a schema."""
    troubles = checker.troubles(schema_at, value, MOST_FINDINGS)
    if troubles is None:
        return Verdict(note=f"The schema of {place} cannot be used to judge anything.")
    return Verdict(tuple(Finding(f"{place}#{each.pointer}" if each.pointer else place, each.reason) for each in troubles))


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return several verdicts as one."""
    notes = [each.note for each in verdicts if each.note is not None]
    return Verdict(tuple(finding for each in verdicts for finding in each.findings), notes[0] if notes else None)


def judge_response(contract: Contract, checker: Checker, answered: Mapping[str, Any]) -> Verdict:
    """Return whether a response keeps to the document; ``answered`` has its status, headers, body, and what is known of it."""
    status = int(answered["status"])
    described = contract.response_to(status)
    if described is None:
        return Verdict((Finding("status", f"{status} is not described; {', '.join(list(contract.responses)[:10])} is"),))
    headers = {str(each["name"]).lower(): str(each["value"]) for each in reversed(answered["headers"])}
    verdicts = [Verdict(tuple(Finding(f"headers.{name}", "is missing") for name in sorted(described.required - headers.keys())))]
    for name, schema_at in described.headers.items():
        if name in headers and schema_at is not None:
            verdicts.append(_judge_header(checker, schema_at, headers[name], f"headers.{name}"))
    verdicts.append(_judge_answer(contract, checker, described.content, {**answered, "media_type": headers.get("content-type")}))
    return together(verdicts)


def _judge_header(checker: Checker, schema_at: str, value: str, place: str) -> Verdict:
    return judge_value(checker, schema_at, read_for(checker, schema_at, [value]), place)


def _judge_answer(contract: Contract, checker: Checker, content: Content, answered: Mapping[str, Any]) -> Verdict:
    if contract.method == "HEAD" or not content:
        return Verdict()
    if answered["is_truncated"]:
        return Verdict(note="The body is longer than what is read of it, so it is not held against the document.")
    if answered["body"] is None:
        return Verdict(note="The body is no text in UTF-8, so it is not held against the document.")
    if not answered["body"] and answered["media_type"] is None:
        return Verdict((Finding("body", "is missing"),))
    return judge_body(checker, content, answered["media_type"] or "", answered["body"])
