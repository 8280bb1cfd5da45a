"""The import contracts of pyproject.toml catch what breaks them (``make imports`` runs them on this tree)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.rules import ROOT

ROLES = ("main", "routes", "reactions", "actions", "access", "repository", "domain", "events", "settings")
CHASSIS = ("bus", "calls", "clock", "errors", "ids", "inbox", "local", "outbox", "service", "settings", "telemetry", "web")
GOOD = {
    "chassis/__init__.py": "",
    **{f"chassis/{name}.py": "" for name in CHASSIS},
    "chassis/mongo/__init__.py": "import bson\nimport gridfs\nimport motor\nimport pymongo\n",
    "chassis/rabbit.py": "import aio_pika\n",
    "chassis/outward.py": "import httpcore\n",
    "chassis/smtp.py": "import aiosmtplib\n",
    "graphql_gateway/__init__.py": "import graphql\nimport strawberry\n",
    "graphql_gateway/main.py": "import chassis.errors\n",
    "graphql_gateway/clients/__init__.py": "",
    "graphql_gateway/schema/__init__.py": "",
    "portico/__init__.py": "",
    "portico/composition.py": "import services.a.main\nimport services.a.settings\nimport graphql_gateway.main\n",
    "portico/up.py": "from portico import composition\n",
    "services/__init__.py": "",
    **{f"services/{name}/__init__.py": "" for name in "ab"},
    **{f"services/{name}/{role}.py": "" for name in "ab" for role in ROLES},
    "services/b/noun/__init__.py": "",
    **{f"services/b/noun/{role}.py": "" for role in ("routes", "actions", "access", "repository", "domain")},
    "services/a/domain.py": "import chassis.errors\nfrom . import events\n",
    "services/a/routes.py": "from . import actions\n",
    "services/a/actions.py": "from . import repository\n",
    "services/a/main.py": "from . import routes, reactions, repository, settings\n",
}

BROKEN = [
    ("services/a/domain.py", "import services.b.events\n", "No service imports another"),
    ("services/a/routes.py", "import graphql_gateway.main\n", "The platform rests"),
    ("graphql_gateway/main.py", "import services.a.events\n", "The platform rests"),
    ("chassis/bus.py", "import services.a.events\n", "The platform rests"),
    ("services/a/main.py", "import portico\n", "The platform rests"),
    ("services/a/actions.py", "from . import routes\n", "In a slice imports go down"),
    ("services/a/events.py", "from . import domain\n", "In a slice imports go down"),
    ("services/a/repository.py", "from . import access\n", "In a slice imports go down"),
    ("services/b/noun/repository.py", "from . import actions\n", "In a noun of a slice"),
    ("services/a/routes.py", "from . import repository\n", "Routes and reactions never touch a repository"),
    ("services/b/reactions.py", "from .noun import repository\n", "Routes and reactions never touch a repository"),
    ("services/a/domain.py", "import chassis.bus\n", "nothing of ours but refusals"),
    ("services/a/events.py", "import chassis.mongo\n", "nothing of ours but refusals"),
    ("services/a/domain.py", "import time\n", "no input or output, no clock"),
    ("services/b/noun/domain.py", "import random\n", "no input or output, no clock"),
    ("services/a/actions.py", "from . import settings\n", "settings are read by its main alone"),
    ("portico/up.py", "import services.a.settings\n", "settings are read by its main alone"),
    ("services/a/repository.py", "import pymongo\n", "One door to MongoDB"),
    ("services/a/repository.py", "import gridfs\n", "One door to MongoDB"),
    ("services/a/reactions.py", "import aio_pika\n", "One door to RabbitMQ"),
    ("services/a/actions.py", "import httpcore\n", "One door to the outside world"),
    ("services/a/actions.py", "import aiosmtplib\n", "One door to mail servers"),
    ("services/a/routes.py", "import strawberry\n", "GraphQL lives in the gateway"),
    ("graphql_gateway/clients/__init__.py", "import graphql_gateway.schema\n", "A gateway's client knows no schema"),
]


def lint(root: Path, changed: tuple[str, str] | None) -> tuple[int, str]:
    files = GOOD if changed is None else {**GOOD, changed[0]: changed[1]}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "pyproject.toml", root)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    place = {"PYTHONPATH": str(root), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=place)
    return done.returncode, done.stdout + done.stderr


def test_good_imports_pass(tmp_path: Path) -> None:
    code, output = lint(tmp_path, None)
    assert code == 0, output


@pytest.mark.parametrize(("file", "text", "contract"), BROKEN)
def test_contract_catches(file: str, text: str, contract: str, tmp_path: Path) -> None:
    code, output = lint(tmp_path, (file, text))
    broken = [line for line in output.splitlines() if line.rstrip().endswith("BROKEN")]
    assert code == 1, output
    assert any(contract in line for line in broken), output
