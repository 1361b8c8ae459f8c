import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { runInHost } from '../../lab/lab.ts';
import type { Image } from '../../src/model/image.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OperationName } from '../../src/schema/request.ts';
import type { Asking } from '../lab/asking.ts';
import type { OwnCloud } from '../lab/cloud-fixture.ts';
import { type FaultPoint, whenIdle } from './matrix.ts';
import type { Strike } from './strikes.ts';

/** A way to make an image of a guest: each takes steps that no other takes. */
export interface SnapshotWay {
  readonly what: string;
  /** What is done to a guest that runs, before. */
  readonly before: readonly OperationName[];
  readonly how: { readonly mode: 'cold' | 'live'; readonly format?: 'qcow2'; readonly compress?: boolean };
  /** What the guest is before and after: by its record and by libvirt. */
  readonly rests: Pick<Instance, 'vmState' | 'powerState'>;
  readonly domainState: string;
}

const running = { before: [], rests: { vmState: 'active', powerState: 'running' }, domainState: 'running' } as const;

export const snapshotWays: readonly SnapshotWay[] = [
  { what: 'a live snapshot', how: { mode: 'live' }, ...running },
  { what: 'a cold snapshot', how: { mode: 'cold', format: 'qcow2', compress: true }, ...running },
  {
    what: 'a snapshot of a paused guest',
    before: ['pauseInstance'],
    how: { mode: 'cold' },
    rests: { vmState: 'paused', powerState: 'paused' },
    domainState: 'paused',
  },
  {
    what: 'a snapshot of a stopped guest',
    before: ['stopInstance'],
    how: { mode: 'cold' },
    rests: { vmState: 'stopped', powerState: 'shutdown' },
    domainState: 'shut off',
  },
];

/** Where else a step is stopped while it holds the lock: QEMU's copy is a long one. */
export const midsts: Readonly<Record<string, readonly FaultPoint[]>> = { copyLive: ['halfway', 'copying'] };

/** Guests with nothing to boot, images of which are made. */
export interface SnapshotGuests {
  /** The request of a snapshot of a new guest. */
  readonly request: (way: SnapshotWay) => Promise<{ readonly imageId: string; readonly instanceId: string }>;
  /** The guest is what it was, unless the snapshot was terminated, and an image can be made of it then. Removes it. */
  readonly requireUsable: (way: SnapshotWay, instanceId: string, strike: Strike) => Promise<void>;
}

/** Guests of an image that is blank. */
export function snapshotGuests(own: () => OwnCloud, { run, hostNamed }: Asking, blank: () => string): SnapshotGuests {
  return {
    request: async ({ before, how }) => {
      const flavor = { name: 'small', vcpus: 1, memoryMiB: 16, rootGiB: 0 };
      const { id: instanceId } = await run<Instance>('buildInstance', { name: 'blank', image: blank(), flavor, networks: 'none' });
      for (const type of before) await run(type, { instanceId });
      return { imageId: randomUUID(), instanceId, name: 'shot', ...how };
    },

    requireUsable: async ({ rests, domainState }, instanceId, { outcome }) => {
      const instance = await whenIdle<Instance>(own(), `instance/${instanceId}`, ({ operation }) => operation === null);
      if (outcome === 'is terminated') {
        expect(instance?.vmState).toBeOneOf([rests.vmState, 'error']);
        await run('rebootInstance', { instanceId, mode: 'hard' });
        const image = await run<Image>('snapshotInstance', { instanceId, name: 'next' });
        await run('deleteImage', { imageId: image.id });
      } else {
        const seen = (await runInHost(hostNamed(`${instance?.host}`), ['virsh', 'domstate', instanceId])).trim();
        expect({ ...instance, seen }).toMatchObject({ ...rests, seen: domainState });
      }
      await run('deleteInstance', { instanceId });
    },
  };
}
