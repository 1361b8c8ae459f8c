import type { AcceptedDeleteImage } from '../activities/accept/delete-image.ts';
import type { Image } from '../model/image.ts';
import { operate } from './operate.ts';

/**
 * Takes an image out of the store, whatever an import left of it: on a host, because the store is reached from there.
 * The record says killed from the first step, so that no build begins from it, and is over when the file is gone.
 */
export function deleteImage(request: unknown): Promise<Image> {
  return operate<AcceptedDeleteImage, Partial<Image>, Image>({
    type: 'deleteImage',
    request,
    accept: (control) => control.acceptDeleteImage,
    record: ({ image, projectId }) => ({ kind: 'image', id: image.id, projectId }),
    onFailed: () => ({ status: 'killed' }),
    onCancelled: ({ restingStatus }) => ({ status: restingStatus }),
    undoneLeavesNothing: false,

    story: async ({ onHost, enter, commit }, { image, host }) => {
      commit(); // from here on the file goes: there is no way back
      await enter({ status: 'killed' });
      await onHost(host).removeStoredImage({ imageId: image.id });

      return { status: 'killed' };
    },
  });
}
