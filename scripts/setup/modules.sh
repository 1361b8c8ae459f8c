# node_modules, with the pinned Node 24 among them: the system's Node and npm need only be able to install packages.

npm_version=11.6.2
# An older one leaves out native parts of the tools that ask for this Node, without a word.
oldest_node=22.12

install_modules() {
  npm_directory=$cache/npm
  match_lock
  rm -rf "$npm_directory"
}

match_lock() {
  if node scripts/setup/modules-match.js; then return 0; fi
  require_space . 800 'node_modules'
  if at_least "$oldest_node" "$(node --version | tr -d v)"; then
    install_modules_by npm
  else
    fetch_npm
    install_modules_by "$npm_directory/node" "$npm_directory/npm-cli.js"
  fi
  node scripts/setup/modules-match.js && [ -x node_modules/.bin/node ] ||
    fail 'npm left out packages of package-lock.json: unset "omit" in your npm configuration and run this again'
}

# Not `npm ci`: it refuses a lock made where a registry lacks the parts for other systems. The lock is obeyed all the same.
install_modules_by() {
  long 'installing node_modules' "$@" install --no-save --no-audit --no-fund ||
    fail 'npm failed: when it says above that the network is away, run this again with one'
}

# An npm and a Node for this one installation.
fetch_npm() {
  case "$(dpkg --print-architecture)" in amd64) cpu=x64 ;; *) cpu=arm64 ;; esac
  node_version=$(sed -n "s/.*\"node-linux-$cpu\": \"\(.*\)\".*/\1/p" package.json)
  require_space "$cache" 300 "Node $node_version"
  rm -rf "$npm_directory"
  mkdir -p "$npm_directory"
  long "fetching Node $node_version and npm $npm_version" \
    npm install --prefix "$npm_directory" --no-save --no-audit --no-fund "node-linux-$cpu@$node_version" "npm@$npm_version" ||
    fail 'npm failed: when it says above that the network is away, run this again with one'
  ln -s "node_modules/node-linux-$cpu/bin/node" "$npm_directory/node"
  ln -s node_modules/npm/bin/npm-cli.js "$npm_directory/npm-cli.js"
}
