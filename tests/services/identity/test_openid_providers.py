"""The file of outside providers: what is wrong with it is named when the service starts, and no secret of it is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.identity.openid.providers import ProvidersNotUsable, read_providers

GOOD = {"name": "eid", "title": "eID", "issuer": "https://eid.example", "client_id": "portico", "client_secret": "hush-hush"}


def test_without_a_file_there_are_none() -> None:
    assert read_providers(None) == {}


def test_what_is_left_out_is_sensible(tmp_path: Path) -> None:
    path = tmp_path / "providers.json"
    path.write_text(json.dumps([GOOD, {**GOOD, "name": "local", "issuer": "http://127.0.0.1:8080/realm", "trusts_email": True}]))
    providers = read_providers(path)
    assert list(providers) == ["eid", "local"]
    provider = providers["eid"]
    assert provider.scopes == ("openid", "email", "profile")
    assert (provider.trusts_email, provider.is_strong, providers["local"].trusts_email) == (False, False, True)
    assert "hush-hush" not in repr(providers)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"issuer": "http://eid.example"}, "0.issuer"),
        ({"issuer": "eid.example"}, "0.issuer"),
        ({"issuer": "https://eid.example?x=1"}, "0.issuer"),
        ({"name": "Two Words"}, "0.name"),
        ({"client_id": ""}, "0.client_id"),
        ({"client_secret": 7}, "0.client_secret"),
        ({"scopes": ["email"]}, "0.scopes"),
        ({"secret": "hush-hush"}, "0.secret"),
        ({"trusts_email": "perhaps"}, "0.trusts_email"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    path = tmp_path / "providers.json"
    path.write_text(json.dumps([{**GOOD, **changed}]))
    with pytest.raises(ProvidersNotUsable) as refused:
        read_providers(path)
    assert f"{path} cannot be used: {named}: " in str(refused.value)
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("{}", "the document: "),
        (json.dumps([{"name": "eid"}]), "0.title"),
        (json.dumps([GOOD, GOOD]), "name: each provider needs one of its own"),
    ],
)
def test_a_document_that_cannot_be_used_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "providers.json"
    path.write_text(text)
    with pytest.raises(ProvidersNotUsable, match=says):
        read_providers(path)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProvidersNotUsable, match="cannot be read"):
        read_providers(tmp_path / "missing.json")
