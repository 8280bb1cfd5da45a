"""What recertification knows of others: the same whatever the order and however often it is told."""

import itertools
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.services.recertification.hearing import (
    CampaignStage,
    agreement,
    calls,
    certificate,
    everything,
    member,
    organization,
    organization_deleted,
    owner_changed,
    permission,
    seen,
    subscription,
)
from tests.services.stage import envelope

LATER = [
    subscription("suspended", "SUSPENDED", 3),
    subscription("resumed", "ACTIVE", 4),
    permission("extended", "GRANTED", 3, valid_to="2030-01-05T00:00:00Z"),
    permission("revoked", "REVOKED", 2, "prm_2"),
    permission("granted", "GRANTED", 1, "prm_2"),
    agreement("expiring", "CONFIRMED", 4),
    agreement("confirmed", "CONFIRMED", 1, "agr_2"),
    agreement("lapsed", "LAPSED", 2, "agr_2"),
    certificate("registered", 1, "crt_2"),
    certificate("revoked", 2, "crt_2"),
    member("member_joined", "usr_gone", 5),
    member("member_removed", "usr_gone", 6),
    member("role_changed", "usr_developer", 7, role="OBSERVER"),
    calls(1, "2029-12-01"),
    calls(2, "2029-12-30"),
    calls(3, "2029-12-31", rejection="QUOTA_EXCEEDED"),
    seen("usr_developer", "2029-11-01", 1),
    seen("usr_developer", "2029-11-05", 2),
]


async def told(stage: CampaignStage) -> list[dict[str, Any]]:
    campaign = await stage.started()
    items = (await stage.items(campaign["id"])).values()
    return sorted(({**each, "id": "", "campaign_id": ""} for each in items), key=lambda each: each["subject_id"])


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_neither_order_nor_repetition_changes_what_is_known(empty_stage: CampaignStage, make_stage: Any, seed: int) -> None:
    messages = [*everything(), *LATER]
    await empty_stage.hear(*messages)
    expected = await told(empty_stage)
    assert {each["subject_id"] for each in expected} == {
        "sub_1", "sub_foreign", "sub_other", "prm_1", "agr_1", "crt_1", "usr_administrator", "usr_developer",
    }  # fmt: skip
    shuffled = [*messages, *messages]
    random.Random(seed).shuffle(shuffled)
    other: CampaignStage = await make_stage()
    await other.hear(*shuffled)
    assert await told(other) == expected


async def test_a_thing_says_whose_it_is_since_when_and_how_it_is_used(stage: CampaignStage) -> None:
    await stage.hear(*LATER)
    items = await stage.items((await stage.started())["id"])
    held = items["sub_1"]
    assert (held["organization_name"], held["provider_name"]) == ("SIA Grāmata", "Provider")
    assert (held["product_title"], held["application_name"]) == ("Addresses", "Address finder")
    assert (held["since"], held["last_used_on"], held["lapses_at"]) == ("2029-06-01T00:00:00Z", "2029-12-30", None)
    assert [items[key]["last_used_on"] for key in ("prm_1", "agr_1", "usr_developer", "crt_1", "sub_other")] == [
        "2029-12-30", "2029-12-30", "2029-11-05", None, None,
    ]  # fmt: skip
    assert items["prm_1"]["lapses_at"] == "2030-01-05T00:00:00Z"
    assert [items[key]["detail"] for key in ("usr_developer", "agr_1", "crt_1")] == ["OBSERVER", "NDA", "thumb"]


async def test_the_owner_is_never_one_of_the_items_and_the_former_one_is(stage: CampaignStage) -> None:
    await stage.hear(owner_changed("usr_developer", "usr_owner", 9))
    items = await stage.items((await stage.started(kinds=["MEMBER"]))["id"])
    assert {key: each["detail"] for key, each in items.items()} == {
        "usr_owner": "ADMINISTRATOR",
        "usr_administrator": "ADMINISTRATOR",
    }


async def test_nothing_of_a_deleted_organization_is_asked_for(stage: CampaignStage) -> None:
    await stage.hear(organization_deleted("org_holder"), member("member_joined", "usr_late", 8))
    items = await stage.items((await stage.started())["id"])
    assert set(items) == {"sub_other"}


async def test_when_somebody_was_there_is_forgotten_with_them(stage: CampaignStage) -> None:
    await stage.hear(seen("usr_developer", "2029-11-01"))
    erased = envelope("identity.user_erased.v1", "usr_developer", 9, {"user_id": "usr_developer"})
    await stage.hear(erased, erased)
    assert (await stage.items((await stage.started(kinds=["MEMBER"]))["id"]))["usr_developer"]["last_used_on"] is None


async def test_who_joins_again_is_there_since_then(stage: CampaignStage) -> None:
    again = member("member_joined", "usr_developer", 12, moment=datetime(2029, 12, 24, tzinfo=UTC))
    for order in itertools.permutations([member("member_removed", "usr_developer", 11), again]):
        await stage.hear(*order)
    items = await stage.items((await stage.started(kinds=["MEMBER"]))["id"])
    assert items["usr_developer"]["since"] == "2029-12-24T00:00:00Z"


@pytest.mark.parametrize(
    "message",
    [
        organization("org_x", None),  # type: ignore[arg-type]
        subscription("activated", None, 1),  # type: ignore[arg-type]
        permission("granted", "GRANTED", 1, valid_to="tomorrow"),
        permission("granted", "GRANTED", 1, valid_to="2030-01-01T00:00:00"),
        seen("usr_1", "the day before"),
        calls(1, "2029-12-01", subscription_id=7),
    ],
    ids=["name", "status", "moment", "offset", "day", "call"],
)
async def test_what_cannot_be_used_is_refused_by_its_name(empty_stage: CampaignStage, message: Any) -> None:
    with pytest.raises(Exception, match=message.key) as refused:
        await empty_stage.hear(message)
    assert type(refused.value).__name__ == "AnnouncementNotUsable"
