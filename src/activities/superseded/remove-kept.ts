import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Logger } from '@temporalio/worker';
import type { Config } from '../../config.ts';
import type { Instance } from '../../model/instance.ts';
import { isKeptInVain, isSuperseded } from '../../model/superseded.ts';
import { uuid } from '../../schema/patterns.ts';
import type { Removal } from '../debts.ts';
import { sharersAmong } from '../host-listing/files.ts';
import { namesIn } from '../names-in.ts';
import { queryRecord } from '../record-client.ts';
import { forgetSuperseded, readSuperseded, type SupersededNote } from './note.ts';

/** Removes the disks of guests that were ended here for belonging elsewhere, when they have been kept for long enough. Repeatable. */
export type RemoveKept = (by: Client) => Promise<void>;

/** As long as the record does not prove that the instance is elsewhere, or deleted, what is here may be all that there is of it: it stays. */
export function removeKeptDisks(
  { host, instancesDir, evacuatedKeepHours }: Pick<Config, 'host' | 'instancesDir' | 'evacuatedKeepHours'>,
  remove: Removal,
  log: Logger,
): RemoveKept {
  return async (by) => {
    const names = await namesIn(instancesDir);
    const sharers = sharersAmong(names);
    for (const instanceId of names.filter((name) => uuid.test(name))) {
      const note = await readSuperseded(join(instancesDir, instanceId));
      if (note === null) continue;
      await removeIfOld(instanceId, note, sharers, by).catch((error: unknown) =>
        log.warn('disks of a guest that went on elsewhere are still here', { instanceId, error }),
      );
    }
  };

  async function removeIfOld(
    instanceId: string,
    { since, known, token }: SupersededNote,
    sharers: readonly string[],
    by: Client,
  ): Promise<void> {
    const instance = await queryRecord<Instance>('instance', instanceId, by);
    if (instance === null) return;
    // In a directory that hosts share these are the disks of the guest that lives.
    const isInUse = isKeptInVain(instance, host.name) || (instance.host !== null && sharers.includes(instance.host));
    if (isInUse) return forgetSuperseded(join(instancesDir, instanceId));
    const isOver = Date.now() - Date.parse(since) >= evacuatedKeepHours * 3_600_000;
    if (!isOver || !isSuperseded(instance, host.name, known)) return;
    const run = instance.generation === token.generation ? token.run : (instance.recent.at(-1)?.runId ?? '');
    await remove({ instanceId, token: { run, generation: instance.generation, step: Number.MAX_SAFE_INTEGER } }, by);
    log.info('the disks of a guest that had gone on elsewhere were removed', { instanceId, keptSince: since });
  }
}
