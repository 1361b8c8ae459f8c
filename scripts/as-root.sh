#!/bin/sh
# as-root.sh COMMAND…: runs the command as root, by sudo unless that is who runs this, with the caller's PATH and cache.
# as-root.sh --ask: asks for the password now, so that a later command does not stop to ask.
set -eu

if [ "$(id -u)" -eq 0 ]; then
  [ "$1" != --ask ] || exit 0
  exec "$@"
fi

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

command -v sudo >/dev/null || fail 'this needs root and there is no sudo: run it as root, or install sudo'
if ! sudo -n true 2>/dev/null; then
  [ -t 0 ] || fail 'this needs root, and sudo wants a password where there is no terminal to ask for it: run it as root'
  sudo -v || fail 'this needs root, and sudo refuses: run it as root, or as a user who may use sudo'
fi
[ "$1" != --ask ] || exit 0

# What set-up put into the caller's cache is found there, not in root's.
export NOVAFLOW_CACHE="${NOVAFLOW_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/novaflow}"
kept=$(env | sed -nE 's/^(CI|TERM|COLORTERM|NO_COLOR|FORCE_COLOR|LANG|LC_[A-Z]+|NOVAFLOW_[A-Z_]+|TEMPORAL_[A-Z_]+|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)=.*/\1/p' | paste -sd ,)
# Kept by name and not as arguments, where everybody could read a key; sudo replaces PATH even when it is told to keep it.
exec sudo --preserve-env="$kept" -- env PATH="$PATH" "$@"
