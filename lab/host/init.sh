#!/bin/sh
# Turns fresh namespaces (mount, uts, ipc, pid, network) into a compute host, then stays as its process 1.
# usage: init.sh HOST_DIR HOST_NAME INSTANCES_DIR LAB_DIR
set -eu
host_dir=$1 host=$2 instances=$3 lab_dir=$4

mount --make-rprivate /
mount -t proc proc /proc
hostname "$host"

# This namespace began as a copy of the machine's: a copy of another host's disk, or of a test's, would keep that disk in use
# after its lab has gone. One that goes at this moment cannot be unmounted any more.
awk -v own="$instances" '$2 ~ "^(/var/lib/novaflow-lab/|/tmp/novaflow-)" && $2 != own { print $2 }' /proc/self/mounts |
  while read -r foreign; do umount -l "$foreign" || true; done

# A /run of its own hides the machine's system bus, systemd and libvirt, and gives libvirtd's pid file and sockets their own place.
mount --bind "$host_dir/run" /run
mkdir -p /run/lock # where libvirt notes who has a console
mount --bind "$host_dir/etc-libvirt" /etc/libvirt
mount --bind "$host_dir/pki/etc/pki" /etc/pki
mount --bind "$host_dir/log" /var/log/libvirt
mount --bind "$host_dir/cache" /var/cache/libvirt
mount --bind "$lab_dir/hosts" /etc/hosts
[ ! -e /etc/machine-id ] || mount --bind "$host_dir/machine-id" /etc/machine-id

# Where no udev gives /dev/kvm to QEMU's group, the host does.
if [ -c /dev/kvm ]; then
  mknod -m 660 /run/kvm c 10 232
  chgrp kvm /run/kvm
  mount --bind /run/kvm /dev/kvm
fi

# /var/lib is rebuilt from the machine's entries, because /var/lib/nova need not exist there and shall not be made there.
mkdir /run/var-lib
mount -t tmpfs -o mode=755 var-lib /run/var-lib
for entry in /var/lib/*; do
  name=${entry##*/}
  case $name in libvirt | nova) continue ;; esac
  if [ -L "$entry" ]; then
    cp -P "$entry" /run/var-lib/
  elif [ -d "$entry" ]; then
    mkdir "/run/var-lib/$name"
    mount --rbind "$entry" "/run/var-lib/$name"
  else
    : >"/run/var-lib/$name"
    mount --bind "$entry" "/run/var-lib/$name"
  fi
done
mkdir -p /run/var-lib/libvirt /run/var-lib/nova/instances
mount --bind "$host_dir/lib" /run/var-lib/libvirt
mount --bind "$instances" /run/var-lib/nova/instances
mount --move /run/var-lib /var/lib
rmdir /run/var-lib

: >/run/booted
# tini reaps orphans at once: a QEMU whose parent has gone would else seem to take a second longer to end.
exec tini -- sleep infinity
