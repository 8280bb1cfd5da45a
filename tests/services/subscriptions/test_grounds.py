"""What a product asks for before an application is subscribed: every combination, in the order in which one gets it."""

from itertools import combinations

import pytest

from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, PRODUCT, data_exchange, product, version
from tests.services.subscriptions.permitting import decided, granted

WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
GROUNDS = ("ONBOARDING", "AGREEMENT", "PERMISSION")
SETS = [each for count in range(4) for each in combinations(GROUNDS, count)]


@pytest.mark.parametrize("asks_for", SETS)
async def test_the_first_that_is_missing_is_named(stage: Stage, asks_for: tuple[str, ...]) -> None:
    await stage.hear(product(2, asks_for=asks_for))
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **WISH)
    assert answer.status == (409 if asks_for else 200)
    if asks_for:
        assert answer.code == f"{asks_for[0]}_REQUIRED"


async def test_with_everything_that_is_asked_for_one_subscribes(stage: Stage) -> None:
    await stage.hear(product(2, asks_for=["PERMISSION", "ONBOARDING"]))
    owner = stage.person(org_consumer="OWNER")
    assert (await owner.do("subscribe", **WISH)).code == "ONBOARDING_REQUIRED"
    await stage.hear(data_exchange(), data_exchange())
    assert (await owner.do("subscribe", **WISH)).code == "PERMISSION_REQUIRED"
    row = await granted(stage)
    subscribed = (await owner.do("subscribe", **WISH)).result
    assert subscribed["status"] == "ACTIVE"
    await owner.do("cancel_subscription", subscription_id=subscribed["id"])
    await decided(stage, "revoke_permission", row["id"], reason="No more.")
    assert (await owner.do("subscribe", **WISH)).code == "PERMISSION_REQUIRED"


async def test_what_the_catalogue_asks_for_changes_in_any_order(stage: Stage) -> None:
    await stage.hear(product(3, asks_for=[]), product(2, asks_for=["PERMISSION"]), product(3, asks_for=[]))
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).status == 200


async def test_a_confidential_product_always_asks_for_an_agreement_and_an_open_one_for_nothing(stage: Stage) -> None:
    await stage.hear(product(2, sensitivity="CONFIDENTIAL", asks_for=[]))
    owner = stage.person(org_consumer="OWNER")
    assert (await owner.do("subscribe", **WISH)).code == "AGREEMENT_REQUIRED"
    await stage.hear(product(3, sensitivity="OPEN_TEST", asks_for=["PERMISSION"]), version())
    assert (await owner.do("subscribe", **WISH)).status == 200
