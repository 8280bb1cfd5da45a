"""Makes the locked environment in .venv on a bare machine: finds or installs uv, then installs what uv.lock names.

Only the standard library is used. Every failure is one plain sentence with the mend, and exit code 2.
"""

import configparser
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

UV_VERSION = "0.13.9"
OLDEST_UV = (0, 8, 0)
SPACE_NEEDED_MB = 900
ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
LOG = TOOLS / "bootstrap.log"
PYPI = re.compile(r"https://pypi\.org/simple/?")
NETWORK_WORDS = re.compile(
    r"dns error|Connection refused|Could not connect|timed out|Network is unreachable|Temporary failure in name resolution|"
    r"Failed to fetch|NewConnectionError|No matching distribution|Max retries exceeded|error sending request",
    re.IGNORECASE,
)


class Trouble(Exception):  # noqa: N818 - told to a person, who mends it
    """What a person has to mend."""


def main() -> int:
    """Make the environment."""
    try:
        require_space()
        TOOLS.mkdir(exist_ok=True)
        LOG.write_text("")
        pip = pip_settings()
        install(find_uv() or install_uv(pip), pip)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except OSError as error:
        print(sentence_of(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def sentence_of(error: OSError) -> str:
    """Return the sentence for a failed write under this folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk under {ROOT} is full: free {SPACE_NEEDED_MB} MB, then run the command again."
    if error.errno == errno.EROFS:
        return f"{ROOT} lies on a read-only file system: put Portico into a folder that can be written."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not write into {ROOT}: change the folder's owner, or put Portico into a folder of this user's."
    return f"Writing under {ROOT} failed ({error.strerror}): mend that, then run the command again."


def require_space() -> None:
    """Raise ``Trouble`` unless the environment fits on the disk."""
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < SPACE_NEEDED_MB:
        raise Trouble(
            f"The disk under {ROOT} has {free} MB free and the environment needs {SPACE_NEEDED_MB} MB: "
            "free some space, then run the command again."
        )


def run(command: list[str], environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command quietly; return its exit code and output, which the log keeps."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    return done.returncode, done.stdout


def pip_settings() -> dict[str, str]:
    """Return this machine's pip settings (files, then environment, as pip reads them)."""
    settings: dict[str, str] = {}
    home = Path.home()
    folders = [Path("/etc"), home / ".pip", Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "pip"]
    files = [Path("/etc/xdg/pip/pip.conf"), *(folder / "pip.conf" for folder in folders)]
    if named := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    for file in files:
        parser = configparser.RawConfigParser()
        if file.is_file():
            parser.read(file)
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def network_environment(pip: dict[str, str]) -> dict[str, str]:
    """Return what makes uv reach the network as this machine's pip does: its certificates and its proxy."""
    environment = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    if "cert" in pip and not os.environ.get("SSL_CERT_FILE"):
        environment["SSL_CERT_FILE"] = pip["cert"]
    if "proxy" in pip and not os.environ.get("HTTPS_PROXY"):
        environment["HTTPS_PROXY"] = environment["HTTP_PROXY"] = pip["proxy"]
    return environment


def find_uv() -> str | None:
    """Return a uv that reads our lock file: the machine's own, or the one installed here before."""
    for candidate in (shutil.which("uv"), TOOLS / "uv/bin/uv", TOOLS / "lib/bin/uv"):
        if candidate is None or not Path(candidate).exists():
            continue
        code, output = run([str(candidate), "--version"])
        numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", output)
        if code == 0 and numbers and tuple(map(int, numbers.groups())) >= OLDEST_UV:
            return str(candidate)
    return None


def install_uv(pip: dict[str, str]) -> str:
    """Install uv under .tools/ in whichever way this machine allows."""
    print(f"installing uv {UV_VERSION} under .tools/ …", flush=True)
    package = f"uv=={UV_VERSION}"
    if make_tools_venv() or (not has_pip() and install_venv_package() and make_tools_venv()):
        code, output = run([str(TOOLS / "uv/bin/python"), "-m", "pip", "install", "--quiet", package])
        uv = TOOLS / "uv/bin/uv"
    elif has_pip():
        shutil.rmtree(TOOLS / "lib", ignore_errors=True)
        code, output = run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(TOOLS / "lib"), package])
        uv = TOOLS / "lib/bin/uv"
    else:
        raise Trouble(
            f"This Python ({sys.executable}) has neither venv nor pip, and this user may not install packages: have "
            "`apt-get install python3-venv` run as root (or put uv on the PATH), then run the command again."
        )
    if code != 0 or not uv.exists():
        raise Trouble(explain(f"uv {UV_VERSION}", output, pip))
    return str(uv)


