import { join } from 'node:path';
import type { Finding } from './finding.ts';
import type { HostScene } from './scene.ts';

/** Files of the image store that no image accounts for, and active images that this host does not find there. */
export function storeFindings({ host, listing, imageStatus }: HostScene): readonly Finding[] {
  const { directory, files } = listing.store;
  const present = new Set(files);
  const unknown = files.flatMap((name): readonly Finding[] => {
    const likelyCause = whyUnknown(name, imageStatus);
    // All hosts reach the one store: each of them finds the same.
    return likelyCause === null ? [] : [{ kind: 'UnknownFile', host: null, what: join(directory, name), likelyCause }];
  });
  const missing = [...imageStatus]
    .filter(([id, status]) => status === 'active' && !present.has(id))
    .map(
      ([id]): Finding => ({
        kind: 'FileMissing',
        host,
        what: join(directory, id),
        likelyCause: 'the image is active: its file was removed, or this host does not reach the image store',
      }),
    );
  return [...unknown, ...missing];
}

function whyUnknown(name: string, imageStatus: HostScene['imageStatus']): string | null {
  const [id = '', suffix = ''] = name.split('.');
  // By the first two a late attempt is recognised, when the image is gone, too; the last is of a store with a file system of its own.
  if (suffix === 'lock' || suffix === 'generation' || name === 'lost+found') return null;
  const status = imageStatus.get(id);
  if (status === undefined) return 'no image has this file: the image was deleted, or the file was put there by hand';
  if (status === 'queued' || status === 'saving') return null;
  if (status === 'killed') return 'an import or a snapshot that was terminated: delete the image, and make it again';
  if (suffix === '') return null;
  return 'an import that was killed and done again by another host: remove the file';
}
