import type { TransferActivities, TransferLongActivities } from '../../src/activities/transfer.ts';

/** What a fake host has of what comes over from others. */
export interface FakeTransfers {
  readonly disks: Set<string>;
  /** Disks that are on their way here: `<instance>/<disk>`. */
  readonly receiving: Set<string>;
}

/** Disks come over at once; the instance has disks on the host that sealed one. */
export function fakeTransferSteps(host: FakeTransfers): TransferActivities & TransferLongActivities {
  return {
    openDiskReceiver: async ({ instanceId, as }) => {
      host.receiving.add(`${instanceId}/${as.name}`);
      return { address: 'fake', port: 20_001, exportName: as.name };
    },
    closeReceivers: async ({ instanceId }) => {
      for (const one of host.receiving) if (one.startsWith(`${instanceId}/`)) host.receiving.delete(one);
    },
    stopSending: async () => {},
    sendDisk: async () => ({ digest: null }),
    sealDisk: async ({ instanceId, as }) => {
      host.receiving.delete(`${instanceId}/${as.name}`);
      host.disks.add(instanceId);
    },
  };
}
