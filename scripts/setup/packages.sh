# The system packages: libvirt and QEMU, what the lab and its guests are made with, and nothing left running.

require_known_machine() {
  system=$(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID:-}" "${VERSION_ID:-}") || system=unknown
  release=${system#* }
  case "$system" in
    debian*) oldest=12 ;;
    ubuntu*) oldest=22 ;;
    *) oldest= ;;
  esac
  # Debian's testing and unstable have no number.
  [ -n "$oldest" ] && [ "${release%%.*}" -ge "${oldest}" ] 2>/dev/null || [ "$system" = 'debian ' ] ||
    fail "set-up knows Debian 12, Ubuntu 22.04 and newer, and this is $system: run novaflow in a virtual machine with one of them"
  case "$(dpkg --print-architecture)" in
    amd64 | arm64) ;;
    *) fail "set-up knows amd64 and arm64, and this machine is $(dpkg --print-architecture)" ;;
  esac
  command -v npm >/dev/null || fail 'there is no npm: install it with Node 18 or newer ("apt-get install npm") and run this again'
}

wanted_packages() {
  case "$(dpkg --print-architecture)" in
    amd64) echo qemu-system-x86 ovmf ;;
    arm64) echo qemu-system-arm qemu-efi-aarch64 ;;
  esac
  echo libvirt-daemon-system libvirt-clients libvirt-daemon-driver-qemu qemu-utils \
    iproute2 iputils-ping nftables ebtables openssh-server rsync tini \
    busybox-static cpio xz-utils zstd e2fsprogs genisoimage dosfstools xfsprogs mtools python3 python3-venv ca-certificates openssl nats-server
  if "$with_browser"; then echo chromium; fi
}

missing_packages() {
  wanted=$(wanted_packages)
  # Words of a list: split on purpose.
  # shellcheck disable=SC2086
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $wanted 2>/dev/null || :)"
  for package in $wanted; do
    case "$installed" in *" installed:$package "*) ;; *) printf '%s ' "$package" ;; esac
  done
}

install_packages() {
  missing=$(missing_packages)
  half_done=$(dpkg --audit)
  [ -n "$missing$half_done" ] || return 0
  say "system packages to install: ${missing:-none, but dpkg was interrupted and is to finish}"
  [ "$(dpkg --print-architecture)" = amd64 ] || say 'novaflow is tested on amd64: on this machine it may work'
  require_space /usr 1500 'installing them'
  sh scripts/as-root.sh --ask
  # shellcheck disable=SC2086
  long 'installing system packages (about half a minute)' sh scripts/as-root.sh sh scripts/setup/apt-install.sh $missing ||
    fail 'the packages could not be installed: when apt says why above, mend that and run this again'
}
