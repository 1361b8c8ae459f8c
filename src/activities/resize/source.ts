import type { Libvirt } from '../../libvirt/index.ts';
import type { Disk } from '../../model/instance.ts';
import type { Token } from '../../model/tenure.ts';
import type { DeviceKeeper } from '../disks/device-keeper.ts';
import { guestOf, isOff } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { fail } from '../record-client.ts';
import { putAside, putBack, removeAside, requireAside } from './aside.ts';
import { undefineKeepingFiles } from './undefine.ts';

/** An instance and the migration that is to be undone, or ended. */
interface Left {
  readonly token: Token;
  readonly instanceId: string;
  readonly migrationId: string;
}

export interface SourceActivities {
  /**
   * Puts the files of an instance whose guest is off aside, where they stay until the migration is decided; `names` says which. Raises
   * `DomainStateConflict` when the guest runs, `DestinationDiskExists` when somebody else's lie there. Repeatable.
   */
  setDisksAside(input: Left & { disks: readonly Disk[] }): Promise<{ readonly names: readonly string[] }>;
  /** Raises `DestinationDiskExists` unless all that was put aside is there. Changes nothing. */
  requireDisksAside(input: Left): Promise<void>;
  /** Puts them back over whatever has their place. Right when nothing was put aside. Raises what `setDisksAside` raises. Repeatable. */
  putDisksBack(input: Left): Promise<void>;
  /** Removes what the migration put aside, and nothing else. Repeatable. */
  removeDisksAside(input: Left): Promise<void>;
  /**
   * Lets go of an instance that lives on another host: its domain here, and the devices `toWipe`; the files in its directory, which may be
   * shared, stay. With a `migrationId` what that put aside goes too. Repeatable.
   */
  leaveHost(input: Omit<Left, 'migrationId'> & { migrationId: string | null }): Promise<{ readonly toWipe: readonly string[] }>;
}

export function sourceActivities(libvirt: Libvirt, whileHolding: WhileHolding, devices: DeviceKeeper): SourceActivities {
  return {
    setDisksAside: ({ token, instanceId, migrationId, disks }) =>
      whileHolding(instanceId, token, async (directory) => {
        await requireOff(instanceId);
        const own = disks.filter(({ device }) => device === undefined).map(({ name }) => name);
        return { names: await putAside(directory, { migration: migrationId, generation: token.generation, disks: own }) };
      }),

    requireDisksAside: ({ token, instanceId, migrationId }) =>
      whileHolding(instanceId, token, (directory) => requireAside(directory, migrationId)),

    putDisksBack: ({ token, instanceId, migrationId }) =>
      whileHolding(instanceId, token, async (directory) => {
        await requireOff(instanceId);
        await putBack(directory, migrationId);
      }),

    removeDisksAside: ({ token, instanceId, migrationId }) =>
      whileHolding(instanceId, token, (directory) => removeAside(directory, migrationId)),

    leaveHost: ({ token, instanceId, migrationId }) =>
      whileHolding(instanceId, token, async (directory) => {
        await undefineKeepingFiles(libvirt, instanceId);
        if (migrationId !== null) await removeAside(directory, migrationId);
        return { toWipe: await devices.release(instanceId) };
      }),
  };

  async function requireOff(instanceId: string): Promise<void> {
    if (isOff(await guestOf(libvirt, instanceId).state())) return;
    throw fail('DomainStateConflict', `the guest of instance ${instanceId} runs here: its disks are not moved`);
  }
}
