#!/bin/sh
# Prints the path of a Python that has what requirements.txt names. It is made once for each content of that file
# and each Python, in the user's cache; only the making needs a network.
set -eu

requirements=$(cd "$(dirname "$0")" && pwd)/requirements.txt
cache=${NOVAFLOW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/novaflow}/python

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "python3 has no venv: apt-get install python3-venv" >&2
  exit 1
fi

key=$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c1-16)
venv=$cache/$key

mkdir -p "$cache"
exec 9>"$cache/$key.lock"
flock 9 # two test runs may make it at the same time

# The stamp comes last, so that a making that was interrupted is repeated.
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  touch "$venv/complete"
fi

echo "$venv/bin/python"
