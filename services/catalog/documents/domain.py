"""What is true of documents: which ones can be used, and how it is said why one cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import FieldProblem, Invalid, Unavailable

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with a document, and where: a JSON pointer, a line and a column (from 1) as far as known."""

    reason: str
    pointer: str | None = None
    line: int | None = None
    column: int | None = None

    def to_field(self) -> FieldProblem:
        """Return it as a field problem: ``document`` with the pointer, then line, column and reason."""
        place = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        return FieldProblem("document" if self.pointer is None else f"document#{self.pointer}", place + self.reason)


class DocumentRefused(Invalid):
    """The document cannot be used."""

    def __init__(self, message: str | None = None, *, troubles: Sequence[Trouble] = ()) -> None:
        self.troubles = tuple(troubles)
        fields = [each.to_field() for each in self.troubles[:MOST_PROBLEMS]] or [
            FieldProblem("document", message or self.default_message())
        ]
        first = f"{self.default_message()} {fields[0].field}: {fields[0].message}" if troubles else None
        super().__init__(message or first, fields=fields)


class DocumentNotReadable(DocumentRefused):
    """The document is neither JSON nor YAML that can be read."""


class DocumentNotValid(DocumentRefused):
    """The document does not keep to the OpenAPI specification."""


class DocumentTooLarge(DocumentRefused):
    """The document is larger than what can be imported."""

    status = 413


class DocumentTooComplex(DocumentRefused):
    """Reading the document takes more time or memory than is allowed."""


class DocumentVersionNotSupported(DocumentRefused):
    """Only OpenAPI 3.0 and 3.1 and Swagger 2.0 can be imported."""


class ReaderUnavailable(Unavailable):
    """The program that reads documents does not work at present; try again shortly."""


REFUSALS = {
    refusal.__name__: refusal
    for refusal in (DocumentNotReadable, DocumentNotValid, DocumentTooLarge, DocumentTooComplex, DocumentVersionNotSupported)
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, and where in the document it stands."""

    operation_id: str
    method: str
    path: str
    summary: str | None
    tags: tuple[str, ...]
    deprecated: bool
    pointer: str

    def to_row(self) -> dict[str, Any]:
        """Return the operation as plain data, without the place."""
        return {
            "operation_id": self.operation_id,
            "method": self.method,
            "path": self.path,
            "summary": self.summary,
            "tags": list(self.tags),
            "deprecated": self.deprecated,
        }


@dataclass(frozen=True, slots=True)
class Document:
    """A document that can be used: its tree, what it describes, and what its publisher may want to know.

    ``converted`` is the text of OpenAPI 3 that a document of an older version became.
    """

    tree: dict[str, Any]
    media_type: str
    openapi_version: str
    title: str
    version: str
    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = field(default=())
    converted: str | None = None
