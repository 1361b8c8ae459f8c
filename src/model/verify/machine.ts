import { relative } from 'node:path';
import { baseDirectory, removalLock } from '../base-name.ts';
import type { Finding } from './finding.ts';
import { fetchedNow } from './instance-files.ts';
import { type HostScene, whereabouts } from './scene.ts';

/** Loop devices on files below the instances: nothing of a guest is ever attached to its host. */
export function loopFindings({ host, listing }: HostScene): readonly Finding[] {
  return listing.loopDevices.map(({ device, file }) => ({
    kind: 'UnknownLoopDevice',
    host,
    what: `${device} on ${file}`,
    likelyCause: `somebody looked into a guest's disk: detach it with losetup --detach ${device}`,
  }));
}

/** QEMUs that libvirt knows nothing of, and commands that work on files of instances or images that no operation works on. */
export function processFindings(scene: HostScene): readonly Finding[] {
  return [...strayGuests(scene), ...strayTools(scene), ...strayTransfers(scene)];
}

function strayGuests(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  const on = new Set(listing.domains.filter(({ powerState }) => powerState !== 'shutdown').map(({ instanceId }) => instanceId));
  return listing.guests
    .filter(({ instanceId }) => !on.has(instanceId) && whereabouts(scene, instanceId) !== 'busy')
    .map(({ pid, instanceId }) => ({
      kind: 'UnknownProcess',
      host,
      what: `QEMU of instance ${instanceId}, pid ${pid}`,
      likelyCause: 'libvirt lost it while its daemon was away: it may still write to its disks, so end it before anything else',
    }));
}

function strayTools(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  return listing.tools
    .filter(({ files }) => !files.some((file) => isWorkedOn(scene, file)))
    .map(({ pid, name, files }) => ({
      kind: 'UnknownProcess',
      host,
      what: `${name}, pid ${pid}, on ${files.join(', ')}`,
      likelyCause: 'the worker or the operation that started it was killed: end it, or wait for its end',
    }));
}

function strayTransfers(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  return (listing.transfers ?? [])
    .filter(({ instanceId }) => whereabouts(scene, instanceId) !== 'busy')
    .map(({ instanceId, files }) => ({
      kind: 'UnknownProcess',
      host,
      what: `a transfer of instance ${instanceId}: ${files.join(', ')}`,
      likelyCause: 'the operation that it is of was terminated: what receives ends within a minute, all of it with the instance',
    }));
}

/** Whether an operation in progress may have the file open. */
function isWorkedOn(scene: HostScene, file: string): boolean {
  const { instances, store } = scene.listing;
  const [first = '', second = ''] = relative(instances.directory, file).split('/');
  const [base = ''] = second.split('.');
  if (first === baseDirectory) return base === removalLock || fetchedNow(scene).has(base);
  if (first !== '..') return whereabouts(scene, first) === 'busy';
  const [image = ''] = relative(store.directory, file).split('.');
  const status = scene.imageStatus.get(image);
  return status === 'queued' || status === 'saving';
}
