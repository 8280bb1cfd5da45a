"""``portico fleet-bootstrap``: what a proxy of a fleet starts with."""

import os
from pathlib import Path


def fleet_bootstrap(*, to: Path) -> int:
    """Write what a proxy of a fleet starts with, from the settings of enforcement; it holds the fleet's secret.

    Parameters
    ----------
    to
        The file to write, for the member alone.
    """
    from portico.composition import fleet_bootstrap as made

    document = made()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(document)
    print(f"A member of the fleet starts with: envoy --config-path {to} …, and portico ship announces its calls;")
    print("docs/mechanisms/data-plane.md has both commands.")
    return 0
