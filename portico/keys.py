"""The key files (see ``docs/settings.md``: PORTICO_KEYS_DIR): made where they are missing, and the public ones handed on."""

from pathlib import Path

from portico.trouble import Trouble, sentence_of
from services.identity.keys import SIGNING_ALGORITHMS, make_missing_keys


def make_keys(folder: Path) -> list[str]:
    """Make the key files that are missing and return their names. Raises ``Trouble``."""
    try:
        return make_missing_keys(folder)
    except OSError as error:
        raise Trouble(sentence_of(error, folder)) from error


def publish_keys(folder: Path, public: Path) -> None:
    """Copy the public files into a folder for everybody. Raises ``Trouble``."""
    try:
        public.mkdir(parents=True, exist_ok=True)
        for purpose in SIGNING_ALGORITHMS:
            name = f"{purpose}.public.json"
            draft = public / f".{name}.new"
            draft.write_bytes((folder / name).read_bytes())
            draft.replace(public / name)
    except OSError as error:
        raise Trouble(sentence_of(error, public)) from error
