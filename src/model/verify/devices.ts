import type { Instance } from '../instance.ts';
import type { Finding } from './finding.ts';
import type { ListedDevice } from './listing.ts';
import { type HostScene, instancesHere, isForeign, whereabouts, whyForeign } from './scene.ts';

/** Whole devices and volumes that no record accounts for, those that a record accounts for and that are not there, and those that are others by now. */
export function deviceFindings(scene: HostScene): readonly Finding[] {
  return [
    ...scene.listing.devices.flatMap((device) => ofDevice(scene, device)),
    ...instancesHere(scene).flatMap((one) => missing(scene, one)),
  ];
}

function ofDevice(scene: HostScene, { path, instanceId, disk, difference }: ListedDevice): readonly Finding[] {
  const { host, instances } = scene;
  const what = `${path}, ${disk} of instance ${instanceId}`;
  if (isForeign(scene, instanceId)) return [{ kind: 'UnknownDevice', host, what, likelyCause: whyForeign(scene, instanceId) }];
  if (whereabouts(scene, instanceId) !== 'here') return [];
  const isRecorded = instances.get(instanceId)?.instance.disks.some(({ name, device }) => name === disk && device === path);
  if (isRecorded !== true)
    return [{ kind: 'UnknownDevice', host, what, likelyCause: 'the record has another disk: a step that was killed left this' }];
  if (difference === null) return [];
  return [
    {
      kind: 'DeviceDiffers',
      host,
      what,
      likelyCause: `${difference}: drives were exchanged or renamed; put it back before the guest starts`,
    },
  ];
}

function missing({ host, listing }: HostScene, { id, name, disks }: Instance): readonly Finding[] {
  const present = new Set(listing.devices.filter(({ instanceId }) => instanceId === id).map(({ path }) => path));
  return disks
    .filter(({ device }) => device !== undefined && !present.has(device))
    .map((disk) => ({
      kind: 'DeviceMissing',
      host,
      what: `${disk.device}, ${disk.name} of instance ${id}`,
      likelyCause: `the record of ${name} has it: somebody removed the volume, or the host's list of its devices`,
    }));
}
