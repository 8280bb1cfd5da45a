"""The command line: ``portico up``, ``serve``, ``keys``, ``topology``, ``settings``, ``contracts``, ``journey``.

More commands stand in `portico.commands`, a module for each noun. Every command
imports what it needs when it is called, so that help and refusals come at once.
"""

import gc
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from portico.commands import audit
from portico.commands.dead_letters import dead_letters
from portico.commands.fleet import fleet_bootstrap
from portico.commands.gaps import gaps
from portico.commands.replaying import replay, republish
from portico.commands.shipping import ship
from portico.trouble import EXIT_CODE, Trouble

if TYPE_CHECKING:
    from portico.settings import PorticoSettings, ServeSettings

app = App(name="portico", help="An API developer portal: the whole platform, or one part of it.", version_flags=[])
app.command(replay)
app.command(republish)
app.command(gaps)
app.command(dead_letters)
app.command(fleet_bootstrap)
app.command(ship)


def _run(work: Coroutine[Any, Any, int]) -> int:
    import uvloop

    return uvloop.run(work)


def _serve_settings() -> "ServeSettings":
    from portico.place import settings_of
    from portico.settings import ServeSettings

    settings = settings_of(ServeSettings)
    settings.require_servers()
    return settings


@app.command
def up() -> int:
    """Start the whole platform in one process, print its addresses, and run until Ctrl-C."""
    from portico.place import settings_of
    from portico.settings import PorticoSettings
    from portico.up import up as run_up

    return _run(run_up(settings_of(PorticoSettings)))


@app.command
def serve(part: str) -> int:
    """Run one part as a process of its own, from the environment.

    Parameters
    ----------
    part
        identity, catalog, subscriptions, enforcement, analytics, notifications, audit,
        recertification, gateway or sandbox.
    """
    gc.disable()  # until the part is ready: what is imported and loaded until then is there to stay
    settings = _serve_settings()
    from portico.serve import serve as run_serve

    return _run(run_serve(part, settings))


keys = App(name="keys", help="Make the key files that are missing, list the signing keys, replace them.")
app.command(keys)
_Folder = Annotated[Path | None, Parameter(name="--folder")]


def _keys_folder(folder: Path | None) -> Path:
    from portico.place import settings_of
    from portico.settings import PorticoSettings, ServeSettings

    return folder or settings_of(ServeSettings, keys_dir=settings_of(PorticoSettings).var / "keys").keys_dir


@keys.default
def make(
    *,
    folder: _Folder = None,
    public: Path | None = None,
    audit: Path | None = None,
    notices: Path | None = None,
    tls: Path | None = None,
    tls_url: str = "",
) -> int:
    """Make the key files that are missing; existing ones stay.

    Parameters
    ----------
    folder
        Where the keys lie (PORTICO_KEYS_DIR otherwise, or `keys` in PORTICO_VAR).
    public
        A second folder, for everybody, that gets the public files alone.
    audit
        A folder for audit alone, that gets the key that signs checkpoints and no other private one.
    notices
        A folder for notifications, that gets the key which it shares with identity.
    tls
        A folder, for the proxy, that gets a TLS certificate (server.pem, server.key) unless it has one.
    tls_url
        The address at which applications call over TLS, whose host that certificate names beside localhost.
    """
    from portico.keys import hand_to_audit, make_certificates, make_keys, publish_keys, share_notices_key

    place = _keys_folder(folder)
    make_keys(place)
    if public is not None:
        publish_keys(place, public)
    if audit is not None:
        hand_to_audit(place, audit)
    if notices is not None:
        share_notices_key(place, notices)
    if tls is not None:
        make_certificates(tls, [host] if (host := urlsplit(tls_url).hostname) else [])
    print(f"The keys lie in {place}.")
    return 0


@keys.command(name="list")
def list_keys(*, folder: _Folder = None) -> int:
    """List the signing keys: which signs, which is next, and until when the former ones are still accepted.

    Parameters
    ----------
    folder
        Where the keys lie (PORTICO_KEYS_DIR otherwise, or `keys` in PORTICO_VAR).
    """
    from portico.keys import key_states, moment_of

    print(f"{'for':<9} {'state':<10} {'signs from':<21} {'accepted until':<21} key")
    for each in key_states(_keys_folder(folder)):
        times = f"{moment_of(each.signs_from):<21} {moment_of(each.until):<21}"
        print(f"{each.purpose:<9} {each.state:<10} {times} {each.kid} {each.algorithm}")
    return 0


