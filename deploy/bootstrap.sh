#!/bin/sh
# Makes the locked environment in .venv, and does nothing, quickly, where it stands already.
set -u
root=$(cd "$(dirname "$0")/.." && pwd -P) || exit 2
cd "$root" || exit 2

say() { printf '%s\n' "$1" >&2; }

stamp="$(sha256sum uv.lock | cut -c1-64) $root"
if [ -x .venv/bin/python ] && [ "$(cat .venv/.portico-stamp 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

found=
for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
  command -v "$name" >/dev/null 2>&1 || continue
  if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    found=$(command -v "$name")
    break
  fi
  older="${older:-} $name is $("$name" -c 'import platform; print(platform.python_version())' 2>/dev/null),"
done
if [ -z "$found" ]; then
  say "Portico needs Python 3.11 or newer (${older:-none is installed,} and nothing newer was found): install it with your package manager (Debian: apt-get install python3), or name one: make PYTHON=/path/to/python3."
  exit 2
fi

"$found" -I deploy/bootstrap.py || exit $?
printf '%s\n' "$stamp" > .venv/.portico-stamp
