"""Every service that does something records it: each of its collections is audited, or it is said why not."""

from pathlib import Path
from typing import Any

import pytest

from chassis.acts import OWN, Acts, Recorded
from chassis.service import Service
from chassis.tallying import Tally
from chassis.web import Verb
from services.audit.reactions import REACTIONS

ROOT = Path(__file__).parents[2]
RECORDING = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")


def acts_of(platform: Any, name: str) -> Acts:
    recorder = platform.whole.parts[name].store.recorder
    assert recorder is not None, f"{name}: call store.record(ACTS) in its main"
    found: Acts = recorder.acts
    return found


async def test_whoever_has_verbs_records(platform: Any) -> None:
    parts = {name: part for name, part in platform.whole.parts.items() if isinstance(part, Service)}
    with_verbs = {name for name, part in parts.items() if any(isinstance(each, Verb) for each in part.routes)}
    for name in {*with_verbs, *RECORDING}:
        assert acts_of(platform, name).event.service == name
        assert any(isinstance(each, Tally) for each in parts[name].workers), f"{name}: edge.tally is one of the workers"
    recorded = {each.key for each in Recorded.__subclasses__() if each.__module__.startswith("services.")}
    assert recorded <= {*REACTIONS[0].keys}


async def test_every_collection_is_audited_or_it_is_said_why_not(platform: Any) -> None:
    for name, part in platform.whole.parts.items():
        if not isinstance(part, Service) or part.store.recorder is None:
            continue
        acts = acts_of(platform, name)
        kept = {index.collection for index in part.indexes}
        assert kept - acts.audited.keys() - acts.not_audited.keys() == set(), f"{name}: put it into services/{name}/audited.py"
        assert acts.audited.keys() & acts.not_audited.keys() == set()
        code = "\n".join(path.read_text() for path in (ROOT / "services" / name).rglob("*.py") if path.name != "audited.py")
        named = {each for each in {*acts.audited, *acts.not_audited} - {*kept, *OWN} if f'"{each}"' not in code}
        assert named == set(), f"{name}: there is no such collection any more"
        assert all(acts.not_audited.values())


@pytest.mark.parametrize("name", RECORDING)
async def test_a_kind_of_thing_has_one_name(platform: Any, name: str) -> None:
    kinds = [each.kind for each in acts_of(platform, name).audited.values()]
    assert len(set(kinds)) == len(kinds)
