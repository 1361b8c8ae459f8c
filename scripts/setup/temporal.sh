# The `temporal` command: the one on PATH, else the official release, else built from the module that scripts/temporal pins.

temporal_version=1.5.1
temporal_server=1.29

has_temporal() {
  [ -x "$cache/temporal/$temporal_version/temporal" ] || has_temporal_on_path
}

# Its own version says little (a build from source calls itself 0.0.0-DEV); the server in it counts.
has_temporal_on_path() {
  command -v temporal >/dev/null || return 1
  server=$(temporal --version 2>/dev/null | sed -n 's/.*(Server \([0-9]*\.[0-9]*\).*/\1/p')
  [ -n "$server" ] && at_least "$temporal_server" "$server"
}

install_temporal() {
  temporal_directory=$cache/temporal/$temporal_version
  mkdir -p "$temporal_directory" || fail "cannot make $temporal_directory: set NOVAFLOW_CACHE to a directory that can be written"
  # Other checkouts share the cache.
  exec 8<"$temporal_directory"
  flock 8
  if has_temporal; then return 0; fi
  require_space "$temporal_directory" 600 "Temporal $temporal_version"
  if long "downloading Temporal $temporal_version" node_modules/.bin/node scripts/setup/download-temporal.ts "$temporal_version" "$temporal_directory"; then
    return 0
  fi
  say 'no download: building it from source instead'
  build_temporal
}

build_temporal() {
  build=$cache/temporal/build
  require_space "$temporal_directory" 4000 'building Temporal'
  # Kept when interrupted, so that the next run goes on from it; removed when done.
  mkdir -p "$build"
  export GOPATH="$build/path" GOMODCACHE="$build/modules" GOCACHE="$build/objects" GOFLAGS='-modcacherw -mod=readonly' GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0
  find_go
  rm -f "$temporal_directory/temporal.partial"
  long "building Temporal $temporal_version (3 minutes on two cores)" "$go" -C scripts/temporal build \
    -ldflags "-s -w -X github.com/temporalio/cli/temporalcli.Version=$temporal_version" \
    -o "$temporal_directory/temporal.partial" github.com/temporalio/cli/cmd/temporal ||
    fail "Temporal could not be built: install the temporal command $temporal_version or newer yourself, put it on PATH and run this again"
  mv "$temporal_directory/temporal.partial" "$temporal_directory/temporal"
  rm -rf "$build"
}

# Sets `go` to a Go that go.mod accepts: the one on PATH, or one fetched as a module by whatever Go there is.
find_go() {
  wanted=$(sed -n 's/^go //p' scripts/temporal/go.mod)
  if ! command -v go >/dev/null; then
    require_space /usr 600 'the Go compiler'
    sh scripts/as-root.sh --ask
    long 'installing the Go compiler' sh scripts/as-root.sh sh scripts/setup/apt-install.sh golang-go ||
      fail "there is no Go and it could not be installed: install Go $wanted or newer, or the temporal command $temporal_version, and run this again"
  fi
  go=go
  present=$(go env GOVERSION | sed 's/^go//')
  at_least "$wanted" "$present" || fetch_toolchain
}

# Go publishes its compilers as versions of the module golang.org/toolchain, whose checksum is verified like any module's.
# Go since 1.21 would do this by itself; Debian 12 has 1.19.
fetch_toolchain() {
  toolchain=golang.org/toolchain@v0.0.1-go$wanted.linux-$(dpkg --print-architecture)
  long "fetching Go $wanted (this machine has $present)" env GOFLAGS=-modcacherw go mod download "$toolchain" ||
    fail "Go $present is too old and Go $wanted could not be fetched: install Go $wanted or newer and run this again"
  # Modules carry no permissions.
  chmod -R u+x "$GOMODCACHE/$toolchain/bin" "$GOMODCACHE/$toolchain/pkg/tool"
  go=$GOMODCACHE/$toolchain/bin/go
}
