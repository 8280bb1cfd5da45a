"""What is explained is what is decided: for every combination of how the links of the chain can stand."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from services.enforcement.checks.case import Asked, Credentials, Now
from services.enforcement.checks.chain import Link
from services.enforcement.checks.domain import Decided, decide
from services.enforcement.explaining import domain as explaining
from services.enforcement.explaining.domain import Explanation, Outcome, Question, explanation_of
from services.enforcement.explaining.limits import Standing, counters_elsewhere, rate_elsewhere
from services.enforcement.limits.book import Book
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import Copy
from services.enforcement.state.world import World
from tests.services.enforcement.test_permitted import copy

AT = int(datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
NOW = Now(AT, AT)
OF_APPLICATION: dict[str, Any] = {"application_id": "app", "organization_id": "org", "client_id": "client"}
OF_SUBSCRIPTION: dict[str, Any] = {
    "subscription_id": "sub",
    "application_id": "app",
    "product_id": "prd",
    "plan_id": "pln",
    "causes": [],
}
OPERATIONS = [{"operation_id": name, "method": "GET", "path": f"/{name}"} for name in ("list", "get")]
OF_PERMISSION: dict[str, Any] = {
    "permission_id": "prm",
    "application_id": "app",
    "product_id": "prd",
    "status": "GRANTED",
    "operations": None,
    "valid_from": None,
    "valid_to": None,
    "quota_calls": None,
    "quota_period": None,
}
SECRET, KEY = {"secret_id": "sec", **OF_APPLICATION}, {"key_id": "key", **OF_APPLICATION}
CERTIFICATE = {"certificate_id": "crt", "application_id": None, "organization_id": "org", "thumbprint": "x"}
RETIRED = copy("identity.secret_retired", "app", 3, **SECRET)

# ---- How each link can stand: what is announced of it, the way in which it stands well first.
CREDENTIALS: dict[str, tuple[str, list[Copy]]] = {
    "a secret": ("sec", []),
    "a retired secret": ("sec", [RETIRED]),
    "a key beside a retired secret": ("key", [RETIRED, copy("identity.client_key_registered", "app", 4, **KEY)]),
    "a key that was removed, too": (
        "key",
        [RETIRED, copy("identity.client_key_registered", "app", 4, **KEY), copy("identity.client_key_removed", "app", 5, **KEY)],
    ),
    "a suspended certificate": (
        "crt",
        [
            RETIRED,
            copy("identity.certificate_registered", "crt", 1, not_after="2031-01-01T00:00:00Z", **CERTIFICATE),
            copy("identity.certificate_suspended", "crt", 2, **CERTIFICATE),
        ],
    ),
}
APPLICATIONS: dict[str, list[Copy]] = {
    "lives": [],
    "is deleted": [copy("identity.application_deleted", "app", 9, **OF_APPLICATION)],
}
ORGANIZATIONS: dict[str, list[Copy]] = {
    "lives": [],
    "is deleted": [copy("identity.organization_deleted", "org", 9, organization_id="org")],
}
PUBLISHED = copy(
    "catalog.api_version_published", "ver", 1, version_id="ver", product_id="prd", base_path="/p/a/v1", operations=OPERATIONS
)
ENDED = {"deprecated_at": "2029-01-01T00:00:00Z", "sunset_at": "2029-06-01T00:00:00Z", "migrate_to_base_path": None}
VERSIONS: dict[str, list[Copy]] = {
    "published": [PUBLISHED],
    "retired": [PUBLISHED, copy("catalog.api_version_retired", "ver", 2, version_id="ver", **ENDED)],
    "never published": [],
}
CALLED = {"an operation": "list", "none of its operations": "nothing"}
SUBSCRIBED: dict[str, list[Copy]] = {
    "active": [copy("subscriptions.subscription_activated", "sub", 2, status="ACTIVE", **OF_SUBSCRIPTION)],
    "none": [],
    "pending": [copy("subscriptions.subscription_requested", "sub", 1, status="PENDING", **OF_SUBSCRIPTION)],
    "cancelled": [copy("subscriptions.subscription_cancelled", "sub", 3, status="CANCELLED", **OF_SUBSCRIPTION)],
    **{
        f"suspended: {', '.join(causes)}": [
            copy("subscriptions.subscription_suspended", "sub", 3, status="SUSPENDED", **{**OF_SUBSCRIPTION, "causes": causes})
        ]
        for causes in (["PROVIDER"], ["AGREEMENT"], ["RECIPIENT", "AGREEMENT"], ["RECERTIFICATION"])
    },
}


def _granted(fact: str = "granted", **terms: Any) -> list[Copy]:
    return [copy(f"subscriptions.permission_{fact}", "prm", 1, **{**OF_PERMISSION, **terms})]


PERMITTED: dict[str, list[Copy]] = {
    "whole": _granted(),
    "none": [],
    "another operation": _granted(operations=["get"]),
    "over": _granted(valid_to="2029-12-31T00:00:00Z"),
    "ahead": _granted(valid_from="2030-01-02T00:00:00Z"),
    "revoked": _granted("revoked", status="REVOKED"),
    "used up": _granted(quota_calls=1, quota_period="MONTH"),
}
LIMITS: dict[str, dict[str, Any]] = {
    "plenty": {},
    "quota used up": {"quota_calls": 1, "quota_period": "DAY"},
    "rate used up": {"rate_requests": 1, "rate_seconds": 60, "burst": 1},
}
PRODUCTS: dict[str, tuple[str, list[str]]] = {
    "standard": ("STANDARD", []),
    "open": ("OPEN_TEST", []),
    "permitted": ("STANDARD", ["PERMISSION"]),
    "confidential": ("CONFIDENTIAL", ["AGREEMENT", "PERMISSION"]),
}

Way = tuple[str, ...]
"""How each link stands: credential, application, organization, version, operation, subscription, permission, limits."""
WELL: Way = tuple(
    next(iter(each)) for each in (CREDENTIALS, APPLICATIONS, ORGANIZATIONS, VERSIONS, CALLED, SUBSCRIBED, PERMITTED, LIMITS)
)


def ways(product: str) -> Iterator[Way]:
    # Every credential where there is nothing to permit, every permission with one that counts and one that does not.
    permitted, credentials = (PERMITTED, list(CREDENTIALS)[:2]) if PRODUCTS[product][1] else ({"none": []}, list(CREDENTIALS))
    yield from itertools.product(credentials, APPLICATIONS, ORGANIZATIONS, VERSIONS, CALLED, SUBSCRIBED, permitted, LIMITS)


def built(product: str, way: Way, book: Book | None = None) -> tuple[World, Credentials, str]:
    """Return the world in which the links stand so, what the application's token says, and the operation to be called."""
    credential, application, organization, version, called, subscribed, permitted, limits = way
    sensitivity, prerequisites = PRODUCTS[product]
    mark, withdrawn = CREDENTIALS[credential]
    terms = {"rate_requests": 9, "rate_seconds": 1, "burst": 9, "quota_calls": None, "quota_period": None, **LIMITS[limits]}
    owned = {"product_id": "prd", "organization_id": "org_p", "sensitivity": sensitivity, "prerequisites": prerequisites}
    world = World(Rate(1, 60, 1) if limits == "rate used up" else Rate(5, 1, 10), book)
    for each in (
        copy("identity.application_created", "app", 1, **OF_APPLICATION),
        copy("identity.secret_issued", "app", 2, **SECRET),
        copy("catalog.product_created", "prd", **owned),
        copy("catalog.plan_created", "pln", plan_id="pln", product_id="prd", **terms),
        *SUBSCRIBED[subscribed],
        *PERMITTED.get(permitted, []),
        *VERSIONS[version],
        *withdrawn,
    ):
        world.apply(each)
    # One call that passes, wherever one can, uses up what is to be used up.
    token = Credentials("client", mark if mark == "sec" else None, 2e9, (mark, "jti"))
    decide(world, Asked("GET", "/p/a/v1/list"), token._replace(marks=()), NOW)
    for each in (*APPLICATIONS[application], *ORGANIZATIONS[organization]):
        world.apply(each)
    return world, token, CALLED[called]


