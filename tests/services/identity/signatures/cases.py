"""What a case is: a file, and what must be found out about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from services.identity.signatures.anchors import Anchors
from services.identity.signatures.findings import Finding
from tests.services.identity.signatures.authorities import JUDGED, test_anchors

Look = Callable[[Finding], Any]


@dataclass(frozen=True)
class Case:
    """A crafted file. Every code must be found, and no error beside them; ``sees`` maps what is looked at to what it must be."""

    name: str
    make: Callable[[], bytes]
    verdict: str
    codes: frozenset[str] = frozenset()
    file_name: str = "request.pdf"
    kind: str = "PDF"
    at: datetime = JUDGED
    anchors: Callable[[], Anchors] = test_anchors
    sees: dict[str, Any] = field(default_factory=dict)


def check(case: Case, finding: Finding) -> None:
    """Assert that a finding is the one that the case demands, and that it can be kept."""
    said = [*finding.problems, *(each for signature in finding.signatures for each in signature.problems)]
    errors = {each.code for each in said if each.level == "ERROR"}
    assert (finding.kind, finding.verdict) == (case.kind, case.verdict), (finding.sentences, sorted(each.code for each in said))
    assert case.codes <= {each.code for each in said}, sorted(each.code for each in said)
    assert errors <= case.codes, errors
    document = finding.as_document()
    for path, expected in case.sees.items():
        assert _at(document, path) == expected, path
    assert Finding.of_document(document) == finding
    assert finding.sentences


def told(*codes: str) -> frozenset[str]:
    """Return codes as a case wants them."""
    return frozenset(codes)


def params(cases: Iterable[Case]) -> list[Any]:
    """Return cases as pytest wants them, each under its name."""
    return [pytest.param(case, id=case.name) for case in cases]


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document[int(step)] if step.isdigit() else document[step]
    return document
