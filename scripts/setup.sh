#!/bin/sh
# Makes this machine ready to run novaflow: system packages, node_modules with a pinned Node, the Temporal command.
# It may be interrupted anywhere and run again; when nothing changed since, it does nothing and needs no network.
# --with-browser adds Chromium, which only tests of the Temporal UI need.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup/say.sh
. scripts/setup/packages.sh
. scripts/setup/modules.sh
. scripts/setup/temporal.sh

cache=${NOVAFLOW_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/novaflow}
stamp=node_modules/.novaflow-setup
with_browser=false
[ "${1:-}" != --with-browser ] || with_browser=true

# What set-up goes by: a change in any of these makes it look again.
state() {
  cat package-lock.json scripts/setup.sh scripts/setup/* scripts/temporal/go.mod scripts/temporal/go.sum | sha256sum
}

is_ready() {
  [ "$(cat "$stamp" 2>/dev/null)" = "$(state)" ] && [ -z "$(missing_packages)" ] && has_temporal
}

require_known_machine
if is_ready; then exit 0; fi

# Held on the checkout itself, so that no file stays. Children inherit it: a killed set-up whose npm lives on is waited for.
exec 9<.
flock -n 9 || { say 'another set-up of this checkout is running: waiting for it' && flock 9; }
if is_ready; then exit 0; fi

install_packages
install_modules
install_temporal
state >"$stamp"
say 'ready'
