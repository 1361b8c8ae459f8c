import { randomUUID } from 'node:crypto';
import type { ComparisonActivities } from '../../src/activities/transfer/comparison.ts';
import type { TransferActivities, TransferLongActivities } from '../../src/activities/transfer.ts';

/** What a fake host has of what comes over from others. */
export interface FakeTransfers {
  readonly disks: Set<string>;
  /** What takes something here: `<instance>/<disk>`, for files `<instance>/files`. */
  readonly receiving: Set<string>;
  /** Instances whose files can be sent from here. */
  readonly keys: Set<string>;
  readonly bases: ReadonlySet<string>;
  /** Probe files: hosts of one set share their storage. */
  probes: Set<string>;
}

/** Disks come over at once; the instance has disks on the host that sealed one. */
export function fakeTransferSteps(host: FakeTransfers): TransferActivities & TransferLongActivities & ComparisonActivities {
  return {
    openDiskReceiver: async ({ instanceId, as }) => {
      host.receiving.add(`${instanceId}/${as.name}`);
      return { address: 'fake', port: 20_001, exportName: as.name };
    },
    makeFileKey: async ({ instanceId }) => {
      host.keys.add(instanceId);
      return { publicKey: 'ssh-ed25519 fake', hasRsync: true };
    },
    openFileReceiver: async ({ instanceId }) => {
      host.receiving.add(`${instanceId}/files`);
      return { address: 'fake', port: 20_001, hostKey: 'ssh-ed25519 fake', carrier: 'rsync' };
    },
    sendFiles: async ({ names }) => ({ sent: names.map((path) => ({ path, sizeBytes: 1, checksum: null })) }),
    sealFiles: async ({ instanceId }) => {
      host.receiving.delete(`${instanceId}/files`);
      host.disks.add(instanceId);
    },
    closeReceivers: async ({ instanceId }) => {
      for (const one of host.receiving) if (one.startsWith(`${instanceId}/`)) host.receiving.delete(one);
    },
    stopSending: async ({ instanceId }) => {
      host.keys.delete(instanceId);
    },
    writeProbe: async ({ instanceId }) => {
      const name = `.probe-${instanceId}-${randomUUID()}`;
      host.probes.add(name);
      return { name };
    },
    seesProbe: async ({ name }) => ({ isSeen: host.probes.has(name) }),
    removeProbes: async ({ instanceId }) => {
      for (const name of host.probes) if (name.startsWith(`.probe-${instanceId}`)) host.probes.delete(name);
    },
    sendDisk: async () => ({ digest: null }),
    sealDisk: async ({ instanceId, as }) => {
      host.receiving.delete(`${instanceId}/${as.name}`);
      host.disks.add(instanceId);
    },
  };
}
