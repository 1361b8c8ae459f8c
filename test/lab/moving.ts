import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type LabHost, runInHost, signalProcess, whenEnded } from '../../lab/lab.ts';
import type { OwnCloud } from './cloud-fixture.ts';
import { journalIn } from './seen-guest.ts';

/** Kills the workers of all hosts, and starts others. */
export async function killComputeWorkers({ workers, startCompute }: OwnCloud): Promise<void> {
  for (const [host, worker] of workers.compute) {
    signalProcess(worker, 'SIGKILL');
    await whenEnded(worker);
    await startCompute(host);
  }
}

/** Looks every 200 ms, until it is stopped, on which hosts the guest is; answers when it was on more than one. */
export function watchForTwo(
  hosts: readonly LabHost[],
  instanceId: string,
  isThere: (host: LabHost, instanceId: string) => Promise<boolean>,
): { readonly stop: () => Promise<readonly string[]> } {
  const stopping = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const there = await Promise.all(hosts.map((host) => isThere(host, instanceId)));
      if (there.filter(Boolean).length > 1) seen.push(new Date().toISOString());
      await setTimeout(200, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      return seen;
    },
  };
}

/** Whether it has a QEMU there. */
export async function hasQemu(host: LabHost, instanceId: string): Promise<boolean> {
  return (await runInHost(host, ['virsh', 'list', '--uuid']).catch(() => '')).includes(instanceId);
}

/** Whether its processors run there: a guest that comes in has a QEMU, and is paused. */
export async function runsOn(host: LabHost, instanceId: string): Promise<boolean> {
  return (await runInHost(host, ['virsh', 'domstate', instanceId]).catch(() => '')).includes('running');
}

/** The boots that a guest, which is off, has noted on its disk: its base is where the host has it. */
export async function bootsOnDisk(host: LabHost, instanceId: string, format: 'qcow2' | 'raw' = 'qcow2'): Promise<readonly string[]> {
  const inside = `/var/lib/nova/instances/${instanceId}`;
  const flat = join(host.instancesDir, instanceId, 'journal.raw');
  await runInHost(host, ['qemu-img', 'convert', '-f', format, '-O', 'raw', `${inside}/disk`, `${inside}/journal.raw`]);
  const lines = await journalIn(flat);
  await rm(flat);
  return lines.flatMap((line) => line.split(' ')[1] ?? []);
}
