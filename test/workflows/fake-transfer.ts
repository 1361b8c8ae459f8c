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
  /** Whether it sends its files by rsync. */
  sendsMuch: boolean;
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
      if (!host.sendsMuch) return { publicKey: null };
      host.keys.add(instanceId);
      return { publicKey: 'ssh-ed25519 fake' };
    },
    openFileReceiver: async ({ instanceId, publicKey }) => {
      host.receiving.add(`${instanceId}/files`);
      const at = { address: 'fake', port: 20_001 };
      return publicKey === null ? { ...at, carrier: 'https', path: '/fake' } : { ...at, carrier: 'rsync', hostKey: 'ssh-ed25519 fake' };
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
    answerProbe: async ({ instanceId, name: other }) => {
      const isSeen = host.probes.has(other);
      const name = `.probe-${instanceId}-${randomUUID()}`;
      host.probes.add(name);
      return { isSeen, name };
    },
    closeProbe: async ({ name, other }) => {
      const isSeen = other !== null && host.probes.has(other);
      host.probes.delete(name);
      return { isSeen };
    },
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
