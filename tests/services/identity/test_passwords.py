import pytest

from services.identity.accounts.password_rules import MAX_LENGTH, PasswordNotAccepted, check

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
    ],
)
def test_what_is_guessed_first_is_refused_with_the_mend(password: str) -> None:
    with pytest.raises(PasswordNotAccepted) as refused:
        check(password, email=EMAIL, name=NAME)
    [problem] = refused.value.fields
    assert problem.field == "password"
    assert problem.message
    assert not password or password not in refused.value.message
