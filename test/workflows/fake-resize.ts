import { ApplicationFailure } from '@temporalio/common';
import type { DestinationActivities, DestinationLongActivities } from '../../src/activities/resize/destination.ts';
import type { SourceActivities } from '../../src/activities/resize/source.ts';
import { withTargets } from '../../src/model/hardware/disk-places.ts';
import { diskMoves } from '../../src/model/resize/moves.ts';
import { type FakeDevices, leftDevices, whyNoDevice } from './fake-devices.ts';
import type { FakeGuests } from './fake-guest.ts';

/** What a fake host has of instances that move. */
export interface FakeMoves extends FakeGuests, FakeDevices {
  readonly disks: Set<string>;
  /** By instance, the migration that put its disks aside. */
  readonly asides: Map<string, string>;
  /** What lies aside of an instance whose disks were put there. */
  asideNames: readonly string[];
  /** Why it takes no instance, or null. */
  refusesArrivals: string | null;
}

type ResizeSteps = SourceActivities & DestinationActivities & DestinationLongActivities;

/** What is done to instances that move, to plain objects. */
export function fakeResizeSteps(name: string, host: FakeMoves): ResizeSteps {
  const requireAside = (instanceId: string, migrationId: string) => {
    if (host.asides.get(instanceId) !== migrationId) {
      throw ApplicationFailure.nonRetryable(`nothing of migration ${migrationId} lies aside`, 'DestinationDiskExists');
    }
  };
  return {
    planArrival: async ({ instance, flavor, storage }) => {
      const moves = diskMoves({ instance, flavor, storage, sameBases: [], rootBecomesCow: false });
      const written = moves.filter(({ how }) => how === 'written');
      const devices = written.map(({ to: { name: disk, sizeBytes } }) => ({ disk, sizeBytes, isExact: false }));
      return { refusal: host.refusesArrivals ?? whyNoDevice(host, devices), moves, missing: [], small: ['disk.config'], devices };
    },
    setDisksAside: async ({ instanceId, migrationId }) => {
      if (host.guests.get(instanceId) === 'running') throw ApplicationFailure.nonRetryable('the guest runs', 'DomainStateConflict');
      host.disks.delete(instanceId);
      host.asides.set(instanceId, migrationId);
      return { names: host.asideNames };
    },
    requireDisksAside: async ({ instanceId, migrationId }) => requireAside(instanceId, migrationId),
    putDisksBack: async ({ instanceId, migrationId }) => {
      if (!host.asides.has(instanceId)) return;
      requireAside(instanceId, migrationId);
      host.asides.delete(instanceId);
      host.disks.add(instanceId);
    },
    removeDisksAside: async ({ instanceId, migrationId }) => {
      if (host.asides.get(instanceId) === migrationId) host.asides.delete(instanceId);
    },
    leaveHost: async ({ instanceId, migrationId }) => {
      host.guests.delete(instanceId);
      if (host.asides.get(instanceId) === migrationId) host.asides.delete(instanceId);
      return leftDevices(host, name, instanceId);
    },
    placeDisks: async ({ instanceId, moves }) => {
      host.disks.add(instanceId);
      return {
        disks: withTargets(
          moves.map(({ to }) => to),
          { diskBus: 'virtio', cdromBus: null },
        ),
        warnings: [],
      };
    },
    removeArrival: async ({ instanceId, storage }) => {
      if (storage === 'sameHost') {
        host.guests.set(instanceId, 'defined');
        return { toWipe: [] };
      }
      host.guests.delete(instanceId);
      host.disks.delete(instanceId);
      return leftDevices(host, name, instanceId);
    },
  };
}
