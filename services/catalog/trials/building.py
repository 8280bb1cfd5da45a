"""Building a request from what somebody gives, as the document says that it is written. Pure.

What cannot be built is refused, field by field. What can be built and does not keep to the document is built, and that is said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from chassis.errors import FieldProblem
from services.catalog.documents.meaning import TEMPLATE
from services.catalog.sandbox.checking import Checker
from services.catalog.trials.contract import Contract, Parameter
from services.catalog.trials.domain import Built, Finding, Given, TrialNotUsable, Verdict, Wanted, header_trouble
from services.catalog.trials.judging import described_as, is_json, judge_body, judge_value, read_for, together
from services.catalog.trials.values import in_cookie, in_header, in_path, in_query

_LITERAL = "/!$&'()*+,;=:@~%"
_UNSAFE = re.compile(r"%(?:2f|5c|00)|[\\\x00-\x20\x7f]", re.IGNORECASE)
_LONGEST_TARGET = 8_000


def build(contract: Contract, wanted: Wanted, checker: Checker) -> Built:
    """Return the request. Raises ``TrialNotUsable``."""
    building = _Building(contract, checker)
    values = building.take(wanted.parameters)
    path = building.path(values)
    query = [
        pair for each in contract.parameters if each.place == "query" and each.key in values for pair in _pairs(each, values)
    ]
    headers = building.headers(wanted.headers, values)
    headers = building.body(headers, wanted.body)
    target = "?".join((path, "&".join(query))) if query else path
    if len(target) > _LONGEST_TARGET:
        building.refuse("parameters", f"give less: path and query have at most {_LONGEST_TARGET} characters")
    if building.problems:
        raise TrialNotUsable(building.problems)
    return Built(contract.method, target, tuple(headers), wanted.body, together(building.verdicts))


def _pairs(parameter: Parameter, values: dict[Any, Any]) -> list[str]:
    return in_query(parameter, values[parameter.key])


@dataclass
class _Building:
    """One request as it is built, and what is found meanwhile."""

    contract: Contract
    checker: Checker
    problems: list[FieldProblem] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    _at: dict[tuple[str, str], int] = field(default_factory=dict)

    def refuse(self, place: str, mend: str) -> None:
        self.problems.append(FieldProblem(place, mend))

    def find(self, place: str, message: str) -> None:
        self.verdicts.append(Verdict((Finding(place, message),)))

    def take(self, given: Sequence[Given]) -> dict[tuple[str, str], Any]:
        """Return the values of the parameters that were given, by their keys."""
        texts: dict[tuple[str, str], list[str]] = {}
        for index, each in enumerate(given):
            parameter = self._named(index, each)
            if parameter is not None:
                texts.setdefault(parameter.key, []).append(each.value)
                self._at.setdefault(parameter.key, index)
        values = {}
        for parameter in self.contract.parameters:
            if parameter.key in texts:
                values[parameter.key] = self._value(parameter, texts[parameter.key])
            elif parameter.place == "path" and f"{{{parameter.name}}}" in self.contract.path:
                self.refuse("parameters", f'give the path parameter "{parameter.name}"')
            elif parameter.is_required and parameter.place != "path":
                self.find(f"parameters.{parameter.name}", f"the {parameter.place} parameter is required, and missing")
        return values

    def _named(self, index: int, given: Given) -> Parameter | None:
        found = [
            each
            for each in self.contract.parameters
            if (each.name == given.name or (each.place == "header" and each.name.lower() == given.name.lower()))
            and given.place in (None, each.place)
        ]
        if len(found) > 1:
            places = " or ".join(each.place.upper() for each in found)
            self.refuse(f"parameters.{index}.place", f"say which one is meant: {places}")
        elif not found:
            known = ", ".join(each.name for each in self.contract.parameters[:10]) or "none"
            self.refuse(f"parameters.{index}.name", f"the operation has no such parameter; it has: {known}")
        return found[0] if len(found) == 1 else None

    def _value(self, parameter: Parameter, texts: Sequence[str]) -> Any:
        schema_at = parameter.schema_at
        if schema_at is None:
            return texts[0] if len(texts) == 1 else list(texts)
        value = read_for(self.checker, schema_at, texts)
        self.verdicts.append(judge_value(self.checker, schema_at, value, f"parameters.{parameter.name}"))
        return value

    def path(self, values: dict[tuple[str, str], Any]) -> str:
        """Return the path below the base path; no value can add a step to it or take one away."""
        parameters = {each.name: each for each in self.contract.parameters if each.place == "path"}
        written: dict[str, str] = {}
        for name in TEMPLATE.findall(self.contract.path):
            parameter = parameters.get(name)
            if parameter is not None and parameter.key in values:
                written[name] = in_path(parameter, values[parameter.key])
                if not written[name] or _UNSAFE.search(written[name]):
                    index = self._at[parameter.key]
                    self.refuse(f"parameters.{index}.value", "give something without slashes, backslashes and control characters")
        path = "".join(_path_parts(self.contract.path, written))
        if any(unquote(step) in (".", "..") for step in path.split("/")):
            self.refuse("parameters", "a step of the path cannot be one or two dots")
        return path

    def headers(self, given: Sequence[tuple[str, str]], values: dict[tuple[str, str], Any]) -> list[tuple[str, str]]:
        """Return the headers: those of parameters, and those that were given."""
        sent: dict[str, str] = {}
        cookies: list[str] = []
        for parameter in self.contract.parameters:
            if parameter.key in values and parameter.place == "header":
                self._send(sent, parameter.name, in_header(parameter, values[parameter.key]), self._place_of(parameter))
            elif parameter.key in values and parameter.place == "cookie":
                cookies += in_cookie(parameter, values[parameter.key])
        for index, (name, value) in enumerate(given):
            self._send(sent, name, value, (f"headers.{index}.name", f"headers.{index}.value"))
        return [*sent.items(), *([("cookie", "; ".join(cookies))] if cookies else [])]

    def _place_of(self, parameter: Parameter) -> tuple[str, str]:
        index = self._at[parameter.key]
        return f"parameters.{index}.name", f"parameters.{index}.value"

    def _send(self, sent: dict[str, str], name: str, value: str, places: tuple[str, str]) -> None:
        trouble = header_trouble(name, value)
        if trouble is not None:
            self.refuse(places[0] if trouble[0] == "name" else places[1], trouble[1])
        elif name.lower() in sent:
            self.refuse(places[0], "give each header once")
        else:
            sent[name.lower()] = value

    def body(self, headers: list[tuple[str, str]], body: str | None) -> list[tuple[str, str]]:
        """Return the headers with the body's media type, and find what is wrong with the body."""
        described = self.contract.body
        media_type = next((value for name, value in headers if name == "content-type"), None)
        if body is None:
            if described is not None and described.is_required:
                self.find("body", "is required, and missing")
            return headers
        if media_type is None:
            media_type = _first_media_type(described.content if described else ())
            headers = [*headers, ("content-type", media_type)]
        if described is None:
            self.find("body", "the operation takes none")
        elif described.content and described_as(media_type, described.content) is None:
            self.find("headers.content-type", f"{media_type} is not taken; {', '.join(list(described.content)[:5])} is")
        elif described.content:
            self.verdicts.append(judge_body(self.checker, described.content, media_type, body))
        return headers


def _first_media_type(content: Any) -> str:
    """Return the media type of a body whose sender names none: JSON where that is taken, else the first that is no range."""
    named = [each for each in content if "*" not in each]
    return next((each for each in named if is_json(each)), named[0] if named else "application/json")


def _path_parts(template: str, written: dict[str, str]) -> Iterator[str]:
    end = 0
    for found in TEMPLATE.finditer(template):
        yield quote(template[end : found.start()], safe=_LITERAL)
        yield written.get(found.group(1), "")
        end = found.end()
    yield quote(template[end:], safe=_LITERAL)
