#!/bin/sh
# Says on the console what becomes of the file systems: FREEZE before they are frozen, THAW after.
case "$1" in
  freeze) echo FREEZE ;;
  thaw) echo THAW ;;
esac >/dev/console
