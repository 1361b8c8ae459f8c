# How set-up speaks: lines for people, a running clock for what takes long, a sentence with the way out when it cannot go on.

say() { printf 'setup: %s\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# long DESCRIPTION COMMAND…: runs the command with the time that passes shown, and the end of its output when it fails.
# The command stays in the foreground (Ctrl-C is its own to handle) and the clock goes to the background.
long() {
  description=$1
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/novaflow-setup.XXXXXX")
  [ -t 1 ] || say "$description …"
  show_clock "$description" $$ 9>&- &
  clock=$!
  status=0
  "$@" </dev/null >"$log" 2>&1 || status=$?
  kill "$clock" 2>/dev/null || :
  wait "$clock" 2>/dev/null || :
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -eq 0 ]; then
    say "$description: done"
  else
    printf 'setup: %s: failed (%s)\n' "$description" "$status" >&2
    tail -n 15 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

# A clock on a terminal, a line each half minute elsewhere; ends with the process that it is shown for.
show_clock() {
  seconds=0
  while kill -0 "$2" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\rsetup: %s … %s s' "$1" "$seconds"
    elif [ "$seconds" -gt 0 ] && [ $((seconds % 30)) -eq 0 ]; then
      say "$1 … $seconds s"
    fi
    sleep 1
    seconds=$((seconds + 1))
  done
}

# require_space DIRECTORY MIB PURPOSE: the directory need not exist yet. A subshell, since sh has no variables of a function.
require_space() (
  directory=$1
  while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
  free=$(df -Pm "$directory" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$2" ] || fail "$3 needs $2 MiB below $directory, which has $free MiB free: make room there and run this again"
)

# at_least WANTED FOUND: whether the version FOUND is WANTED or newer.
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}
