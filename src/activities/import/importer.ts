import { readFileSync } from 'node:fs';
import type { Config } from '../../config.ts';
import type { ImageFormat } from '../../model/image.ts';
import type { Copied } from '../copy.ts';
import { inspect } from '../inspect.ts';
import { fail } from '../record-client.ts';
import { copyResumably } from '../resumed-copy.ts';
import { downloadWithChecksum } from './from-https.ts';
import { openBelow } from './open-below.ts';
import { reachability } from './reachable.ts';

/** Copies what a source names to `path`, which may have a part of it, and tells what it is. */
export type Importer = (path: string, source: string, diskFormat: ImageFormat) => Promise<Copied>;

/** How this host imports: from files below its import directory, and from https servers that its configuration lets it reach. */
export function importer({ importDirectory, imports }: Pick<Config, 'importDirectory' | 'imports'>): Importer {
  const { caFile, maxSizeMiB, allowedNetworks, silenceSeconds } = imports;
  const maxBytes = maxSizeMiB * 1024 ** 2;
  const mayReach = reachability(allowedNetworks);

  return (path, source, diskFormat) => {
    if (source.startsWith('file:')) return fromFile(path, source.slice('file:'.length), diskFormat);
    // Read for each import: certificates are renewed while workers run.
    const extraCa = caFile === null ? null : readFileSync(caFile, 'utf8');
    return downloadWithChecksum(source, path, { extraCa, mayReach, silenceSeconds, maxBytes, pauseMs: 1000 });
  };

  async function fromFile(path: string, named: string, diskFormat: ImageFormat): Promise<Copied> {
    const file = await openBelow(importDirectory, named);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw fail('ImageUnacceptable', `the file is larger than ${maxSizeMiB} MiB (imports.maxSizeMiB)`);
      await inspect(file, diskFormat); // refused before gigabytes are copied
      return await copyResumably(file, path, 'import');
    } finally {
      await file.close();
    }
  }
}
