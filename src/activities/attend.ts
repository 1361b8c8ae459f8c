import { setTimeout } from 'node:timers/promises';
import { Context, log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import type { Inventory } from '../model/host.ts';
import type { Report } from '../model/host-record.ts';
import type { Capabilities } from './capabilities.ts';
import { type CpuMetrics, cpuMonitor } from './cpu-monitor.ts';
import { payDebts, type Removal } from './debts.ts';
import type { AskGuestCpus } from './guest-cpus.ts';
import type { GuestWatch } from './guest-watch.ts';
import { inventoryOf, reportOf } from './inventory.ts';
import { client, startAndUpdate } from './record-client.ts';
import type { EndSuperseded } from './superseded/end.ts';
import type { RemoveKept } from './superseded/remove-kept.ts';
import { wakeUp } from './wake-up.ts';

export interface AttendActivities {
  /** Is there as long as the worker is: its heartbeats are the host's sign of life. Resolves, with the reason, when the worker stops. */
  attend(input: { host: string }): Promise<string>;
}

export interface Reporter extends AttendActivities {
  /** Tells the host's record, which it makes the first time, what the host has. Called at the worker's start. */
  readonly report: (by: Client, isAttending: boolean) => Promise<void>;
}

/** What a reporter needs of this worker process. */
interface ReporterParts {
  readonly askGuestCpus: AskGuestCpus;
  readonly guests: GuestWatch;
  /** Names the process. */
  readonly session: string;
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal;
  readonly remove: Removal;
  readonly endSuperseded: EndSuperseded;
  readonly removeKept: RemoveKept;
}

/** What a host has is read again this often, and reported when it changed. */
const refreshMs = 60_000;
const retryMs = 1_000;

/** Reports this host: at the start, when libvirt comes or goes, and when what it has changes; then it pays what it owes. */
export function hostReporter(
  config: Config,
  libvirt: Libvirt,
  capabilities: Capabilities,
  { askGuestCpus, guests, session, stopping, remove, endSuperseded, removeKept }: ReporterParts,
): Reporter {
  const measure = config.host.cpuMetrics ? cpuMonitor() : null;
  let inventory: Inventory | null = null;
  let unusable: string | null = null;
  let reported = '';

  return {
    report,
    attend: async () => {
      const stop = AbortSignal.any([Context.current().cancellationSignal, stopping]);
      const wake = wakeUp();
      const forgetResync = libvirt.onResync(() => {
        unusable = null;
        wake.now();
      });
      const forgetLost = libvirt.onLost((reason) => {
        unusable = `libvirt is unreachable: ${reason.message}`;
        wake.now();
      });
      try {
        await report(client(), true);
        const watching = guests.watch(stop);
        await endSuperseded(client()).catch((error: unknown) => log.warn('guests that went on elsewhere may run here', { error }));
        while (!stop.aborted) {
          await payDebts(client(), config.host.name, remove).catch((error: unknown) =>
            log.warn('what this host owes is still owed', { error }),
          );
          await removeKept(client()).catch((error: unknown) =>
            log.warn('disks of guests that went on elsewhere are still here', { error }),
          );
          await wake.next(refreshMs, stop);
          if (!stop.aborted) await reportChange();
        }
        await watching;
        return 'its compute worker was stopped';
      } finally {
        forgetResync();
        forgetLost();
      }
    },
  };

  async function reportChange(): Promise<void> {
    try {
      const seen = await look();
      if (JSON.stringify([seen, unusable]) !== reported) await send(client(), true, seen);
    } catch (error) {
      log.warn('the host could not be reported', { error });
      await setTimeout(retryMs);
    }
  }

  async function report(by: Client, isAttending: boolean): Promise<void> {
    await send(by, isAttending, await look());
  }

  async function send(by: Client, isAttending: boolean, seen: Awaited<ReturnType<typeof look>>): Promise<void> {
    const message: Report = { session, isAttending, report: reportOf(config, seen.inventory, seen.metrics, unusable) };
    await startAndUpdate(by, 'host', config.host.name, 'report', message);
    reported = JSON.stringify([seen, unusable]);
  }

  async function look(): Promise<{ readonly inventory: Inventory; readonly metrics: CpuMetrics }> {
    return { inventory: await currentInventory(), metrics: measure === null ? {} : await measure() };
  }

  /** While libvirt is away, what was known. */
  async function currentInventory(): Promise<Inventory> {
    if (unusable !== null && inventory !== null) return inventory;
    inventory = await inventoryOf(libvirt, capabilities, askGuestCpus, config);
    return inventory;
  }
}
