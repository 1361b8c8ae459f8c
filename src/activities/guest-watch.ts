import { setTimeout } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Config } from '../config.ts';
import type { Libvirt, Unsubscribe } from '../libvirt/index.ts';
import type { Instance, PowerState, VmState } from '../model/instance.ts';
import { literal } from '../model/list-query.ts';
import { type Observation, type Sync, syncOf } from '../model/power-sync.ts';
import { searchAttributes as attribute } from '../model/search-attributes.ts';
import { type Agenda, agenda } from './agenda.ts';
import { concurrently } from './concurrently.ts';
import { lookAt, type Sight } from './guest-sight.ts';
import { client, queryRecord } from './record-client.ts';

/** What keeps the records of this host's instances as their guests are. */
export interface GuestWatch {
  /** Compares all guests with their records, then those that events name, and all again from time to time, until `stop`. Never rejects. */
  readonly watch: (stop: AbortSignal) => Promise<void>;
}

/** A guest that starts has three events in a moment. */
const settleMs = 100;
/** An operation has its instance: it knows better. It is looked at again, for what the guest did by itself meanwhile. */
const busyMs = 5_000;
const retryMs = 2_000;
/** Guests that are looked at, and records that are told, at the same time. */
const atOnce = 8;

/** An instance as lists show it. */
interface Row {
  readonly id: string;
  readonly vmState: VmState;
  readonly powerState: PowerState;
  readonly isBusy: boolean;
  /** Under which it rests. Absent of a record that has not changed since before 0.2. */
  readonly generation: number | undefined;
}

type WatchConfig = Pick<Config, 'host' | 'syncPowerStateIntervalSeconds' | 'resumeGuestsStateOnHostBoot'>;

/**
 * The hypervisor's word for the power state of each instance (Nova's `_sync_power_states` and life-cycle events). An event only says
 * where to look; what counts is what is seen after the record was found idle, and the record takes it only if it is idle still.
 */
export function guestWatch(
  { host: { name: host }, syncPowerStateIntervalSeconds, resumeGuestsStateOnHostBoot }: WatchConfig,
  libvirt: Libvirt,
): GuestWatch {
  return {
    watch: async (stop) => {
      const todo = agenda();
      const heard = ({ dom }: { readonly dom: { readonly uuid: string } }) => todo.add(dom.uuid, settleMs);
      const forget = [libvirt.onResync(() => todo.addAll(0)), ...(await subscribed(heard, stop))];
      todo.addAll(0);
      while (!stop.aborted) {
        const due = todo.take();
        if (due === 'all') todo.addAll(syncPowerStateIntervalSeconds * 1000);
        if (due !== null) await attempt(due, todo);
        await todo.whenDue(stop);
      }
      for (const unsubscribe of forget) unsubscribe();
    },
  };

  /** A libvirt that cannot be reached is waited for: its host is down meanwhile. */
  async function subscribed(heard: (event: { dom: { uuid: string } }) => void, stop: AbortSignal): Promise<readonly Unsubscribe[]> {
    while (!stop.aborted) {
      try {
        return await Promise.all([libvirt.subscribe('lifecycle', heard), libvirt.subscribe('ioError', heard)]);
      } catch {
        await setTimeout(retryMs, undefined, { signal: stop }).catch(() => {});
      }
    }
    return [];
  }

  async function attempt(due: readonly string[] | 'all', todo: Agenda): Promise<void> {
    try {
      await compare(due, todo);
    } catch (error) {
      log.warn('guests could not be compared with their records', { error });
      if (due === 'all') todo.addAll(retryMs);
      else for (const id of due) todo.add(id, retryMs);
    }
  }

  /** What an operation has comes onto the agenda again. */
  async function compare(ids: readonly string[] | 'all', todo: Agenda): Promise<void> {
    await concurrently(await rowsOf(ids), atOnce, async (row) => {
      if (!(await isTrue(row))) todo.add(row.id, busyMs);
    });
  }

  /** Whether the record says what its guest is, now or from here on. False: an operation has it, and it is to be looked at again. */
  async function isTrue(row: Row): Promise<boolean> {
    const { id, generation, isBusy } = row;
    const sight = await lookAt(libvirt, id);
    if (syncOf(row, sight.powerState) === 'nothing') return true;
    if (isBusy) return false;
    return generation === undefined ? isSettled(id) : isTaken(id, generation, sight);
  }

  async function rowsOf(ids: readonly string[] | 'all'): Promise<readonly Row[]> {
    const which = ids === 'all' ? '' : ` AND ${attribute.instanceId.name} IN (${ids.map(literal).join(', ')})`;
    const query = `WorkflowType = 'instance' AND ExecutionStatus = 'Running' AND ${attribute.computeHost.name} = ${literal(host)}${which}`;
    const rows: Row[] = [];
    for await (const { workflowId, typedSearchAttributes: shown, memo } of client().workflow.list({ query, pageSize: 1000 })) {
      rows.push({
        id: workflowId.slice('instance/'.length),
        // Written by the record, and by nobody else.
        vmState: shown.get(attribute.vmState) as VmState,
        powerState: shown.get(attribute.powerState) as PowerState,
        isBusy: shown.get(attribute.taskState) !== undefined,
        generation: memo?.['generation'] as number | undefined,
      });
    }
    return rows;
  }

  /** Tells the record what its guest is since it rests under this generation. False: an operation has it, and it is to be looked at again. */
  async function isTaken(id: string, generation: number, sight: Sight): Promise<boolean> {
    const sync = await tell(id, generation, sight);
    if (sync !== null && sync !== 'nothing')
      log.info('a guest was not as its record said', { instanceId: id, powerState: sight.powerState, sync });
    return sync !== null;
  }

  /** The same of a record whose row in the list does not say under which generation it rests. */
  async function isSettled(id: string): Promise<boolean> {
    const instance = await queryRecord<Instance>('instance', id);
    if (instance === null || instance.host !== host) return true;
    if (instance.operation !== null) return false;
    const sight = await lookAt(libvirt, id);
    return syncOf(instance, sight.powerState) === 'nothing' || isTaken(id, instance.generation, sight);
  }

  /** What the record made of it, and sees to from here on; or null when it was not idle any more. */
  async function tell(id: string, generation: number, { powerState, trouble, wasCutOff }: Sight): Promise<Sync | null> {
    const startsAgain = wasCutOff && resumeGuestsStateOnHostBoot;
    const message: Observation = { host, generation, sighting: { powerState, trouble }, startsAgain };
    try {
      return await client()
        .workflow.getHandle(`instance/${id}`)
        .executeUpdate<Sync, [Observation]>('observe', { args: [message] });
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'nothing';
      if (error instanceof WorkflowUpdateFailedError) return null;
      throw error;
    }
  }
}
