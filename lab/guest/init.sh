#!/bin/sh
# Runs as the one program of a lab's guest: takes its address from the config drive, says GUEST UP, ticks, and powers off when asked to.
export PATH=/bin

say() { echo "$*" >/dev/console; }

# One line for each boot, on disk: it tells which disk a guest came back with.
boots=$(($(wc -l </journal) + 1))
echo "boot $boots $(cat /proc/sys/kernel/random/boot_id)" >>/journal
sync

# Any event of the power button is a press; its device is there before this program.
for device in /sys/class/input/event*; do
  if grep -q 'Power Button' "$device/device/name" 2>/dev/null; then
    (
      dd if="/dev/input/${device##*/}" of=/dev/null bs=24 count=1 2>/dev/null
      /sbin/shutdown
    ) &
  fi
done

# A guest with a channel for an agent runs one.
for device in /sys/bus/virtio/devices/*/device; do
  read -r kind <"$device"
  [ "$kind" != 0x0003 ] || /sbin/agent &
done

ip link set lo up
for label in cidata config-2; do drive=$(findfs "LABEL=$label") && break; done
mount_drive() { mount -t iso9660 -o ro "$drive" /config || mount -t vfat -o ro "$drive" /config; }
if [ -n "$drive" ] && mount_drive 2>/dev/null; then
  hostname "$(sed -n 's/^local-hostname: *//p' /config/meta-data | tr -d "\"'")"

  # network-config version 2 in block style becomes lines "MAC ADDRESS GATEWAY"; a "-" stands for no gateway.
  awk '
    function flush() { if (mac != "" && address != "") print mac, address, (gateway == "" ? "-" : gateway); mac = address = gateway = "" }
    { gsub(/[]['"'"'",{}]/, " ") }
    /^  [^ ]+:/ { flush() }
    $1 == "macaddress:" { mac = tolower($2) }
    $1 == "match:" && $2 == "macaddress:" { mac = tolower($3) }
    $1 == "gateway4:" { gateway = $2 }
    { for (i = 1; i < NF; i++) if ($i == "via:") gateway = $(i + 1) }
    address == "" { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\/[0-9]+$/) address = $i }
    END { flush() }
  ' /config/network-config >/tmp/nics

  while read -r mac address gateway; do
    for nic in /sys/class/net/*; do
      [ "$(cat "$nic/address")" = "$mac" ] || continue
      ip address add "$address" dev "${nic##*/}"
      ip link set "${nic##*/}" up
      [ "$gateway" = - ] || ip route add default via "$gateway"
      # Bridges may still look for this address on the host that had it before.
      arping -q -A -c 1 -I "${nic##*/}" "${address%/*}" &
      ip=${ip:-${address%/*}}
    done
  done </tmp/nics
fi

# The size of the root file system, which may have grown with its disk.
say "ROOT $(df -k / | awk 'END { print $(NF - 4) }') KiB"
say "GUEST UP $(hostname) ${ip:-none}"

# What the config drive brings beside the network. Of what is secret only checksums: the log of the console lies on the host.
meta=/config/openstack/latest/meta_data.json
checksum() { sha256sum | cut -d ' ' -f 1; }
value_of() { sed -n "s/^ *\"$1\": \"\(.*\)\",*\$/\1/p" "$meta"; }
if grep -Eqs '"(keys|admin_pass|files)"' "$meta" || [ -e /config/openstack/latest/user_data ]; then
  say "CONFIG drive $label $(awk '$2 == "/config" { print $3 }' /proc/mounts)"
  say "CONFIG hostname $(value_of hostname)"
  value_of data | while read -r key; do say "CONFIG key $key"; done
  password=$(value_of admin_pass)
  [ -z "$password" ] || say "CONFIG admin_pass $(printf %s "$password" | checksum)"
  for user_data in /config/openstack/latest/user_data /config/user-data; do
    [ ! -e "$user_data" ] || say "CONFIG ${user_data#/config/} $(checksum <"$user_data")"
  done
  value_of path | while read -r path; do
    content=$(grep -A 1 -F "\"path\": \"$path\"" "$meta" | sed -n 's/^ *"content_path": "\(.*\)",*$/\1/p')
    say "CONFIG file $(printf %s "$path" | checksum) $(checksum <"/config/openstack$content")"
  done
fi

# bytes DEVICE AT COUNT: text that lies there
bytes() { dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null | tr -d '\0 '; }

# Each of its disks, used and not only seen: device, bytes, type of what it holds, label.
for disk in /sys/block/[vs]d*; do
  device=/dev/${disk##*/} type='' label=''
  if [ "$(bytes "$device" 4086 10)" = SWAPSPACE2 ]; then
    swapon "$device" && type=swap
  else
    grep -q "^$device " /proc/mounts || mount "$device" /tmp 2>/dev/null
    type=$(awk -v device="$device" '$1 == device { print $3; exit }' /proc/mounts)
    umount /tmp 2>/dev/null
  fi
  case $type in
    ext*) label=$(bytes "$device" 1144 16) ;;
    iso9660) label=$(bytes "$device" 32808 32) ;;
  esac
  say "DISK ${disk##*/} $(($(cat "$disk/size") * 512)) ${type:--} ${label:--}"
