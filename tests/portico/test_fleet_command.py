"""What a member of a fleet starts with is written by a command, for the member alone."""

from pathlib import Path

import orjson
import pytest

from portico.commands.fleet import fleet_bootstrap
from portico.trouble import Trouble

SECRET = "members-of-the-fleet-show-this-secret"


def test_a_members_bootstrap_names_where_to_ask_and_what_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bootstrap.json"
    with pytest.raises(Trouble, match="PORTICO_ENFORCEMENT_DISCOVERY_PORT"):
        fleet_bootstrap(to=file)
    monkeypatch.setenv("PORTICO_ENFORCEMENT_DISCOVERY_PORT", "9201")
    monkeypatch.setenv("PORTICO_ENFORCEMENT_DISCOVERY_SECRET", "told-to-nobody")
    with pytest.raises(Trouble, match="DISCOVERY_SECRET") as refused:
        fleet_bootstrap(to=file)
    assert "told-to-nobody" not in str(refused.value)
    monkeypatch.setenv("PORTICO_ENFORCEMENT_DISCOVERY_SECRET", SECRET)
    monkeypatch.setenv("PORTICO_ENFORCEMENT_DISCOVERY_ADDRESS", "enforcement:9201")
    assert fleet_bootstrap(to=file) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    (cluster,) = orjson.loads(file.read_bytes())["static_resources"]["clusters"]
    assert SECRET in orjson.dumps(cluster).decode()
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": "enforcement", "port_value": 9201}
