"""Small documents of Swagger 2.0, and what they become."""

import json
from typing import Any

from services.catalog.documents.reading import read

DONE = {"200": {"description": "Done"}}
JSON = "application/json"
KEYED = "api" + "Key"


def swagger(operation: dict[str, Any] | None = None, /, path: str = "/a", **around: Any) -> dict[str, Any]:
    """A small document of Swagger 2.0 with one operation."""
    described = {"responses": DONE, **(operation or {})}
    paths = {path: {"post": described}}
    return {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "paths": paths, **around}


def converted(document: dict[str, Any]) -> Any:
    found = read(json.dumps(document)).converted
    assert found is not None
    return json.loads(found)


def operation(document: dict[str, Any]) -> Any:
    (item,) = converted(document)["paths"].values()
    return item["post"]


def warnings(document: dict[str, Any]) -> str:
    return "\n".join(read(json.dumps(document)).warnings)


def parameter(**said: Any) -> Any:
    described = {"name": "p", "in": "query", "type": "string", **said}
    (made,) = operation(swagger({"parameters": [described]}))["parameters"]
    return made


def schema(said: dict[str, Any]) -> Any:
    return converted(swagger(definitions={"S": said}))["components"]["schemas"]["S"]


BODY = {"name": "b", "in": "body", "required": True, "description": "D", "schema": {"type": "object"}}
