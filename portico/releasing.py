"""The contracts as they were released last: kept beside the present ones, compared with them, replaced by a release.

``contracts/released/`` holds copies of what outsiders build on. ``contracts/breaking.toml`` declares each break that is meant,
with its reason; a release takes the declarations back, since what it keeps is the new promise.
"""

import shutil
import tomllib
from pathlib import Path

from portico.evolution import ENVELOPE, GRAPH, PROBLEMS, breaks
from portico.trouble import Trouble

CONTRACTS = Path("contracts")
RELEASED = CONTRACTS / "released"
DECLARED = CONTRACTS / "breaking.toml"
_HEAD = """\
# Breaks of the released contracts that are meant: "<file below contracts>: <field>" = "<why, and what those who read it do>".
# A release (`portico contracts --release`) takes them out; what does not occur (any more) fails the check.
[breaking]
"""


def kept(folder: Path) -> dict[str, str]:
    """Return the contracts in a folder whose changes are watched: texts by their path below it."""
    watched = [folder / GRAPH, folder / PROBLEMS, folder / ENVELOPE, *(folder / "events").glob("*.json")]
    there = [path for path in sorted(watched) if path.is_file() and not path.name.endswith(".example.json")]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in there}


def declared(root: Path) -> dict[str, str]:
    """Return the declared breaks and their reasons. Raises ``Trouble`` where the file cannot be read."""
    path = root / DECLARED
    try:
        return dict(tomllib.loads(path.read_text("utf-8"))["breaking"]) if path.exists() else {}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise Trouble(f"{DECLARED} cannot be read ({error}): write lines of its table [breaking].") from error


def violations(root: Path) -> list[str]:
    """Return, as sentences, which released promises the present contracts break without saying so, and idle declarations."""
    meant = declared(root)
    found = breaks(kept(root / RELEASED), kept(root / CONTRACTS))
    undeclared = [f"{each}; or declare it in {DECLARED} with a reason" for each in found if not meant.get(each.key, "").strip()]
    idle = [
        f"{DECLARED}: {key} is declared and does not break anything: take the line out"
        for key in meant
        if key not in {each.key for each in found}
    ]
    return undeclared + idle


def release(root: Path) -> list[Path]:
    """Make the present contracts the released ones and return what changed. Raises ``Trouble`` where a break is not declared."""
    if found := violations(root):
        raise Trouble("The contracts cannot be released:\n" + "\n".join(found))
    before, now = kept(root / RELEASED), kept(root / CONTRACTS)
    shutil.rmtree(root / RELEASED, ignore_errors=True)
    for name, text in now.items():
        target = root / RELEASED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    (root / DECLARED).write_text(_HEAD, "utf-8")
    return [RELEASED / name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
