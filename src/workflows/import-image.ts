import type { AcceptedImport } from '../activities/accept/import.ts';
import type { Image } from '../model/image.ts';
import { operate } from './operate.ts';

/**
 * Takes an image into the store: on a host, because the inspector and qemu-img live there, and on its long queue, because
 * it may take hours. Failed, cancelled or terminated it leaves a killed record and no file.
 */
export function importImage(request: unknown): Promise<Image> {
  return operate<AcceptedImport, Partial<Image>, Image>({
    type: 'importImage',
    request,
    accept: (control) => control.acceptImport,
    record: ({ image, projectId }) => ({ kind: 'image', id: image.id, projectId }),
    onFailed: () => ({ status: 'killed' }),
    onCancelled: () => ({ status: 'killed' }),
    undoneLeavesNothing: true,

    story: async ({ longOnHost, whenHostReturns, undo, enter }, { image, host, source, diskFormat, checksum }) => {
      const { id: imageId } = image;

      await enter({ status: 'saving' });
      undo('remove what was stored', () => whenHostReturns(host).removeStoredImage({ imageId }));
      const stored = await longOnHost(host).storeImage({ imageId, source, diskFormat, checksum });

      return { status: 'active', ...stored };
    },
  });
}
