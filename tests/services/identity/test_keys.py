import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from services.identity.keys import KeyFileNotUsable, Pepper, Seal, Signer, make_missing_keys

PRIVATE = {"passport.private.json", "tokens.private.json", "client-secrets.key", "factors.key", "mail.key", "notices.key"}
PUBLIC = {"passport.public.json", "tokens.public.json"}


def test_missing_keys_are_made_once_and_private_ones_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert set(make_missing_keys(folder)) == PRIVATE | PUBLIC
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert make_missing_keys(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    for name in PRIVATE:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for name in PUBLIC:
        [key] = orjson.loads(before[name])["keys"]
        assert set(key) == {"crv", "x", "kty", "kid", "use", "alg"}
        [private] = orjson.loads(before[name.replace("public", "private")])["keys"]
        assert (key["kid"], private["signs_from"]) == (private["kid"], 0)


def test_several_processes_that_begin_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make_missing_keys, [tmp_path] * 8))
    assert {path.name for path in tmp_path.iterdir()} == PRIVATE | PUBLIC
    for purpose in ("passport", "tokens"):
        [private] = orjson.loads((tmp_path / f"{purpose}.private.json").read_bytes())["keys"]
        [public] = orjson.loads((tmp_path / f"{purpose}.public.json").read_bytes())["keys"]
        assert public["x"] == private["x"]


def test_a_missing_key_file_is_told_with_the_mend(tmp_path: Path) -> None:
    for open_ in (Signer, Pepper, Seal):
        with pytest.raises(KeyFileNotUsable, match=r"missing\.key cannot be read .*portico keys"):
            open_(tmp_path / "missing.key")


def test_pepper_and_seal_depend_on_their_keys(tmp_path: Path) -> None:
    make_missing_keys(tmp_path / "a")
    make_missing_keys(tmp_path / "b")
    one, other = (Pepper(tmp_path / name / "client-secrets.key") for name in "ab")
    assert one.matches("s", one.hash("s"))
    assert not other.matches("s", one.hash("s"))
    seal = Seal(tmp_path / "a" / "mail.key")
    assert seal.open(seal.close("sesame")) == "sesame"
    assert seal.close("sesame") != seal.close("sesame")