@keys.command
def rotate(
    purpose: str, *, overlap: int = 600, folder: _Folder = None, public: Path | None = None, audit: Path | None = None
) -> int:
    """Replace the key that signs, while everything runs: nothing that was signed is refused.

    Parameters
    ----------
    purpose
        tokens (access tokens), passport (between the services) or audit (checkpoints of the audit trail).
    overlap
        Seconds between publishing the new key and signing with it; 0 signs at once.
    folder
        Where the keys lie (PORTICO_KEYS_DIR otherwise, or `keys` in PORTICO_VAR).
    public
        A second folder, for everybody, that gets the public files alone.
    audit
        The folder for audit alone (see `portico keys --audit`), where there is one.
    """
    from portico.keys import hand_to_audit, is_short, moment_of, rotate_keys

    rotation = rotate_keys(_keys_folder(folder), purpose, overlap, public)
    if audit is not None:
        hand_to_audit(_keys_folder(folder), audit)
    until = "for good" if rotation.former_until is None else f"until {moment_of(rotation.former_until)}"
    print(f"The key {rotation.kid} is published and signs from {moment_of(rotation.signs_from)}.")
    print(f"The key {rotation.former_kid} is accepted {until}.")
    if purpose == "tokens" and is_short(overlap):
        print("Verifiers elsewhere may keep the published keys for longer, and refuse new tokens until they look again.")
    return 0


@app.command
def topology() -> int:
    """Declare every service's queues and indexes, so that nothing is announced before somebody keeps it."""
    settings = _serve_settings()
    from portico.serve import declare_everything

    return _run(declare_everything(settings))


@app.command
def ready(*, url: str | None = None) -> int:
    """Ask a part whether it is ready (containers do, to tell their health).

    Parameters
    ----------
    url
        The part's address; otherwise this machine at PORTICO_PORT.
    """
    import urllib.error
    import urllib.request

    from portico.place import settings_of
    from portico.settings import ServeSettings

    address = url or f"http://127.0.0.1:{settings_of(ServeSettings).port}"
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=4) as answer:  # noqa: S310 - an address of ours
            print(answer.read().decode())
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        print(f"{address} is not ready: {error}")
        return 1
    return 0


@app.command
def settings(*, write: Path | None = None) -> int:
    """Print the table of all settings, or write it.

    Parameters
    ----------
    write
        The file to write it to.
    """
    from portico.settings_table import render

    if write is None:
        print(render())
    else:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(render())
    return 0


@app.command
def contracts(*, folder: Path = Path(), release: bool = False) -> int:
    """Write the contracts anew from the code.

    Parameters
    ----------
    folder
        The folder that holds contracts/.
    release
        Keep them as the released ones, too, which later ones may only add to.
    """
    from portico.contracts import write
    from portico.releasing import release as keep_released

    for path in [*write(folder), *(keep_released(folder) if release else ())]:
        print(path)
    return 0


@app.command
def journey(which: Literal["all", "standard", "procedure-a", "confidential"] = "all", *, show: bool = False) -> int:
    """Walk both procedures against the running platform, through public interfaces alone.

    Parameters
    ----------
    which
        One of them alone: procedure B with a standard product or with a confidential one, or procedure A.
    show
        Print the documents sent.
    """
    from portico.place import settings_of
    from portico.settings import PorticoSettings

    return _run(_walk(settings_of(PorticoSettings), which, shows=show))


async def _walk(settings: "PorticoSettings", which: str, *, shows: bool) -> int:
    import httpx

    from portico import demo
    from portico.foreign import NotUnderstood, Refused
    from portico.journeys import JOURNEYS
    from portico.journeys.traveller import Mismatch, Place

    passwords = demo.passwords(settings.var / "demo.json")
    place = Place(
        settings.gateway_url,
        settings.data_plane_url,
        settings.mailbox_url,
        demo.PROVIDER,
        passwords[demo.PROVIDER],
        demo.OPERATOR,
        passwords[demo.OPERATOR],
        settings.authority_dir,
    )
    try:
        for name, walk in JOURNEYS.items():
            if which in ("all", name):
                await walk(place, shows=shows)
    except httpx.ConnectError as error:
        raise Trouble(
            f"Nothing answers at {settings.gateway_url}: start the platform with `make up`, then run this again."
        ) from error
    except (Mismatch, Refused, NotUnderstood, httpx.HTTPError) as error:
        print(f"The journey ends here ({type(error).__name__}): {error}", file=sys.stderr)
        return 1
    return 0


audit.register(app)


def main() -> None:
    """Run the command line; what a person can mend is one sentence and exit code 2."""
    try:
        code = app(result_action="return_value")
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        code = EXIT_CODE
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
