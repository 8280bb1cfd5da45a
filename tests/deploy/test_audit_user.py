"""The database user that audit may be given reaches everything that audit keeps, and may not change an entry."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chassis.local import LocalBus
from portico.keys import make_keys
from services.audit.main import build
from services.audit.settings import AuditSettings
from tests.passports import make_verifier
from tests.services.stage import Stage, envelope

PAGE = (Path(__file__).resolve().parents[2] / "deploy/README.md").read_text("utf-8")


def listed(name: str) -> set[str]:
    """Return what the page lists under a name."""
    found = re.search(rf"const {name} = \[([^]]*)\]", PAGE)
    assert found is not None
    return set(re.findall(r'"(\w+)"', found[1]))


async def test_audit_works_with_the_rights_that_the_page_gives_it(make_store: Callable[..., Any], tmp_path: Path) -> None:
    verifier = make_verifier(tmp_path / "keys")
    make_keys(tmp_path / "keys")
    store, bus = make_store("audit"), LocalBus(tmp_path / "bus.sqlite")
    audit = build(AuditSettings(keys_dir=tmp_path / "keys"), bus, store, verifier)
    await bus.start()
    await audit.declare()
    await audit.start()
    stage = Stage(audit, tmp_path / "keys")
    told = {"organization_id": "org_1", "user_id": "usr_1", "role": "OWNER"}
    await stage.hear(envelope("identity.member_joined.v1", "org_1", 1, told, audience="org_1"))
    await audit.close()
    await bus.close()
    kept = set(await store.client[store.name].list_collection_names())
    assert {"hearing", "holdings"} < kept
    assert kept - listed("works_on") == {"entries"}
    assert not {"update", "remove"} & listed("keeps")
