#!/bin/sh
# apt-install.sh PACKAGE…: installs packages, as root, so that none of their services is started now or at the next boot.
# A machine that already runs libvirtd or sshd keeps them exactly as they are.
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
policy=/usr/sbin/policy-rc.d

enabled_units() {
  if [ -d /run/systemd/system ]; then systemctl list-unit-files --state=enabled --no-legend | cut -d ' ' -f 1 | sort; fi
}

# invoke-rc.d asks this file before it starts a service; 101 forbids. It forbids while this process lives, even if nobody
# is left to remove it, since a file that forbids for ever would break the machine's other packages.
forbid_starts() {
  started=$(cut -d ' ' -f 22 "/proc/$$/stat")
  cat >"$policy" <<END
#!/bin/sh
# Put here by novaflow's set-up while it installs packages; may be removed.
[ "\$(cut -d ' ' -f 22 /proc/$$/stat 2>/dev/null)" != $started ] || exit 101
END
  chmod 755 "$policy"
}

before=$(mktemp)
after=$(mktemp)
ours=false
trap 'rm -f "$before" "$after"; ! "$ours" || rm -f "$policy"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
enabled_units >"$before"
# A file that is there already is the administrator's (containers have one that forbids everything).
if [ ! -e "$policy" ] || grep -q novaflow "$policy"; then
  ours=true
  forbid_starts
fi

dpkg --configure -a --force-confdef --force-confold
if [ $# -gt 0 ]; then
  apt-get -q -o DPkg::Lock::Timeout=300 update
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    install --no-install-recommends "$@"
fi

enabled_units >"$after"
comm -13 "$before" "$after" | while read -r unit; do systemctl disable --now "$unit"; done
