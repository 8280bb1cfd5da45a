"""Reading one OpenAPI document: from text to what it describes, or to a refusal that names every place."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.catalog.documents import meaning, schemas, syntax, writing, yaml_tree
from services.catalog.documents.domain import (
    MOST_PROBLEMS,
    Document,
    DocumentNotValid,
    DocumentTooLarge,
    DocumentVersionNotSupported,
    Trouble,
)
from services.catalog.documents.references import nodes, to_pointer
from services.catalog.documents.swagger.converting import OPENAPI, convert

_SUPPORTED = re.compile(r"3\.[01]\.\d+(?:-.{1,30})?")


def check_size(text: str, max_bytes: int) -> None:
    """Refuse a text that is too large. Raises ``DocumentTooLarge``."""
    if len(text) > max_bytes or len(text.encode(errors="replace")) > max_bytes:
        raise DocumentTooLarge(f"The document is larger than {max_bytes:,} bytes, the most that can be imported.")


def read(text: str) -> Document:
    """Return what a document describes.

    Raises ``DocumentNotReadable``, ``DocumentVersionNotSupported`` or ``DocumentNotValid``, with up to ``MOST_PROBLEMS`` places.
    """
    tree, media_type = syntax.read_tree(text)
    if "swagger" in tree:
        return _read_swagger(tree, text)
    return _read_openapi(tree, media_type, text)


def _read_swagger(tree: dict[str, Any], text: str) -> Document:
    """Return what a document of Swagger 2.0 describes, converted; places are told as they are in the text that was given."""
    version = tree["swagger"]
    if isinstance(version, str) and version != "2.0":
        raise DocumentVersionNotSupported(
            f"The document is Swagger {version[:20]}; 2.0 and OpenAPI 3.0 and 3.1 can be imported.",
            troubles=[_placed(Trouble(f"Swagger {version[:20]} cannot be imported", "/swagger"), text)],
        )
    _refuse(schemas.troubles(tree, "2.0"), text)
    # What is given as an example of an answer only looks like a part of the description.
    _refuse([each for each in meaning.reference_troubles(tree) if "/examples/" not in (each.pointer or "")], text)
    converted = convert(tree)
    written = writing.write(converted.tree)
    document = _read_openapi(converted.tree, syntax.JSON, text)
    warnings = (f"The document is Swagger 2.0 and was converted into OpenAPI {OPENAPI}.", *converted.warnings, *document.warnings)
    return replace(document, warnings=warnings[:MOST_PROBLEMS], converted=written)


def _read_openapi(tree: dict[str, Any], media_type: str, text: str) -> Document:
    version = _supported_version(tree, text)
    _refuse(schemas.troubles(tree, version[:3]), text)
    found = meaning.reference_troubles(tree)
    if version.startswith("3.1"):
        found += _schema_troubles(tree)
    _refuse(found, text)
    paths = meaning.read_paths(tree)
    _refuse(paths.troubles, text)
    info = tree["info"]
    return Document(
        tree=tree,
        media_type=media_type,
        openapi_version=version,
        title=str(info["title"]).strip(),
        version=str(info["version"]).strip(),
        operations=tuple(paths.operations),
        warnings=tuple(paths.warnings[:MOST_PROBLEMS]),
    )


def _supported_version(tree: dict[str, Any], text: str) -> str:
    version: Any = tree.get("openapi")
    if version is None:
        reason = 'there is no "openapi" that names the version, so this is not an OpenAPI document'
        raise DocumentNotValid(troubles=[Trouble(reason, "", 1, 1)])
    if not isinstance(version, str):
        reason = 'write the version as a string of three numbers, as in "3.0.3"'
        raise DocumentNotValid(troubles=[_placed(Trouble(reason, "/openapi"), text)])
    if not _SUPPORTED.fullmatch(version):
        shown = version[:40]
        raise DocumentVersionNotSupported(
            f"The document is OpenAPI {shown}; 3.0 and 3.1 can be imported.",
            troubles=[_placed(Trouble(f"OpenAPI {shown} cannot be imported", "/openapi"), text)],
        )
    return version


def _schema_troubles(tree: dict[str, Any]) -> list[Trouble]:
    """Return what is wrong with the schemas of a 3.1 document, which its own schema leaves unchecked."""
    found: list[Trouble] = []
    for node, path, _, describes in nodes(tree):
        if not describes or not path or not isinstance(node, dict):
            continue
        is_component = to_pointer(path[0]) == "/components/schemas" if path[0] else False
        # A schema within a schema is checked with the outermost one; what stands beside a reference says something, too.
        if is_component or path[-1] == "schema":
            found += schemas.schema_troubles(node, path)
        if len(found) >= MOST_PROBLEMS:
            break
    return found


def _refuse(troubles: Sequence[Trouble], text: str) -> None:
    if troubles:
        raise DocumentNotValid(troubles=_all_placed(list(troubles[:MOST_PROBLEMS]), text))


def _placed(trouble: Trouble, text: str) -> Trouble:
    return _all_placed([trouble], text)[0]


def _all_placed(troubles: Sequence[Trouble], text: str) -> list[Trouble]:
    """Return the troubles with line and column: those of the node, or of the nearest node around it that is found."""
    wanted = {pointer for trouble in troubles for pointer in _around(trouble.pointer or "")}
    found = yaml_tree.locate(text.removeprefix("\ufeff"), wanted)
    placed = []
    for trouble in troubles:
        line, column = next((found[each] for each in _around(trouble.pointer or "") if each in found), (None, None))
        placed.append(replace(trouble, line=line, column=column))
    return placed


def _around(pointer: str) -> list[str]:
    steps = pointer.split("/")
    return ["/".join(steps[:count]) for count in range(len(steps), 0, -1)]
