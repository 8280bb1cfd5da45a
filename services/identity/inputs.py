"""What several nouns read from what is sent: names, descriptions, addresses."""

import unicodedata
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

NAME_LENGTH = 100
DESCRIPTION_LENGTH = 2000
ADDRESS_LENGTH = 254
LANGUAGES = ("lv", "ru", "en")
DEFAULT_LANGUAGE: "Language" = "en"

Language = Literal["lv", "ru", "en"]


class Input(BaseModel):
    """What a verb takes; a field that it does not know is refused rather than passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def read_name(text: str) -> str:
    """Return a name in one line with single spaces. Raises ``ValueError`` naming the mend."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise ValueError("give a name")
    if len(name) > NAME_LENGTH:
        raise ValueError(f"give at most {NAME_LENGTH} characters")
    if any(_is_unprintable(character) for character in name):
        raise ValueError("leave out control characters")
    return name


def read_description(text: str) -> str:
    """Return a description, which may have lines. Raises ``ValueError`` naming the mend."""
    description = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    if len(description) > DESCRIPTION_LENGTH:
        raise ValueError(f"give at most {DESCRIPTION_LENGTH} characters")
    if any(_is_unprintable(character) and character not in "\n\t" for character in description):
        raise ValueError("leave out control characters")
    return description


def read_address(text: str) -> str:
    """Return an e-mail address as it will be written to. Raises ``ValueError`` naming the mend."""
    if len(text) > ADDRESS_LENGTH:
        raise ValueError(f"give an e-mail address of at most {ADDRESS_LENGTH} characters")
    if "=?" in text:
        # In a header this begins an encoded word (RFC 2047), which may spell another address, or several.
        raise ValueError("give an e-mail address without =?")
    try:
        # Names that only an intranet or a test knows are addresses too: whether mail arrives is what decides.
        return validate_email(text.strip(), check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"give an e-mail address ({str(error).rstrip('.').lower()})") from error


def address_key(text: str) -> str:
    """Return the form in which addresses are compared; what is no address gets a key that no address has.

    Only what every mail server takes for the same mailbox is the same: capitals of ASCII, and the two spellings of a domain. To
    fold more (as names are folded) would give the account of ``x@strasse.example`` to the owner of ``straße.example``.
    """
    try:
        read = validate_email(text.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return f"?{text}"
    return f"{_lower_ascii(read.local_part)}@{_lower_ascii(read.ascii_domain)}"


def _lower_ascii(text: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in text)


def key_of(text: str) -> str:
    """Return the form in which names are compared: capitals and look-alike forms make no difference."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def _in_small_letters(given: object) -> object:
    return given.lower() if isinstance(given, str) else given


LanguageCode = Annotated[Language, BeforeValidator(_in_small_letters)]
Name = Annotated[str, AfterValidator(read_name)]
Description = Annotated[str, AfterValidator(read_description)]
EmailAddress = Annotated[str, AfterValidator(read_address)]
