"""What letters say of what others announced: every kind in every language, whole whatever is known."""

import jinja2
import jinja2.meta
import pytest

from services.identity.onboarding.form import Part
from services.identity.organizations.roles import ACTIONS
from services.notifications.known.domain import LANGUAGES
from services.notifications.mail.letters import Words, write_letter
from services.notifications.notices.domain import News
from services.notifications.notices.table import BEGINNING, KEYS, KINDS, PLACES, TABLE, path_to
from services.notifications.notices.texts import one_line, say, texts_in
from services.subscriptions.connections.actions import ORGANIZATION_DELETED
from services.subscriptions.reactions import APPLICATION_DELETED
from services.subscriptions.subscriptions.domain import MISSING, PlanNotOffered, PlanWithdrawn


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_notice_is_there_in_every_language(language: str) -> None:
    texts = texts_in(language)
    assert set(texts) - {"reasons"} == {*KINDS, "words", "links", "frame", "parts"}
    for table in ("words", "frame", "parts"):
        assert set(texts[table]) == set(texts_in("en")[table])
    assert set(texts["parts"]) == {str(each) for each in Part}
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
    for reason, told in texts_in(language)["reasons"].items():
        assert say("subscription_suspended", "see", {"reason": reason}, language).paragraphs[-1].endswith(f": {told}")
        assert say("subscription_suspended", "see", {"reason": "An audit."}, language).paragraphs[-1].endswith(": An audit.")


def _named(text: str) -> set[str]:
    return set(jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(text)))


FULL = {
    **dict.fromkeys(("recipient", "provider", "application", "legal_name", "owner", "former_owner", "certificate"), "A"),
    **dict.fromkeys(("until", "due", "moment"), "2031-05-06"),
    "product": "D" * 300,
    "document": "NDA",
    "role": "AUDITOR",
    "label": "1.2",
    "number": "DX-1",
    "request_id": "onb_1",
    "registration_number": "4000",
    "days_left": 7,
    "percent": 80,
    "by": "TRANSFER",
    "by_portal": True,
    "services": "Addresses",
    "reasons": [{"part": "PURPOSE", "message": "No."}],
    "reason": "Because.",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("is_known", [True, False])
def test_every_letter_is_whole_whatever_is_known(language: str, is_known: bool) -> None:
    needed = {"request_id": "onb_1", "number": "DX-1", "moment": "2031-05-06", "days_left": 7, "certificate": "A"}
    for told in TABLE.values():
        for telling in told:
            said = say(telling.kind, telling.link, FULL if is_known else needed, language)
            words = Words(said.title, "N", said.paragraphs, language, said.action, "http://p/x", "F", "http://p/y")
            letter = write_letter(words)
            assert len(letter.subject) < 160
            assert ("Because." in letter.text) is is_known
            assert letter.html is not None
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
