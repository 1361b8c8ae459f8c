import { join } from 'node:path';
import { createOverlay } from '../qemu-img.ts';
import type { RootBackend } from './backend.ts';
import { copyOverlay, grownOverlay } from './grown-overlay.ts';
import { madeAsideIf } from './made-aside.ts';

/** Overlays on the cached image, whose format they name: nothing ever has to guess it. */
export const qcow2Root: RootBackend = {
  place: async (_site, { name, sizeBytes }, { imageId, checksum, format }) => ({
    name,
    kind: 'qcow2',
    format: 'qcow2',
    sizeBytes,
    backing: { imageId, checksum, format },
  }),
  make: (site, { name, sizeBytes }, base, patience) =>
    madeAsideIf(join(site.directory, name), async (partial) => {
      const grown = site.growFileSystem === 'auto' ? await grownOverlay(base, sizeBytes, patience) : null;
      if (grown === 'later') return false;
      if (grown === null) await createOverlay({ base: base.path, baseFormat: base.format, path: partial, sizeBytes });
      else await copyOverlay(grown, partial);
      if (grown !== null && grown.warning !== null) site.warn(grown.warning);
      return true;
    }),
};
