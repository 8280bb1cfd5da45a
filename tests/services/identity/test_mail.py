import asyncio
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import pytest

from chassis.principal import ANONYMOUS
from services.identity.inputs import LANGUAGES
from services.identity.mail import letters
from services.identity.mail.actions import post
from services.identity.mail.domain import is_hopeless, pause_after
from services.identity.mail.letters import kinds, write_letter
from services.identity.mail.repository import put
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import PASSWORD, World, post_office, token_in


async def _mails(world: World, state: str, count: int = 1) -> list[dict[str, Any]]:
    for _ in range(500):
        mails = await world.store.reader().collection("mails").find({"state": state})
        if len(mails) >= count:
            return mails
        await asyncio.sleep(0.02)
    raise AssertionError(f"no mail is {state}")


async def test_a_mail_waits_for_a_server_that_is_down_and_is_forgotten_once_sent(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.inbox.close()
    await world.do("register", email="patient@example.com", password=PASSWORD, name="Patient")
    for _ in range(200):
        [waiting] = await _mails(world, "WAITING")
        if waiting["attempts"]:
            break
        await asyncio.sleep(0.02)
    assert "patient@example.com" not in str(waiting)
    await world.inbox.open()
    mail = await world.inbox.newest_to("patient@example.com")
    assert mail["Message-ID"] == f"<{waiting['_id']}@portico.localhost>"
    assert mail["From"] == "Portico <no-reply@portico.localhost>"
    [sent] = await _mails(world, "SENT")
    assert "sealed" not in sent
    assert (await world.do("verify_email", token=token_in(mail))).status == 200


async def test_what_the_server_refuses_for_good_is_given_up_and_the_rest_goes_on(make_world: MakeWorld) -> None:
    world = await make_world()
    world.inbox.answer = "554 not wanted"
    await world.do("register", email="refused@example.com", password=PASSWORD, name="Refused")
    [given_up] = await _mails(world, "GIVEN_UP")
    assert "sealed" not in given_up
    world.inbox.answer = "250 kept"
    await world.do("register", email="welcome@example.com", password=PASSWORD, name="Welcome")
    await world.inbox.newest_to("welcome@example.com")
    assert not world.inbox.to("refused@example.com")


async def test_what_the_server_refuses_for_now_is_tried_again(make_world: MakeWorld) -> None:
    world = await make_world()
    world.inbox.answer = "451 later"
    await world.do("register", email="later@example.com", password=PASSWORD, name="Later")
    for _ in range(200):
        [waiting] = await _mails(world, "WAITING")
        if waiting["attempts"]:
            break
        await asyncio.sleep(0.02)
    world.inbox.answer = "250 kept"
    await world.inbox.newest_to("later@example.com")
    assert len(world.inbox.to("later@example.com")) == 1


async def test_a_mail_of_a_change_that_was_rolled_back_is_never_sent(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone()
    organization_id = await world.organization(person)
    said = await world.do("invite_member", person, organization_id=organization_id, email=person.email, role="OBSERVER")
    assert said.code == "ALREADY_MEMBER"
    assert await world.store.reader().collection("mails").count_documents({}) == 1


def test_tries_come_ever_less_often_and_end_after_a_day() -> None:
    assert [pause_after(number).total_seconds() for number in (1, 2, 5, 30)] == [1, 2, 16, 600]
    from chassis.clock import FixedClock

    now = FixedClock().now()
    assert is_hopeless(550, now, now)
    assert not is_hopeless(450, now, now + timedelta(hours=23))
    assert not is_hopeless(None, now, now)
    assert is_hopeless(None, now, now + timedelta(hours=24))


async def test_a_mail_that_cannot_be_opened_does_not_hold_up_the_others(make_world: MakeWorld) -> None:
    world = await make_world()
    office = post_office(world.folder / "keys")
    await world.store.transact(ANONYMOUS, lambda tx: put(tx, "mai_0", "sealed with a key that was lost", "somebody"))
    for name in ("first", "second"):
        work = partial(post, office=office, kind="already_registered", to=f"{name}@example.com")
        await world.store.transact(ANONYMOUS, work)
    await world.inbox.newest_to("first@example.com")
    await world.inbox.newest_to("second@example.com")
    await _mails(world, "SENT", 2)
    [waiting] = await _mails(world, "WAITING")
    assert waiting["_id"] == "mai_0"


LETTERS = Path(letters.__file__).with_name("letters")


_SPECIAL: dict[str, Any] = {"role": "DEVELOPER", "reasons": [{"part": "OTHER", "message": "the-reason"}]}


def _values_of(kind: str) -> dict[str, Any]:
    named: set[str] = set()
    for language in LANGUAGES:
        source = (LETTERS / f"{kind}.{language}.txt").read_text("utf-8")
        named |= jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(source))
    return {name: _SPECIAL.get(name, f"the-{name}") for name in named}


@pytest.mark.parametrize("kind", kinds())
def test_every_letter_is_written_in_every_language_and_says_the_same(kind: str) -> None:
    values = _values_of(kind)
    links = set()
    for language in LANGUAGES:
        letter = write_letter(kind, "a@example.com", language=language, **values)
        assert letter.subject
        assert len(letter.subject) < 120
        assert letter.text.startswith(letter.text.lstrip())
        assert "{" not in letter.subject + letter.text
        links.add(tuple(re.findall(r"the-portal_url\S*", letter.text)))
        for url in links:
            assert all("?" not in each for each in url), "a token travels behind the #, where no server sees it"
    assert len(links) == 1


def test_a_letter_that_is_not_given_what_it_names_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        write_letter("confirm_address", "a@example.com", portal_url="http://portal")
