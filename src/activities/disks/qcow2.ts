import { join } from 'node:path';
import { createOverlay } from '../qemu-img.ts';
import type { RootBackend } from './backend.ts';
import { madeAside } from './made-aside.ts';

/** Overlays on the cached image, whose format they name: nothing ever has to guess it. */
export const qcow2Root: RootBackend = {
  place: async (_site, { name, sizeBytes }, { imageId, checksum, format }) => ({
    name,
    kind: 'qcow2',
    format: 'qcow2',
    sizeBytes,
    backing: { imageId, checksum, format },
  }),
  make: async ({ directory }, { name, sizeBytes }, base) => {
    await madeAside(join(directory, name), async (partial) => {
      await createOverlay({ base: base.path, baseFormat: base.format, path: partial, sizeBytes });
    });
    return true;
  },
};
