"""What the links in mails lead to. The page is static: it reads the token behind ``#``, which a browser sends to nobody."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from graphql_gateway.pages.page import Page

PATHS = (
    "/verify-email",
    "/accept-invitation",
    "/forgot-password",
    "/reset-password",
    "/set-password",
    "/confirm-address",
    "/sign-in",
    "/notice-preferences",
)
# A thing of which a letter tells; its id is the last part of the path.
THINGS = ("permissions", "subscriptions", "connections", "agreements", "products", "onboarding", "support", "campaigns")


def link_routes() -> list[BaseRoute]:
    """Return the routes of the page; which of its forms is shown follows from the path."""
    page = Page("links.html")

    async def show(_request: Request) -> Response:
        return page.response()

    paths = (*PATHS, *(f"/{thing}/{{id}}" for thing in THINGS))
    return [Route(path, show, methods=["GET"]) for path in paths]
