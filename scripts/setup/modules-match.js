// Exits with 0 when node_modules is what package-lock.json says. Run by the system's Node, which may be 18.
// npm writes node_modules/.package-lock.json last, so an interrupted installation has none.
import { readFileSync } from 'node:fs';

const optionsOf = (entry) => entry.optional === true || entry.devOptional === true;

function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const present = packagesOf('node_modules/.package-lock.json');
  const extra = Object.keys(present).filter((path) => !(path in wanted));
  const different = Object.entries(wanted).filter(([path, entry]) => {
    const found = present[path];
    // Packages for other processors are optional and left out.
    return found === undefined ? path !== '' && !optionsOf(entry) : found.version !== entry.version || found.integrity !== entry.integrity;
  });
  return extra.length === 0 && different.length === 0;
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

try {
  process.exitCode = isInstalled() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
