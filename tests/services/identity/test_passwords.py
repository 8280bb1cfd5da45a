import contextlib
import time

import pytest

from services.identity.passwords.rules import MAX_LENGTH, PasswordNotAccepted, check, is_long

EMAIL, NAME = "anna.kalnina@ministry.example", "Anna Kalniņa"


@pytest.mark.parametrize(
    "password",
    [
        "a long walk by the river",
        "zirgs baterija skava",
        "мой длинный пароль про снег",
        "Kx7$Kx7$pQ9#mm2",
        "              spaces count",
        "x1y2z3" + "lorem ipsum dolor " * 12,
        "anna likes nine green frogs",
        "a" * 3 + "bcdefghijklmno",
        "monkey dragon 83749261",
        "monkey dragon mirror sunshine",
    ],
)
def test_length_is_what_is_asked_for(password: str) -> None:
    check(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Sh0rt!Sh0rt!14",
        "x" * (MAX_LENGTH + 1),
        "passwordpassword",
        "PasswordPassword",
        "Correct Horse Battery Staple",
        "aaaaaaaaaaaaaaaaaaaa",
        "abababababababab",
        "abcabcabcabcabcabc",
        "012345678901234",
        "987654321098765",
        "abcdefghijklmnopq",
        "qwertyuiopasdfghjkl",
        "anna.kalnina@ministry.example",
        "anna.kalnina2030",
        "Portico-Portico-1",
        "Portico123456789!",
        "AnnaKalniņa12345",
        "ministry.example1",
        "Summer2026Winter!",
        "Iloveyou-Forever-2026",
        "p@$$w0rd-4dmin-2026",
        "пароль-россия-2026",
        "mana parole latvija 1",
        "monkey-dragon-1234",
        "all you need is love",
        "Dievs, svētī Latviju",
    ],
)
def test_what_is_guessed_first_is_refused_with_the_mend(password: str) -> None:
    with pytest.raises(PasswordNotAccepted) as refused:
        check(password, email=EMAIL, name=NAME)
    [problem] = refused.value.fields
    assert problem.field == "password"
    assert problem.message
    assert not password or password not in refused.value.message


@pytest.mark.parametrize("password", ["kaija zied", "zx9 pelēks", "мой снег", "8 vējus"])
def test_beside_a_second_factor_eight_characters_are_enough(password: str) -> None:
    check(f"{password}!", email=EMAIL, name=NAME, has_second_factor=True)
    assert not is_long(password)
    with pytest.raises(PasswordNotAccepted):
        check(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "password", ["7 vējus", "password", "Portico1", "qwerty12", "P@ssw0rd!", "kalnina1", "12345678", "йцукенгш"]
)
def test_a_second_factor_excuses_nothing_that_is_guessed_first(password: str) -> None:
    with pytest.raises(PasswordNotAccepted):
        check(password, email=EMAIL, name=NAME, has_second_factor=True)


def test_a_long_text_is_judged_in_no_time() -> None:
    started_at = time.process_time()
    for text in ("password" * 32, "a1" * 128, "the" * 85, "ab!" * 85):
        with contextlib.suppress(PasswordNotAccepted):
            check(text[:256], email=EMAIL, name=NAME)
    assert time.process_time() - started_at < 5