def has_pip() -> bool:
    """Say whether this Python has pip."""
    return run([sys.executable, "-m", "pip", "--version"])[0] == 0


def make_tools_venv() -> bool:
    """Make the tools' own environment, with pip; say whether that went well."""
    shutil.rmtree(TOOLS / "uv", ignore_errors=True)
    return run([sys.executable, "-m", "venv", str(TOOLS / "uv")])[0] == 0


def install_venv_package() -> bool:
    """Install Debian's python3-venv, where this user may; say whether that went well."""
    if shutil.which("apt-get") is None:
        return False
    prefix: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None or run(["sudo", "-n", "true"])[0] != 0:
            return False
        prefix = ["sudo", "-n"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=60"]
    install_it = [*prefix, *quiet, "install", "--no-install-recommends", "python3-venv"]
    return run(install_it)[0] == 0 or (run([*prefix, *quiet, "update"])[0] == 0 and run(install_it)[0] == 0)


def install(uv: str, pip: dict[str, str]) -> None:
    """Install exactly what uv.lock names into .venv: from PyPI, or from the index that this machine's pip is set to."""
    print("installing the locked environment into .venv (once; about a minute) …", flush=True)
    environment = {
        **network_environment(pip),
        "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv"),
        "UV_PYTHON": sys.executable,
        # The commands write no byte code, so without this each of them would compile every library anew.
        "UV_COMPILE_BYTECODE": "1",
    }
    index = pip.get("index-url", "")
    if index and not PYPI.fullmatch(index):
        code, output = install_from_index(uv, pip, environment)
    else:
        code, output = run([uv, "sync", "--frozen"], environment)
    if code != 0:
        raise Trouble(explain("the packages of uv.lock", output, pip))


def install_from_index(uv: str, pip: dict[str, str], environment: dict[str, str]) -> tuple[int, str]:
    """Install the locked versions, checked by their digests, from the index of this machine's pip."""
    requirements = TOOLS / "requirements.txt"
    export = [uv, "export", "--frozen", "--all-groups", "--no-emit-project", "--output-file", str(requirements), "--quiet"]
    # Every file is checked by its digest, so it does not matter which of the machine's indexes it comes from.
    sources = ["--index-url", pip["index-url"], "--index-strategy", "unsafe-best-match"]
    for option in ("extra-index-url", "find-links"):
        for value in pip.get(option, "").split():
            sources += [f"--{option}", value]
    for host in pip.get("trusted-host", "").split():
        sources += ["--allow-insecure-host", host]
    steps = [
        export,
        [uv, "venv", "--allow-existing", "--python", sys.executable, str(ROOT / ".venv")],
        [uv, "pip", "sync", "--require-hashes", "--python", str(ROOT / ".venv/bin/python"), *sources, str(requirements)],
    ]
    for step in steps:
        code, output = run(step, environment)
        if code != 0:
            break
    return code, output


def explain(what: str, output: str, pip: dict[str, str]) -> str:
    """Return the sentence for a failed installation."""
    if "No space left" in output:
        return f"The disk filled up while installing {what}: free {SPACE_NEEDED_MB} MB, then run the command again."
    if NETWORK_WORDS.search(output):
        index = pip.get("index-url", "https://pypi.org/simple")
        return (
            f"Installing {what} did not reach the package index {index}: connect to the network or set a proxy "
            f"(HTTPS_PROXY) or pip's index-url, then run the command again ({LOG} has the details)."
        )
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    return f"Installing {what} failed ({lines[-1] if lines else 'no reason was given'}): {LOG} has the details."


if __name__ == "__main__":
    sys.exit(main())
