#!/bin/sh
# Runs QEMU's guest agent, once the channel is there that it listens on.
export PATH=/bin
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

# What the agent writes while file systems are frozen lies in memory.
mount -t tmpfs run /run
until port=$(grep -lsx org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name); do usleep 10000; done
port=${port%/name}
exec qemu-ga --method=virtio-serial --path="/dev/${port##*/}" --statedir=/run --pidfile=/run/qemu-ga.pid --fsfreeze-hook=/etc/fsfreeze-hook
