import { expect, test } from 'vitest';
import { compareFleet, type FleetScene } from '../../../src/model/verify/compare.ts';
import { after, instance, network, operation, otherId, seen, since, webId } from './tidy-host.ts';

/** One network whose only address belongs to an instance that has a host. */
function tidyFleet(changes: Partial<FleetScene> = {}): FleetScene {
  return {
    since,
    instances: new Map(),
    placed: new Set([webId]),
    networks: [network()],
    owed: new Set(),
    storing: [],
    open: [],
    ...changes,
  };
}

const building = { workflowId: 'build/web', runId: 'run-1', type: 'buildInstance', instanceId: webId, imageId: null };
const importing = { workflowId: 'import/tiny', runId: 'run-2', type: 'importImage', instanceId: null, imageId: otherId };
const address = `UnknownAddress: 10.0.0.5 of network default, owner ${webId}`;

interface Case {
  readonly of: string;
  readonly changes: Partial<FleetScene>;
  readonly finds: readonly string[];
}

test.for<Case>([
  { of: 'records that agree', changes: {}, finds: [] },
  { of: 'an address of an instance that has no record', changes: { placed: new Set() }, finds: [address] },
  { of: 'an address of an instance that a host which is down may run', changes: { placed: new Set(), owed: new Set([webId]) }, finds: [] },
  {
    of: 'an address of a failed build',
    changes: { placed: new Set(), instances: seen(instance({ host: null, vmState: 'error' })) },
    finds: [address],
  },
  {
    of: 'an address of an instance that is being built',
    changes: { placed: new Set(), instances: seen(instance({ host: null, operation })) },
    finds: [],
  },
  {
    of: 'an address of an instance that was deleted meanwhile',
    changes: { placed: new Set(), instances: seen(instance({ host: null, updatedAt: after })) },
    finds: [],
  },
  { of: 'a run whose instance is held by it', changes: { open: [building], instances: seen(instance({ operation })) }, finds: [] },
  {
    of: 'a run whose instance is held by another',
    changes: { open: [building], instances: seen(instance({ operation: { ...operation, runId: 'run-9' } })) },
    finds: [`UnknownOperation: buildInstance build/web, run run-1, works on instance ${webId}`],
  },
  {
    of: 'a run whose instance has no record',
    changes: { open: [building] },
    finds: [`UnknownOperation: buildInstance build/web, run run-1, works on instance ${webId}`],
  },
  {
    of: 'a run that let go and waits for a decision',
    changes: {
      open: [building],
      instances: seen(instance({ open: { workflowId: 'build/web', runId: 'run-1', type: 'resizeInstance', until: null } })),
    },
    finds: [],
  },
  { of: 'an import and its image', changes: { open: [importing], storing: [otherId] }, finds: [] },
  {
    of: 'an import whose image is complete',
    changes: { open: [importing] },
    finds: [`UnknownOperation: importImage import/tiny, run run-2, works on image ${otherId}`],
  },
  {
    of: 'an image that nobody imports any more',
    changes: { storing: [otherId] },
    finds: [`ClosedHolder: image ${otherId} is being imported by a run which has closed`],
  },
  {
    of: 'an instance on no host that a closed run holds',
    changes: { instances: new Map([[otherId, { instance: instance({ id: otherId, host: null, operation }), isHolderOpen: false }]]) },
    finds: [`ClosedHolder: instance ${otherId} is held by buildInstance build/web, run run-1, which has closed`],
  },
])('compareFleet says of $of what is wrong with it', ({ changes, finds }) => {
  expect(compareFleet(tidyFleet(changes)).map(({ kind, what }) => `${kind}: ${what}`)).toEqual(finds);
});
