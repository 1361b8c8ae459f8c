// Exits with 0 when node_modules is what package-lock.json says. Run by the system's Node, which may be 18.
// npm writes node_modules/.package-lock.json last, so an interrupted installation has none.
import { readFileSync } from 'node:fs';

function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const present = packagesOf('node_modules/.package-lock.json');
  const extra = Object.keys(present).filter((path) => !(path in wanted));
  const different = Object.entries(wanted).filter(([path, entry]) => {
    const found = present[path];
    if (found === undefined) return path !== '' && isNeeded(entry);
    return found.version !== entry.version || found.integrity !== entry.integrity;
  });
  return extra.length === 0 && different.length === 0;
}

// An optional package is for one system each; one that names none belongs to such a package and comes or stays away with it.
function isNeeded({ optional, devOptional, os, cpu, libc }) {
  if (!optional && !devOptional) return true;
  const names = (list, name) => [list ?? []].flat().includes(name);
  return names(os, process.platform) && names(cpu, process.arch) && (libc === undefined || names(libc, 'glibc'));
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

try {
  process.exitCode = isInstalled() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
