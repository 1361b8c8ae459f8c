import type { AcceptedBackup } from '../activities/accept/snapshot.ts';
import type { Image } from '../model/image.ts';
import { makeImage } from './snapshot.ts';

/**
 * Makes an image of an instance and keeps the newest of its type (Nova's `backup_instance`): the oldest beyond the rotation are deleted,
 * the new one among them when none is to be kept. One that instances stand on stays. What is made and started again is as for a snapshot.
 */
export function backupInstance(request: unknown): Promise<Image> {
  return makeImage<AcceptedBackup>({
    type: 'backupInstance',
    request,
    accept: (control) => control.acceptBackup,

    afterwards: ({ patientControl }, { instance, backupType, rotation }, { id: imageId }) =>
      patientControl.rotateBackups({ instanceId: instance.id, imageId, backupType, rotation }),
  });
}
