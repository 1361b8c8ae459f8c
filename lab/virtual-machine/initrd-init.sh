#!/bin/sh
# First process of the virtual machine: lays what is written over the files of the machine that it runs on, which it only reads.
/bin/busybox mkdir -p /proc /sys /dev /below /disk /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin

while read -r module; do insmod "/modules/$module"; done </modules/order

mount -t virtiofs -o ro below /below &&
  mount -t ext4 /dev/vda /disk &&
  mount -t overlay -o lowerdir=/below,upperdir=/disk/upper,workdir=/disk/work all /root || exec poweroff -f

for dir in proc sys dev; do mount -o move "/$dir" "/root/$dir"; done
# Orphans of what is run need a parent.
exec switch_root /root /usr/bin/tini -- /bin/sh /sbin/run-the-command
