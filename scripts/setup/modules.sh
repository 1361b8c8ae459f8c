# node_modules, with the pinned Node 24 among them: the system's Node only runs npm.

install_modules() {
  if node scripts/setup/modules-match.js; then return 0; fi
  require_space . 700 'node_modules'
  long 'installing node_modules (npm ci)' npm ci ||
    fail 'npm ci failed: when it says above that the network is away, run this again with one'
  node_modules/.bin/node --version >/dev/null 2>&1 ||
    fail 'npm ci left out the pinned Node, an optional dependency: unset omit=optional in your npm configuration and run this again'
}
