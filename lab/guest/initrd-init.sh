#!/bin/sh
# First process of a lab's guest: loads the modules that reach the root disk and hands over to it.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin

while read -r module; do insmod "/modules/$module"; done </modules/order

for word in $(cat /proc/cmdline); do
  case $word in root=*) root=${word#root=} ;; esac
done
root=${root:-/dev/vda}
until [ -b "$root" ]; do usleep 10000; done
mount -t ext4 "$root" /root || exec sh

for dir in proc sys dev; do mount -o move "/$dir" "/root/$dir"; done
exec switch_root /root /sbin/init