def answer(world: World, question: Question) -> Explanation:
    case = explaining.case_of(world, question, NOW)
    assert case is not None
    return explaining.answer(case, question)


def failing(explanation: Explanation) -> list[Link]:
    return [each.link for each in explanation.links if each.outcome is Outcome.FAILS]


def compared(product: str, way: Way) -> Explanation:
    """Ask for the explanation, make the call, and compare."""
    world, token, called = built(product, way)
    explained = answer(world, Question("app", "prd", called))
    asked = Asked("GET", f"/p/a/v1/{called}")
    verdict = decide(world, asked, token, NOW)
    real = None if verdict.refusal is None else verdict.refusal.code
    assert explained.code == real, (product, way)
    assert [each.link for each in explained.links] == list(Link)
    if real is not None:
        # What is told of the refusal afterwards is the same chain, but for the token's own part of it.
        told = explanation_of(world, Decided("req", asked, token, verdict, NOW))
        assert (told.code, failing(told)) == (real, failing(explained)), (product, way)
    for each in explained.links:
        is_mended_by_somebody = each.link is not Link.ORGANIZATION
        assert bool(each.menders) is (each.outcome is Outcome.FAILS and is_mended_by_somebody), (product, way, each)
        assert (each.code is None) is (each.outcome is not Outcome.FAILS)
    return explained


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_explanation_is_the_decision_whatever_the_links(product: str) -> None:
    seen = {compared(product, way).code for way in ways(product)}
    assert seen >= {None, "SECRET_RETIRED", "APPLICATION_UNKNOWN", "API_NOT_FOUND", "VERSION_RETIRED", "OPERATION_NOT_FOUND"}


