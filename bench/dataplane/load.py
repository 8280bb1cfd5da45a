"""Load: wrk, with the calls of many applications in turn, as fast as they are answered or about so many a second."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32
_SCRIPT = """
local lines = {{}}
local mean_ms = {mean_ms}
local at = 0
init = function(args)
  math.randomseed(os.time())
  for line in io.lines("{tokens_file}") do
    lines[#lines + 1] = wrk.format("GET", "{path}", {{ ["Authorization"] = "Bearer " .. line }})
  end
end
request = function()
  at = at % #lines + 1
  return lines[at]
end
{delay}
done = function(summary, latency)
  io.write(string.format('{{"calls":%d,"us":%d,"refused":%d,"broken":%d,"p50":%f,"p99":%f}}\\n', summary.requests,
    summary.duration, summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
# Times between calls as they are where callers know nothing of each other; wrk waits whole milliseconds.
_DELAY = "delay = function() return math.floor(-mean_ms * math.log(1 - math.random()) + math.random()) end"


class LoadMissing(Exception):  # noqa: N818 - named as the fact that it reports
    """There is no wrk on this machine: `apt-get install wrk` installs it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load has seen: calls a second, and how long an answer took."""

    calls: int
    per_second: float
    p50_ms: float
    p99_ms: float


class Load:
    """Calls a port; ``folder`` is for its script and the tokens."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("wrk")
        if found is None:
            raise LoadMissing(LoadMissing.__doc__)
        self._wrk = found
        self._folder = folder

    def take(self, tokens: Sequence[str], kind: str = "ours") -> None:
        """Call with these tokens from now on, where this kind is asked for."""
        self._tokens_file(kind).write_text("\n".join(tokens) + "\n")

    def _tokens_file(self, kind: str) -> Path:
        return self._folder / f"{kind}.tokens"

    async def call(self, port: int, path: str, seconds: float, *, pace: float | None = None, tokens: str = "ours") -> Seen:
        """Call for so long; ``pace`` is about how many calls a second, None as many as are answered."""
        mean_ms = 0.0 if pace is None else CONNECTIONS / pace * 1000
        delay = _DELAY if pace else ""
        filled = _SCRIPT.format(mean_ms=mean_ms, tokens_file=self._tokens_file(tokens), path=path, delay=delay)
        script = self._folder / "calls.lua"
        script.write_text(filled)
        command = [self._wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(round(seconds), 1)}s", "--timeout", "10s", "-s", str(script)]
        program = await asyncio.create_subprocess_exec(
            *command, f"http://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(seconds + 60):
            output, _ = await program.communicate()
        told = output.decode().strip().splitlines()[-1]
        if program.returncode != 0 or not told.startswith("{"):
            raise RuntimeError(f"wrk: {output.decode()}")
        seen = json.loads(told)
        if seen["refused"] or seen["broken"] or not seen["calls"]:
            raise RuntimeError(
                f"Nothing is measured so: of {seen['calls']} calls {seen['refused']} were refused, {seen['broken']} broken."
            )
        return Seen(seen["calls"], seen["calls"] / seen["us"] * 1e6, seen["p50"] / 1000, seen["p99"] / 1000)
