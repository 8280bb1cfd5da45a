"""How to verify, as the page about webhooks tells it: its two snippets are run against what is really signed."""

import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.notifications.webhooks.signing import new_secret, signed_headers

PAGE = Path(__file__).parents[3] / "docs/mechanisms/webhooks.md"
BODY = '{"id":"evt_1","data":{"name":"Adrešu meklētājs"}}'.encode()
DRIVER = """
import { readFileSync } from "node:fs";
import { isGenuine } from "./snippet.mjs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([secret, headers, body]) => isGenuine(secret, headers, Buffer.from(body, "utf8")))));
"""


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def cases() -> tuple[list[tuple[str, dict[str, str], bytes]], list[bool]]:
    """What comes in, and whether it is genuine."""
    first, second, foreign = (new_secret() for _ in range(3))
    now = datetime.now(UTC)
    one, both = (dict(signed_headers(secrets, "evt_1", now, BODY)) for secrets in ([first], [first, second]))
    old = dict(signed_headers([first], "evt_1", datetime.fromtimestamp(time.time() - 400, UTC), BODY))
    given = [
        (first, one, BODY),
        (first, both, BODY),
        (second, both, BODY),
        (foreign, both, BODY),
        (first, one, BODY + b" "),
        (first, {**one, "webhook-id": "evt_2"}, BODY),
        (first, {**one, "webhook-signature": "v1,"}, BODY),
        (first, old, BODY),
    ]
    return given, [True, True, True, False, False, False, False, False]


def test_the_snippet_in_python_verifies_what_is_signed() -> None:
    given, expected = cases()
    names: dict[str, Any] = {}
    exec(snippet("python"), names)
    assert [names["is_genuine"](*each) for each in given] == expected


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_snippet_in_node_verifies_what_is_signed(tmp_path: Path) -> None:
    given, expected = cases()
    (tmp_path / "snippet.mjs").write_text(snippet("javascript"), encoding="utf-8")
    (tmp_path / "driver.mjs").write_text(DRIVER, encoding="utf-8")
    told = json.dumps([(secret, headers, body.decode()) for secret, headers, body in given])
    ran = subprocess.run(["node", "driver.mjs"], cwd=tmp_path, input=told, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == expected
