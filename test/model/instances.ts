import type { PowerState } from '../../src/model/instance.ts';
import { type Begin, begin, emptyInstance, finish, type InstanceState, type NewInstance } from '../../src/model/instance-record.ts';
import type { Observation, Sighting } from '../../src/model/power-sync.ts';
import { at, runOf } from './tenures.ts';

/** What a build asks for. */
export const made: NewInstance = {
  id: '7d9f0e0c-0000-4000-8000-000000000001',
  name: 'web1',
  projectId: 'project',
  userId: 'user',
  flavor: { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} },
  image: 'image',
  availabilityZone: null,
  metadata: { role: 'web' },
};

/** What an operation of a tenant asks when it takes the instance, but for the changes. */
export function beginning(changes: Partial<Begin> = {}): Begin {
  const asked = { type: 'new', part: 1, userId: 'user', taskState: null, create: null, isAdmin: false, takeOver: false } as const;
  return { run: runOf('new'), ...asked, ...changes };
}

const run = runOf('build');

/** The record while the build holds it. */
export const building: InstanceState = begin(
  emptyInstance,
  beginning({ run, type: 'buildInstance', taskState: 'scheduling', create: made, isAdmin: true }),
  at(1),
);

/** The record once it was built, on `cn1`, and runs. */
export const active: InstanceState = finish(
  building,
  { run, part: 1, end: 'completed', steps: [], changes: { vmState: 'active', powerState: 'running', host: 'cn1', launchedAt: at(2) } },
  at(2),
);

/** What the worker of `cn1` says of its guest. */
export function seenAs(powerState: PowerState, trouble: Sighting['trouble'] = null): Observation {
  return { host: 'cn1', generation: active.generation, sighting: { powerState, trouble } };
}