ALONE: list[tuple[int, str, list[Link], str]] = [
    (0, "a retired secret", [Link.CREDENTIAL], "SECRET_RETIRED"),
    (0, "a key that was removed, too", [Link.CREDENTIAL], "CLIENT_KEY_REMOVED"),
    (0, "a suspended certificate", [Link.CREDENTIAL], "CERTIFICATE_SUSPENDED"),
    (1, "is deleted", [Link.APPLICATION], "APPLICATION_UNKNOWN"),
    (2, "is deleted", [Link.ORGANIZATION], "APPLICATION_UNKNOWN"),
    (3, "retired", [Link.VERSION], "VERSION_RETIRED"),
    (3, "never published", [Link.VERSION], "API_NOT_FOUND"),
    (4, "none of its operations", [Link.OPERATION], "OPERATION_NOT_FOUND"),
    (5, "none", [Link.SUBSCRIPTION], "NOT_SUBSCRIBED"),
    (5, "pending", [Link.SUBSCRIPTION], "NOT_SUBSCRIBED"),
    (5, "suspended: PROVIDER", [Link.SUBSCRIPTION], "SUBSCRIPTION_SUSPENDED"),
    (5, "suspended: AGREEMENT", [Link.AGREEMENT], "SUBSCRIPTION_SUSPENDED"),
    (5, "suspended: RECIPIENT, AGREEMENT", [Link.AGREEMENT, Link.SUBSCRIPTION], "SUBSCRIPTION_SUSPENDED"),
    (6, "another operation", [Link.PERMISSION], "OPERATION_NOT_PERMITTED"),
    (6, "over", [Link.PERMISSION], "OPERATION_NOT_PERMITTED"),
    (6, "used up", [Link.PERMISSION_QUOTA], "PERMISSION_QUOTA_EXCEEDED"),
    (7, "quota used up", [Link.QUOTA], "QUOTA_EXCEEDED"),
    (7, "rate used up", [Link.RATE], "RATE_EXCEEDED"),
]


@pytest.mark.parametrize(("place", "stands", "links", "code"), ALONE, ids=[f"{each[0]}-{each[1]}" for each in ALONE])
def test_one_link_that_fails_is_the_one_that_is_named(place: int, stands: str, links: list[Link], code: str) -> None:
    way = (*WELL[:place], stands, *WELL[place + 1 :])
    explained = compared("confidential", way)
    assert (failing(explained), explained.code) == (links, code)


def test_of_several_that_fail_all_are_told_and_the_first_decides() -> None:
    way = ("a retired secret", "lives", "lives", "published", "an operation", "none", "none", "plenty")
    explained = compared("permitted", way)
    assert failing(explained) == [Link.CREDENTIAL, Link.SUBSCRIPTION, Link.PERMISSION]
    outcomes = {each.link: each.outcome for each in explained.links}
    assert (outcomes[Link.QUOTA], outcomes[Link.AGREEMENT]) == (Outcome.NOT_REACHED, Outcome.NOT_NEEDED)


def test_who_can_mend_is_said_with_side_action_and_verb() -> None:
    def menders(place: int, stands: str) -> list[tuple[str, str | None, str | None]]:
        explained = compared("confidential", (*WELL[:place], stands, *WELL[place + 1 :]))
        told = next(each for each in explained.links if each.outcome is Outcome.FAILS)
        return [(each.side, each.action, each.verb) for each in told.menders]

    assert menders(5, "none") == [("RECIPIENT", "SUBSCRIBE", "subscribe")]
    assert menders(5, "pending") == [("PROVIDER", "DECIDE_SUBSCRIPTIONS", "approveSubscription")]
    assert menders(5, "suspended: PROVIDER") == [("PROVIDER", "DECIDE_SUBSCRIPTIONS", "resumeSubscription")]
    assert [each[0] for each in menders(6, "none")] == ["PROVIDER", "RECIPIENT"]
    assert menders(2, "is deleted") == []


def test_time_alone_mends_what_is_used_up() -> None:
    for place, stands in ((6, "used up"), (7, "quota used up"), (7, "rate used up")):
        explained = compared("confidential", (*WELL[:place], stands, *WELL[place + 1 :]))
        told = next(each for each in explained.links if each.outcome is Outcome.FAILS)
        assert told.until is not None
        assert told.until > AT // 1_000_000_000


