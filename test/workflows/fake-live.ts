import { invalid } from '../../src/activities/accept/parse.ts';
import { fail } from '../../src/activities/fail.ts';
import type { SnapshotModeActivities } from '../../src/activities/snapshot/choose.ts';
import type { LiveSnapshotActivities, LiveSnapshotLongActivities } from '../../src/activities/snapshot/live.ts';
import { snapshotMode } from '../../src/model/snapshot-mode.ts';
import { type FakeGuest, powerOf } from './fake-guest.ts';

/** The copies of disks on a fake host. */
export interface FakeCopies {
  readonly guests: ReadonlyMap<string, FakeGuest>;
  /** The images that instances are being copied for. */
  readonly copies: Map<string, string>;
}

type LiveSteps = SnapshotModeActivities & LiveSnapshotActivities & LiveSnapshotLongActivities;

/** Live snapshots, of plain objects. */
export function fakeLiveSteps({ guests, copies }: FakeCopies): LiveSteps {
  const powerStateOf = (instanceId: string) => powerOf[guests.get(instanceId) ?? 'defined'];
  return {
    chooseSnapshotMode: async ({ instanceId, disk, wanted, isEncrypted }) => {
      const powerState = powerStateOf(instanceId);
      const usual = { hypervisor: 'qemu', isEncrypted, isLiveDisabled: false, probeCode: null };
      const { mode, reasons, refusal } = snapshotMode({ ...usual, wanted, backend: disk.kind, powerState });
      if (refusal !== null) throw invalid('mode', refusal);
      return { mode, reasons };
    },
    copyLive: async ({ instanceId, imageId }) => {
      if (powerStateOf(instanceId) !== 'running') throw fail('DomainStateConflict', 'the guest is off');
      copies.set(instanceId, imageId);
      return { format: 'qcow2', sizeBytes: 1024 ** 3, warning: null };
    },
    endLive: async ({ instanceId }) => {
      copies.delete(instanceId);
    },
  };
}
