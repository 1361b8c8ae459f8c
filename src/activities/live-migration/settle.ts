import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { DomainXml, type Libvirt } from '../../libvirt/index.ts';
import type { Disk, PowerState } from '../../model/instance.ts';
import { type GuestSight, type SourceEnd, whoseAfter } from '../../model/live-migration/sight.ts';
import type { DiskBackends } from '../disks/backends.ts';
import { replacedDiskInfo } from '../disks/disk-info.ts';
import { replacedAside } from '../disks/made-aside.ts';
import { fail } from '../fail.ts';
import { guestOf } from '../guest.ts';
import { leaveOnlyHoldingFiles, type WhileHolding } from '../holding.ts';
import { powerStateOf } from '../power-state.ts';
import { undefineKeepingFiles } from '../resize/undefine.ts';
import type { Arriving } from './arrival.ts';
import { arrivesFor, forgetArrival, forgetHalfNoted } from './arrival-note.ts';
import { migrationNotes } from './note.ts';
import { sightOf, sightWithFigures } from './sight.ts';

export interface SettleActivities {
  /** What the guest is here, once nothing comes in for it any more, or never will. Changes nothing. */
  awaitGuest(input: { instanceId: string }): Promise<GuestSight>;
  /**
   * Makes a guest that has arrived this host's own: its definition is kept, its disks are noted; one that stands still and is not `isPaused`
   * runs on, one whose memory is lost is switched off. Raises `DomainNotFound` when none is here. Repeatable.
   */
  adoptGuest(
    input: Omit<Arriving, 'migrationId'> & { isPaused: boolean; disks: readonly Disk[] },
  ): Promise<{ readonly powerState: PowerState }>;
  /**
   * Leaves nothing of a guest at its destination that its source has, or nobody, by how it ended there. Raises `DomainStateConflict` when the
   * guest lives here, or may yet. Repeatable.
   */
  dropArrival(input: Arriving & { source: SourceEnd | 'broken' }): Promise<void>;
  /** Leaves nothing of a guest at its source that its destination has, but the devices `toWipe`; files stay where both see them. Repeatable. */
  leaveMigrated(input: Omit<Arriving, 'migrationId'>): Promise<{ readonly toWipe: readonly string[] }>;
}

const pollMs = 100;

export function settleActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  { arrivals, devices }: Pick<DiskBackends, 'arrivals' | 'devices'>,
  { runDir }: Pick<Config, 'runDir'>,
): SettleActivities {
  return {
    awaitGuest: async ({ instanceId }) => {
      const { cancellationSignal: signal } = Context.current();
      for (;;) {
        const sight = await sightWithFigures(libvirt, instanceId);
        // libvirt keeps the job of one that broke off.
        if (sight.job !== 'migration in' || sight.state === 'broken') return sight;
        await setTimeout(pollMs, undefined, { signal });
      }
    },

    adoptGuest: ({ token, instanceId, isPaused, disks }) =>
      whileHolding(instanceId, token, async (directory) => {
        const dom = { uuid: instanceId };
        await settled(instanceId, isPaused);
        const xml = await libvirt.domainGetXmlDesc({ dom, flags: DomainXml.inactive | DomainXml.secure });
        if (!(await libvirt.domainIsPersistent({ dom }))) await libvirt.domainDefineXmlFlags({ xml, flags: 0 });
        await replacedAside(join(directory, 'libvirt.xml'), (partial) => writeFile(partial, `${xml}\n`));
        await replacedDiskInfo(directory, disks);
        for (const disk of disks) if (disk.device !== undefined) await arrivals.finish(instanceId, disk);
        await forgetArrival(directory);
        return { powerState: powerStateOf(await guestOf(libvirt, instanceId).state()) };
      }),

    dropArrival: ({ token, instanceId, migrationId, storage, source }) =>
      whileHolding(instanceId, token, async (directory) => {
        const whose = whoseAfter(source, await sightOf(libvirt, instanceId));
        // A source that is broken has switched over: what was written since is here.
        if (whose === 'destination' || whose === 'unknown' || source === 'broken')
          throw fail('DomainStateConflict', `the guest of instance ${instanceId} lives here, or may yet (at its source: ${source})`);
        if (storage === 'separate' && !(await arrivesFor(directory, migrationId))) return forgetHalfNoted(directory);
        await leave(instanceId, directory, storage);
      }),

    leaveMigrated: ({ token, instanceId, storage }) =>
      whileHolding(instanceId, token, async (directory) => {
        await leave(instanceId, directory, storage);
        await migrationNotes(runDir, instanceId).forget();
        return { toWipe: await devices.release(instanceId) };
      }),
  };

  async function settled(instanceId: string, isPaused: boolean): Promise<void> {
    const { state } = await sightOf(libvirt, instanceId);
    if (state === 'absent') throw fail('DomainNotFound', `the guest of instance ${instanceId} is not here: it did not arrive`);
    if (state === 'broken') await guestOf(libvirt, instanceId).switchOff(); // nobody has the rest of its memory
    if ((state === 'held' || state === 'paused') && !isPaused) await libvirt.domainResume({ dom: { uuid: instanceId } });
  }

  async function leave(instanceId: string, directory: string, storage: Arriving['storage']): Promise<void> {
    await undefineKeepingFiles(libvirt, instanceId);
    if (storage === 'separate') await leaveOnlyHoldingFiles(directory);
  }
}
