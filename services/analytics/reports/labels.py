"""What the groups of a report are called."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from chassis.mongo import Document, Reader
from services.analytics.known import repository as known
from services.analytics.reports.domain import NONE, GroupBy, GroupKey
from services.analytics.rollups.domain import PRODUCTION, SANDBOX

_KEPT_IN = {
    GroupBy.OPERATION: "versions",
    GroupBy.APPLICATION: "applications",
    GroupBy.PRODUCT: "products",
    GroupBy.VERSION: "versions",
    GroupBy.PLAN: "plans",
    GroupBy.ORGANIZATION: "organizations",
}
_NAMED_BY = {
    GroupBy.APPLICATION: "name",
    GroupBy.PRODUCT: "title",
    GroupBy.PLAN: "name",
    GroupBy.ORGANIZATION: "name",
}
_WITHOUT = {
    GroupBy.OPERATION: "No operation matched",
    GroupBy.APPLICATION: "Without valid credentials",
    GroupBy.PRODUCT: "No product matched",
    GroupBy.VERSION: "No version matched",
    GroupBy.PLAN: "Without a plan",
    GroupBy.ORGANIZATION: "Without valid credentials",
    GroupBy.REJECTION: "Answered by the API",
    GroupBy.ENVIRONMENT: "No version matched",
}

_OF_ENVIRONMENT = {PRODUCTION: "Production", SANDBOX: "Sandbox"}


class Labels:
    """The keys and labels of groups; what has not been heard of is labelled by its id."""

    def __init__(self, group_by: GroupBy, copies: Mapping[str, Document]) -> None:
        self._group_by = group_by
        self._copies = copies

    def of(self, key: GroupKey) -> dict[str, Any]:
        """Return what names a group: ``key``, ``label``, and of an operation its version's and its own id."""
        named: dict[str, Any] = {"key": self._key(key), "label": self._label(key)}
        if self._group_by is GroupBy.OPERATION:
            named |= {"version_id": key[0], "operation_id": key[1]}
        return named

    def _key(self, key: GroupKey) -> str:
        if self._group_by is GroupBy.OPERATION:
            return NONE if key[0] is None else f"{key[0]}/{key[1] or NONE}"
        return NONE if key[0] is None else str(key[0])

    def _label(self, key: GroupKey) -> str:
        last = key[-1]
        if last is None:
            return _WITHOUT[self._group_by]
        if self._group_by is GroupBy.STATUS:
            return _status_label(last)
        if self._group_by is GroupBy.ENVIRONMENT:
            return _OF_ENVIRONMENT[last]
        copy = self._copies.get(key[0], {})
        if self._group_by is GroupBy.OPERATION:
            names = {each["operation_id"]: each["name"] for each in copy.get("operations", ())}
            return str(names.get(last, last))
        if self._group_by is GroupBy.VERSION and copy:
            return f"{copy['title']} {copy['label']}"
        return str(copy.get(_NAMED_BY.get(self._group_by, ""), last))


def _status_label(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return "499 Caller Went Away" if status == 499 else str(status)


async def labels_for(reader: Reader, group_by: GroupBy, keys: Sequence[GroupKey]) -> Labels:
    """Return the labels of these groups, read in one round trip."""
    collection = _KEPT_IN.get(group_by)
    ids = [key[0] for key in keys if key[0] is not None]
    return Labels(group_by, await known.find(reader, collection, ids) if collection else {})
