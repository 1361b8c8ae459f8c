import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Config } from '../config.ts';
import { DomainCreate, ErrorCode, isLibvirtError, type Libvirt, LibvirtError, valuesOf } from '../libvirt/index.ts';
import type { PowerState } from '../model/instance.ts';
import { agentOf } from '../model/live-disk.ts';
import type { Token } from '../model/tenure.ts';
import type { Vif } from './addresses.ts';
import { errnoOf } from './failures.ts';
import { guestOf, isOff } from './guest.ts';
import type { WhileHolding } from './holding.ts';
import { hostDevicesOf } from './host-devices.ts';
import { powerStateOf } from './power-state.ts';
import { tellProgress } from './progress.ts';
import { fail } from './record-client.ts';
import { whyUnplugged } from './vifs.ts';

export interface SavedMemoryActivities {
  /** Why there is no room for the guest's memory, or null. Changes nothing. */
  lookForRoom(input: { token: Token; instanceId: string }): Promise<{ readonly problem: string | null }>;
  /** Gives a running guest the devices of its host back that a save had taken from it. Right when it has them, or is off. Repeatable. */
  attachHostDevices(input: { token: Token; instanceId: string }): Promise<void>;
  /** Removes what was saved, for a guest that is to boot anew. Right when there is nothing. Repeatable. */
  forgetSavedMemory(input: { token: Token; instanceId: string }): Promise<void>;
}

export interface SavedMemoryLongActivities {
  /**
   * Saves the guest's memory and ends its QEMU, having taken the devices of its host from it. A cancel aborts it, and the guest
   * runs on. Progress in bytes. A guest that is off is left so. A save that runs is waited for. Repeatable.
   */
  saveGuest(input: { token: Token; instanceId: string }): Promise<{ readonly isSaved: boolean; readonly powerState: PowerState }>;
  /**
   * Starts the guest from its saved memory, its processors stopped. Raises `SavedMemoryUnusable`: what was saved is kept whatever
   * happens, and the guest never boots anew in its place. Repeatable.
   */
  restoreGuest(input: { token: Token; instanceId: string; vifs: readonly Vif[] }): Promise<{ readonly isPlugged: boolean }>;
  /**
   * The same for a guest whose memory was saved for a moment, by an operation that may have died in between: one that is on stays so, and
   * one that is off with nothing saved ended by itself and is left so. Raises `SavedMemoryUnusable`. Repeatable.
   */
  wakeGuest(input: { token: Token; instanceId: string; vifs: readonly Vif[] }): Promise<Woken>;
}

/** What became of a guest that was to wake. */
export interface Woken {
  readonly isOff: boolean;
  readonly isPlugged: boolean;
  readonly powerState: PowerState;
  /** Whether it may have an agent, which sets its clock. Absent in runs of before 0.2. */
  readonly hasAgent?: boolean;
}

const pollMs = 200;
/** `VIR_DOMAIN_JOB_OPERATION_SAVE`. */
const saveOperation = 2;

