import type { Config } from '../../config.ts';
import { type Libvirt, LibvirtError } from '../../libvirt/index.ts';
import type { Disk } from '../../model/instance.ts';
import { domainTypeOf } from '../../model/live-disk.ts';
import { type SnapshotMode, snapshotMode, type WantedSnapshotMode } from '../../model/snapshot-mode.ts';
import type { Token } from '../../model/tenure.ts';
import { invalid } from '../accept/parse.ts';
import { guestOf } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { powerStateOf } from '../power-state.ts';
import { blockCopyOf } from './block-copy.ts';
import { clearOver } from './leftovers.ts';

export interface SnapshotModeInput {
  readonly token: Token;
  readonly instanceId: string;
  /** The root disk. */
  readonly disk: Disk;
  /** The image that is made. */
  readonly imageId: string;
  readonly wanted: WantedSnapshotMode;
  /** Whether the guest's ephemeral storage is encrypted. */
  readonly isEncrypted: boolean;
}

export interface ChosenMode {
  readonly mode: SnapshotMode;
  /** Why not live. */
  readonly reasons: readonly string[];
}

export interface SnapshotModeActivities {
  /**
   * How the snapshot is taken, by what the guest and its host are at this moment; what a snapshot left that is over is removed. Raises
   * `InvalidRequest` when the mode that was asked for is impossible, `DomainStateConflict` when the disk is being copied by
   * somebody else. Repeatable.
   */
  chooseSnapshotMode(input: SnapshotModeInput): Promise<ChosenMode>;
}

export function snapshotModeActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  { disableLiveSnapshot }: Pick<Config, 'disableLiveSnapshot'>,
): SnapshotModeActivities {
  return {
    chooseSnapshotMode: ({ token, instanceId, disk, imageId, wanted, isEncrypted }) =>
      whileHolding(instanceId, token, async (directory) => {
        const guest = guestOf(libvirt, instanceId);
        await guest.requireOurs();
        await clearOver(libvirt, { instanceId, directory, disk, imageId });
        const powerState = powerStateOf(await guest.state());
        const { mode, reasons, refusal } = snapshotMode({
          wanted,
          hypervisor: domainTypeOf(await libvirt.domainGetXmlDesc({ dom: { uuid: instanceId } })),
          backend: disk.kind,
          isEncrypted,
          isLiveDisabled: disableLiveSnapshot,
          powerState,
          probeCode: powerState === 'running' ? await probe(instanceId, disk.target, directory, imageId) : null,
        });
        if (refusal !== null) throw invalid('mode', refusal);
        return { mode, reasons };
      }),
  };

  /** libvirt's answer to an abort of a job that is not there; where there is one of ours block jobs are known to work. */
  async function probe(uuid: string, target: string, directory: string, imageId: string): Promise<number | null> {
    if ((await blockCopyOf(libvirt, uuid, target).owner(directory, imageId)) === 'us') return null;
    try {
      await libvirt.domainBlockJobAbort({ dom: { uuid }, path: target });
      return null;
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      return error.code;
    }
  }
}