def test_one_that_is_not_fresh_refuses_what_else_would_pass_and_the_operator_can_mend_it() -> None:
    question = Question("app", "prd", "list", environment="SANDBOX")
    for stands, expected in (("plenty", "ENFORCEMENT_NOT_FRESH"), ("rate used up", "ENFORCEMENT_NOT_FRESH")):
        world, token, _ = built("confidential", (*WELL[:7], stands))
        case = explaining.case_of(world, question, NOW, is_fresh=False)
        assert case is not None
        explained = explaining.answer(case, question)
        asked = Asked("GET", "/p/a/v1/list", environment="SANDBOX")
        verdict = decide(world, asked, token, NOW, is_fresh=False)
        refused = explanation_of(world, Decided("req", asked, token, verdict, NOW))
        for told in (explained, refused):
            assert (told.code, told.environment) == (expected, "SANDBOX")
            (link,) = [each for each in told.links if each.link is Link.FRESHNESS]
            assert [(each.side, each.action, each.verb) for each in link.menders] == [
                ("OPERATOR", "OPERATOR_ADMINISTRATOR", None)
            ]
    # What is known to be withdrawn is refused for that; what stays open while nothing can be checked passes.
    world, token, _ = built("confidential", ("a retired secret", *WELL[1:]))
    verdict = decide(world, Asked("GET", "/p/a/v1/list"), token, NOW, is_fresh=False)
    assert verdict.refusal is not None
    assert verdict.refusal.code == "SECRET_RETIRED"
    world, token, _ = built("standard", WELL)
    told_open = {"product_id": "prd", "organization_id": "org_p", "sensitivity": "STANDARD", "when_unchecked": "OPEN"}
    world.apply(copy("catalog.product_changed", "prd", 9, **told_open))
    assert decide(world, Asked("GET", "/p/a/v1/list"), token, NOW, is_fresh=False).refusal is None


def test_looking_counts_nothing() -> None:
    way = (*WELL[:7], "plenty")
    world, token, called = built("confidential", way)
    for _ in range(50):
        assert answer(world, Question("app", "prd", called)).code is None
    refusals = [decide(world, Asked("GET", "/p/a/v1/list"), token, NOW).refusal for _ in range(8)]
    assert refusals == [None] * 8


def test_of_limits_that_are_counted_elsewhere_it_is_told_what_is_kept() -> None:
    book = Book()
    book.wake = lambda: None  # whatever is counted has to be fetched first: another instance counts it
    world, _, called = built("confidential", (*WELL[:6], "used up", "quota used up"), book)
    case = explaining.case_of(world, Question("app", "prd", called), NOW)
    assert case is not None
    keys, rate = [each.key for each in counters_elsewhere(case)], rate_elsewhere(case)
    assert len(keys) == 2
    assert rate is not None

    def told(*used: int, in_use: bool) -> tuple[list[Link], Outcome]:
        standing = Standing(dict(zip(keys, used, strict=True)), frozenset({rate}) if in_use else frozenset())
        explained = explaining.answer(case, Question("app", "prd", called), standing)
        return failing(explained), explained.links[-1].outcome

    assert told(0, 0, in_use=False) == ([], Outcome.HOLDS)
    assert told(1, 0, in_use=False) == ([Link.PERMISSION_QUOTA], Outcome.HOLDS)
    assert told(1, 1, in_use=True) == ([Link.PERMISSION_QUOTA, Link.QUOTA], Outcome.NOT_REACHED)


def test_of_several_versions_the_one_that_serves_best_is_meant_or_the_one_that_is_named() -> None:
    world, _, _ = built("standard", WELL)
    other = {"version_id": "ver_2", "product_id": "prd", "base_path": "/p/a/v2", "operations": OPERATIONS[:1]}
    world.apply(copy("catalog.api_version_published", "ver_2", 1, **other))

    def meant(operation: str, version_id: str | None = None) -> tuple[str | None, str | None]:
        explained = answer(world, Question("app", "prd", operation, version_id))
        return explained.version_id, explained.code

    assert [meant("list"), meant("get"), meant("list", "ver")] == [("ver_2", None), ("ver", None), ("ver", None)]
    assert meant("get", "ver_2") == ("ver_2", "OPERATION_NOT_FOUND")
    assert meant("get", "ver_3") == (None, "API_NOT_FOUND")
    world.apply(copy("catalog.api_version_retired", "ver_2", 2, version_id="ver_2", **ENDED))
    assert meant("list") == ("ver", None)
