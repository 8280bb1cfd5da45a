"""The table of settings is true, and every setting says what it means."""

from portico import settings_table
from tests.house.rules import ROOT


def test_docs_settings_is_what_the_classes_say() -> None:
    written = (ROOT / "docs/settings.md").read_text()
    assert written == settings_table.render(), "run `make settings` and look at the difference"


def test_every_setting_has_a_meaning_and_its_own_prefix() -> None:
    fields = [(each, *field) for each in settings_table.settings_classes() for field in each.model_fields.items()]
    silent = [f"{settings.__name__}.{name}" for settings, name, field in fields if not field.description]
    foreign = [
        variable
        for settings, name, field in fields
        for variable in settings_table.variables(settings, name, field)
        if not variable.startswith("PORTICO_")
    ]
    assert foreign == []
    assert silent == []


def test_every_service_has_a_settings_class() -> None:
    modules = {each.__module__ for each in settings_table.settings_classes()}
    services = {path.parent.name for path in (ROOT / "services").glob("*/main.py")}
    assert services
    assert {f"services.{name}.settings" for name in services} <= modules