done
say 'DISKS SHOWN'

# A guest that lies, for tests: with spoof=ADDRESS on the kernel's command line it speaks, again and again, under that address, in ARP for
# it, in IPv6, and under another MAC address; and once a round as it should.
stolen=$(sed -n 's/.*spoof=\([0-9.]*\).*/\1/p' /proc/cmdline)
lie() {
  read -r mac address gateway </tmp/nics
  nic=$(grep -l "$mac" /sys/class/net/*/address | cut -d / -f 5)
  ping -c 1 -W 1 "$gateway"
  ip address add "$stolen/32" dev "$nic"
  ping -c 1 -W 1 -I "$stolen" "$gateway"
  arping -A -c 1 -I "$nic" "$stolen"
  ip address del "$stolen/32" dev "$nic"
  ping -6 -c 1 -W 1 -I "$nic" ff02::1
  for as in 02:00:00:00:00:66 "$mac"; do
    ip link set "$nic" down
    ip link set "$nic" address "$as"
    ip link set "$nic" up
    ping -c 1 -W 1 "$gateway"
    ip route add default via "$gateway"
  done
}
if [ -n "$stolen" ]; then
  lies=0
  while :; do
    lie >/dev/null 2>&1
    lies=$((lies + 1))
    say "LIED $lies"
  done &
fi

# For tests, by the kernel's command line. With `writes` a line is appended to /ticks each second, and said once it is on disk.
case " $(cat /proc/cmdline) " in
  *' writes '*)
    while sleep 1; do
      written=$((written + 1))
      echo "write $written" >>/ticks && sync && say "WROTE $written"
    done &
    ;;
esac

# With `dirties=MIB` so much of its memory is written again and again: a migration that is slower than that never comes to an end.
dirties=$(sed -n 's/.*dirties=\([0-9]*\).*/\1/p' /proc/cmdline)
if [ -n "$dirties" ]; then
  mount -t tmpfs -o size=100% dirt /tmp
  while :; do yes | dd of=/tmp/dirt bs=1M count="$dirties" iflag=fullblock conv=notrunc 2>/dev/null; done &
fi

# With `ticker=MS` the console shows a dot that often: by when dots arrive it is seen from outside how long the guest stood still.
every=$(sed -n 's/.*ticker=\([0-9]*\).*/\1/p' /proc/cmdline)
[ -z "$every" ] || while usleep "${every}000"; do printf . >/dev/console; done &

tick=0
while :; do
  sleep 1
  tick=$((tick + 1))
  say "TICK $tick"
done
