import type { Image } from '../model/image.ts';
import type { CachedImage } from '../schema/results.ts';
import { ageText, bytesText } from './quantities.ts';
import type { ImageRow } from './rows.ts';
import { sheet, table } from './tables.ts';
import type { Terminal, Tone } from './terminal.ts';

/** Images, a line each. */
export function imageTable(images: readonly ImageRow[], { paint }: Pick<Terminal, 'paint'>, nowMs: number = Date.now()): string {
  return table(
    ['NAME', 'ID', 'STATUS', 'FORMAT', 'SIZE', 'AGE'],
    images.map(({ name, id, status, diskFormat, sizeBytes, createdAt }) => [
      name,
      id,
      paint(toneOf(status), status),
      diskFormat,
      sizeBytes === null ? '-' : bytesText(sizeBytes),
      ageText(createdAt, nowMs),
    ]),
  );
}

/** What became of an image on each host, a line each. */
export function cachedTable({ hosts }: CachedImage, { paint }: Pick<Terminal, 'paint'>): string {
  const rows = hosts.map(({ host, state, reason }) => [host, paint(state === 'cached' ? 'good' : 'bad', state), reason ?? '-']);
  return table(['HOST', 'STATE', 'REASON'], rows);
}

/** All of an image. */
export function imageSheet(image: Image): string {
  const bytes = (count: number | null) => (count === null ? null : `${bytesText(count)} (${count} bytes)`);
  const properties = Object.entries(image.properties).map(([key, value]) => `${key}=${value}`);
  return sheet([
    ['name', image.name],
    ['id', image.id],
    ['status', image.status],
    ['format', image.diskFormat],
    ['size', bytes(image.sizeBytes)],
    ['virtual size', bytes(image.virtualSizeBytes)],
    ['checksum', image.checksum],
    ['kernel', image.kernelId],
    ['ramdisk', image.ramdiskId],
    ['needs', `${image.minRootGiB} GiB root, ${image.minMemoryMiB} MiB memory`],
    ['properties', properties.length === 0 ? null : properties.join('\n')],
    ['created', image.createdAt],
  ]);
}

function toneOf(status: string): Tone {
  if (status === 'active') return 'good';
  return status === 'killed' ? 'bad' : 'busy';
}
