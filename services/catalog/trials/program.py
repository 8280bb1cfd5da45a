"""The program that builds one request, or judges one response: its document and the question on standard input, JSON on output.

It is to a trial what the reading program is to a document: one process each, with limits, which can harm only itself. Its input
is a line with the length of the document as it is kept, the document, and the question as JSON.
"""

import gzip
import sys
from typing import Any

import orjson

from services.catalog.documents import meaning, syntax
from services.catalog.documents.domain import DocumentRefused
from services.catalog.sandbox.checking import Checker
from services.catalog.trials.building import build
from services.catalog.trials.contract import Contract, contract_of
from services.catalog.trials.domain import Given, TrialNotUsable, Wanted
from services.catalog.trials.judging import judge_response, without_required
from services.catalog.versions.bounds import limit

_TOO_COMPLEX = "Holding it against its document takes more time or memory than is allowed."


def _outcome(packed: bytes, question: dict[str, Any]) -> dict[str, Any]:
    try:
        tree, _ = syntax.read_tree(gzip.decompress(packed).decode())
        found = [each for each in meaning.read_paths(tree).operations if each.operation_id == question["operation_id"]]
        contract = contract_of(tree, found[0])
        if "answered" in question:
            return judge_response(contract, _checker(tree, "writeOnly"), question["answered"]).to_row()
        return _built(contract, _checker(tree, "readOnly"), question["wanted"])
    except TrialNotUsable as refused:
        return {"refusal": "TrialNotUsable", "fields": [[each.field, each.message] for each in refused.fields]}
    except DocumentRefused as refused:
        return {"refusal": "DocumentTooComplex", "message": refused.message}
    except (MemoryError, RecursionError):
        return {"refusal": "DocumentTooComplex", "message": _TOO_COMPLEX}


def _checker(tree: dict[str, Any], flag: str) -> Checker:
    return Checker(without_required(tree, flag, tree), str(tree["openapi"])[:3])


def _built(contract: Contract, checker: Checker, asked: dict[str, Any]) -> dict[str, Any]:
    wanted = Wanted(
        tuple(Given(each["name"], each["value"], each["place"]) for each in asked["parameters"]),
        tuple((each["name"], each["value"]) for each in asked["headers"]),
        asked["body"],
    )
    built = build(contract, wanted, checker)
    return {
        "method": built.method,
        "target": built.target,
        "headers": [{"name": name, "value": value} for name, value in built.headers],
        "body": built.body,
        "verdict": built.verdict.to_row(),
    }


def main() -> None:
    """Answer one question; the arguments are the seconds of computing and the bytes of memory that it may take."""
    seconds, memory_bytes = (int(each) for each in sys.argv[1:3])
    limit(seconds, memory_bytes)
    length, _, sent = sys.stdin.buffer.read().partition(b"\n")
    sys.stdout.buffer.write(orjson.dumps(_outcome(sent[: int(length)], orjson.loads(sent[int(length) :]))))


if __name__ == "__main__":
    main()