export function savedMemoryActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  { libvirt: { saveDir } }: Pick<Config, 'libvirt'>,
): SavedMemoryActivities & SavedMemoryLongActivities {
  return {
    lookForRoom: async ({ instanceId }) => {
      const { memoryKiB } = await libvirt.domainGetInfo({ dom: { uuid: instanceId } });
      const neededBytes = memoryKiB * 1024n;
      const freeBytes = await freeBytesIn(saveDir);
      if (freeBytes >= neededBytes) return { problem: null };
      return { problem: `${saveDir} has ${freeBytes / 2n ** 20n} MiB free, the guest's memory needs ${neededBytes / 2n ** 20n} MiB` };
    },

    attachHostDevices: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        if (!isOff(await guestOf(libvirt, instanceId).state())) await hostDevicesOf(libvirt, instanceId).attach();
      }),

    forgetSavedMemory: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        const dom = { uuid: instanceId };
        const isThere = (await guestOf(libvirt, instanceId).state()) !== null && (await libvirt.domainHasManagedSaveImage({ dom }));
        if (isThere) await libvirt.domainManagedSaveRemove({ dom });
      }),

    saveGuest: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        const guest = guestOf(libvirt, instanceId);
        await whileJobRuns(instanceId);
        if (!isOff(await guest.state())) {
          await guest.requireOurs();
          await hostDevicesOf(libvirt, instanceId).detach();
          await save(instanceId);
        }
        const isSaved = await libvirt.domainHasManagedSaveImage({ dom: { uuid: instanceId } });
        return { isSaved, powerState: powerStateOf(await guest.state()) };
      }),

    restoreGuest: ({ token, instanceId, vifs }) =>
      whileHolding(instanceId, token, async () => {
        await restoreIfOff(instanceId);
        return { isPlugged: (await whyUnplugged(vifs)).length === 0 };
      }),

    wakeGuest: ({ token, instanceId, vifs }) =>
      whileHolding(instanceId, token, async () => {
        const guest = guestOf(libvirt, instanceId);
        await whileJobRuns(instanceId);
        const state = await guest.state();
        const isGone = isOff(state) && (state === null || !(await libvirt.domainHasManagedSaveImage({ dom: { uuid: instanceId } })));
        if (!isGone) await restoreIfOff(instanceId);
        const isPlugged = !isGone && (await whyUnplugged(vifs)).length === 0;
        const powerState = powerStateOf(await guest.state());
        return { isOff: isGone, isPlugged, powerState, hasAgent: !isGone && (await mayHaveAgent(instanceId)) };
      }),
  };

  async function mayHaveAgent(uuid: string): Promise<boolean> {
    return agentOf(await libvirt.domainGetXmlDesc({ dom: { uuid } })) !== 'none';
  }

  async function restoreIfOff(uuid: string): Promise<void> {
    const guest = guestOf(libvirt, uuid);
    if (isOff(await guest.state())) {
      await guest.requireOurs();
      await restore(uuid);
    }
    await hostDevicesOf(libvirt, uuid).attach();
  }

  /** libvirt goes on with a save whose caller died; another one would be refused. */
  async function whileJobRuns(uuid: string): Promise<void> {
    const { cancellationSignal: signal } = Context.current();
    while (await tellJob(uuid)) await setTimeout(pollMs, undefined, { signal });
  }

  /** Tells how far the save is; false when there is none. */
  async function tellJob(uuid: string): Promise<boolean> {
    try {
      const { type, params } = await libvirt.domainGetJobStats({ dom: { uuid } });
      const stats = valuesOf(params);
      if (type === 0 || stats.get('operation') !== saveOperation) return false;
      const bytes = (name: string) => Number(stats.get(name) ?? 0);
      tellProgress({ step: 'save memory', doneBytes: bytes('memory_processed'), totalBytes: bytes('memory_total') });
      return true;
    } catch (error) {
      if (isLibvirtError(error, ErrorCode.operationInvalid)) return false; // it is off
      throw error;
    }
  }

  async function save(uuid: string): Promise<void> {
    const { cancelled, cancellationSignal: signal } = Context.current();
    const saving = libvirt.domainManagedSave({ dom: { uuid } });
    const ended = saving.then(
      () => true,
      () => true,
    );
    // A time-out aborts the signal too: only a cancel that somebody asked for may end a save.
    const aborting = cancelled.catch(async (cancel: unknown) => {
      if (Context.current().cancellationDetails?.cancelRequested === true) await libvirt.domainAbortJob({ dom: { uuid } }).catch(() => {});
      throw cancel;
    });
    aborting.catch(() => {});
    while (!(await Promise.race([ended, setTimeout(pollMs, false)]))) await tellJob(uuid);
    try {
      await saving;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  async function restore(uuid: string): Promise<void> {
    const dom = { uuid };
    if (!(await libvirt.domainHasManagedSaveImage({ dom }))) throw fail('SavedMemoryUnusable', 'there is no saved memory of this guest');
    try {
      // libvirt throws away a file that it finds incomplete, and boots the guest anew: it is read before.
      await libvirt.domainManagedSaveGetXmlDesc({ dom });
      await libvirt.domainCreateWithFlags({ dom, flags: DomainCreate.paused });
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      throw fail('SavedMemoryUnusable', `the guest cannot be restored from its saved memory, which is kept: ${error.message}`);
    }
  }
}

/** Of the file system that a directory is on, or will be. */
async function freeBytesIn(directory: string): Promise<bigint> {
  try {
    const { bavail, bsize } = await statfs(directory, { bigint: true });
    return bavail * bsize;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || directory === '/') throw error;
    return freeBytesIn(dirname(directory));
  }
}
