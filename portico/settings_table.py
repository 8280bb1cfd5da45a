"""The one table of all settings, made from the settings classes."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from chassis.settings import Settings

ROOTS = ("portico", "graphql_gateway", "services")
_OPENING = """# Settings

Every setting is an environment variable. This page is made from the settings classes by `make settings`; a test keeps it true.
"""


def settings_modules() -> Iterator[ModuleType]:
    """Import and yield every module named ``settings``, in order."""
    for root in ROOTS:
        package = importlib.import_module(root)
        for found in sorted(pkgutil.walk_packages(package.__path__, f"{root}."), key=lambda each: each.name):
            if found.name.rpartition(".")[2] == "settings":
                yield importlib.import_module(found.name)


def settings_classes() -> list[type[Settings]]:
    """Return every settings class, by module and name."""
    classes: list[type[Settings]] = []
    for module in settings_modules():
        own = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
        classes += [each for each in own if isinstance(each, type) and issubclass(each, Settings)]
    return classes


def variables(settings: type[Settings], name: str, field: FieldInfo) -> list[str]:
    """Return the environment variables of a field, the first that is set wins."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(each).upper() for each in alias.choices]
    if isinstance(alias, str):
        return [alias.upper()]
    return [f"{settings.model_config.get('env_prefix', '')}{name}".upper()]


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is PydanticUndefined:
        return "must be set"
    if value is None or value in ("", (), []):
        return "nothing"
    if isinstance(value, Path):
        return f"`{value.as_posix()}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _first_line(settings: type[Settings]) -> str:
    return (settings.__doc__ or settings.__name__).strip().splitlines()[0]


def render() -> str:
    """Return the whole document."""
    lines = [_OPENING]
    for settings in settings_classes():
        lines += [f"## {_first_line(settings)}", "", f"Class `{settings.__name__}` in `{settings.__module__}`.", ""]
        lines += ["| variable | default | meaning |", "|---|---|---|"]
        for name, field in settings.model_fields.items():
            meaning = (field.description or "").replace("|", "\\|")
            named = " or ".join(f"`{each}`" for each in variables(settings, name, field))
            lines.append(f"| {named} | {_default(field)} | {meaning} |")
        lines.append("")
    return "\n".join(lines)
