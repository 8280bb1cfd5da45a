"""What letters say of what others announced: every kind in every language, whole whatever is known."""

import jinja2
import jinja2.meta
import pytest

from services.identity.inputs import LANGUAGES
from services.identity.mail.letters import write_letter
from services.identity.organizations.roles import ACTIONS
from services.identity.telling.domain import (
    BEGINNING,
    KEYS,
    KINDS,
    PLACES,
    TABLE,
    News,
    path_to,
)
from services.identity.telling.texts import FRAME, Names, one_line, texts_in, words_of
from services.subscriptions.connections.actions import ORGANIZATION_DELETED
from services.subscriptions.reactions import APPLICATION_DELETED
from services.subscriptions.subscriptions.domain import MISSING, PlanNotOffered, PlanWithdrawn
from tests.services.identity.test_telling import IDS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_letter_is_there_in_every_language(language: str) -> None:
    texts = texts_in(language)
    assert set(texts) - {"reasons"} == {*KINDS, "words", "links"}
    assert set(texts["words"]) == set(texts_in("en")["words"])
    assert set(texts["links"]) == set(texts_in("en")["links"]) == {each.link for told in TABLE.values() for each in told}
    for kind in KINDS:
        assert set(texts[kind]) == {"subject", "text"}
        assert "{" not in texts[kind]["subject"]
        assert _named(texts[kind]["text"]) == _named(texts_in("en")[kind]["text"]), kind


@pytest.mark.parametrize("language", ["lv", "ru"])
def test_what_the_platform_itself_gives_as_a_reason_is_told_in_the_language(language: str) -> None:
    own = {*MISSING.values(), ORGANIZATION_DELETED, APPLICATION_DELETED}
    own |= {each.default_message() for each in (PlanWithdrawn, PlanNotOffered)}
    assert set(texts_in(language)["reasons"]) == own
    [telling] = TABLE["subscriptions.subscription_suspended.v1"]
    for reason, told in texts_in(language)["reasons"].items():
        news = News("subscriptions.subscription_suspended.v1", {**IDS, "reason": reason}, None)
        assert words_of(telling, news, Names(), language)["reason"] == told != reason
        said = News("subscriptions.subscription_suspended.v1", {**IDS, "reason": "An audit."}, None)
        assert words_of(telling, said, Names(), language)["reason"] == "An audit."


def _named(text: str) -> set[str]:
    return set(jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(text)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_known", [True, False])
def test_every_letter_is_whole_whatever_is_known(language: str, is_known: bool) -> None:
    full = {
        **IDS,
        "product_id": "prd_1",
        "valid_to": "2031-05-06T00:00:00Z",
        "due_at": "2031-05-06T00:00:00Z",
        "kind": "NDA",
        "label": "1.2",
    }
    names = Names("A", "B", "C", "D" * 300) if is_known else Names()
    for key, told in TABLE.items():
        for telling in told:
            news = News(key, {**full, "reason": "Because."} if is_known else {}, None)
            words = words_of(telling, news, names, language)
            letter = write_letter(FRAME, "a@example.com", language=language, portal_url="http://p", name="N", **words)
            assert len(letter.subject) < 160
            assert ("Because." in letter.text) is is_known
            for broken in ("  ", " .", " ,", "{", "None", "the-"):
                assert broken not in letter.text.replace("\n", "¶"), letter.text


def test_the_table_names_what_there_is() -> None:
    assert len(KEYS) == len(set(KEYS))
    for told in TABLE.values():
        for telling in told:
            assert telling.place in (*PLACES, BEGINNING)
            assert all(not whom.action or whom.action in ACTIONS for whom in telling.to)
    assert path_to("products", News("", {"product_id": "prd_1/../../x?y"}, None)) == "/sign-in"
    assert one_line("a\u202eb\x00c\n d", 5) == "a b …"
