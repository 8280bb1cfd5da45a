"""Live updates: what is told without being asked again."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import strawberry

from graphql_gateway.engine.declare import VIEWER, Argument, Constant, Load, Watch, planned, watches
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.notices import Notice
from graphql_gateway.schema.services import IDENTITY, NOTIFICATIONS, SUBSCRIPTIONS
from graphql_gateway.schema.subscriptions import Subscription
from graphql_gateway.schema.support import SupportRequest
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of

SUBSCRIPTION_FACTS = ("subscriptions.*.v1",)
SUPPORT_FACTS = ("notifications.support_replied.v1", "notifications.support_closed.v1")
NOTICE_FACTS = ("notifications.notice_sent.v1",)
USAGE_FACTS = ("analytics.usage_recorded.v1",)
_LISTS = {"organization_id": "organization_ids", "application_id": "application_ids", "product_id": "product_ids"}


def _subscription_changed(data: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any] | None:
    # Of what is announced about the application, only that which is about a subscription of it.
    if data.get("application_id") != asked["application_id"] or data.get("subscription_id") is None:
        return None
    return {"id": data["subscription_id"]}


def _support_changed(data: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"request_id": asked["request_id"]} if data.get("request_id") == asked["request_id"] else None


def _usage_ticked(data: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any] | None:
    named = {key: asked["input"].get(key) for key in _LISTS}
    concerns = all(value in data.get(_LISTS[key], ()) for key, value in named.items() if value is not None)
    return dict(asked) if concerns else None


def _notice_arrived(data: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any] | None:
    # Of those who were told, only the one who watches; whoever is not signed in has no id.
    for each in data.get("notices", ()):
        if asked[VIEWER] is not None and each.get("user_id") == asked[VIEWER]:
            return {"id": each.get("notice_id")}
    return None


@type_
class Updates:
    """What is told as it happens. Each update is read with the rights of the one who watches."""

    @watches(
        Watch(
            SUBSCRIPTION_FACTS,
            _subscription_changed,
            Load(SUBSCRIPTIONS, "subscriptions_by_id", Argument("id")),
            admits=Load(IDENTITY, "applications_by_id", Argument("application_id")),
        )
    )
    def subscription_changed(self, application_id: strawberry.ID) -> AsyncGenerator[Subscription, None]:
        """Tell whenever a subscription of the application changes."""
        planned(application_id)

    @watches(
        Watch(
            SUPPORT_FACTS,
            _support_changed,
            Load(NOTIFICATIONS, "support_requests_by_id", Argument("request_id")),
            admits=Load(NOTIFICATIONS, "support_requests_by_id", Argument("request_id")),
        )
    )
    def support_request_changed(self, request_id: strawberry.ID) -> AsyncGenerator[SupportRequest, None]:
        """Tell whenever somebody has written in a support request, or it was solved or closed."""
        planned(request_id)

    @watches(Watch(USAGE_FACTS, _usage_ticked, usage_of(), admits=usage_of()))
    def usage_ticked(self, input_: UsageArgument) -> AsyncGenerator[UsageReport, None]:
        """Tell the report anew whenever calls that it counts were recorded."""
        planned(input_)

    @watches(
        Watch(
            NOTICE_FACTS,
            _notice_arrived,
            Load(NOTIFICATIONS, "notices_by_id", Argument("id")),
            admits=Load(IDENTITY, "viewer", Constant("me")),
            is_personal=True,
        )
    )
    def notice_arrived(self) -> AsyncGenerator[Notice, None]:
        """Tell whenever the viewer is told something."""
        planned()
