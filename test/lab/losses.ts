import { statfs } from 'node:fs/promises';
import { cutApart, type LabHost, loseHost, rejoin, returnHost, runInHost, signalProcess } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { OwnCloud } from './cloud-fixture.ts';

const filler = '/var/lib/nova/instances/filler';
const restBytes = 32 * 1024 ** 2;

/** Leaves no byte for instances on a host whose instances have a file system of their own. */
export async function fillDisk(host: LabHost): Promise<void> {
  const { bavail, bsize } = await statfs(host.instancesDir);
  await runInHost(host, ['fallocate', '--length', `${bavail * bsize - restBytes}`, filler]);
  // What the file system needs for the file itself is known to nobody before: written to its end, it has no byte left.
  await runInHost(host, ['dd', 'if=/dev/zero', `of=${filler}.rest`, 'bs=64K', 'status=none']).catch(() => undefined);
  await runInHost(host, ['sync', '--file-system', filler]);
}

/** Gives it all back. */
export async function emptyDisk(host: LabHost): Promise<void> {
  await runInHost(host, ['rm', '--force', filler, `${filler}.rest`]);
}

/** Has a host fall silent at once, as when its power is off: its connections are not ended, and whoever waits for it waits. */
export async function fallSilent(host: LabHost, other: LabHost): Promise<void> {
  await cutApart(other, host);
  await loseHost(host);
}

/** Boots it again, and resolves when its worker has paid what it owes. */
export async function comeBack(own: OwnCloud, host: LabHost, other: LabHost): Promise<void> {
  await rejoin(other);
  await returnHost(host);
  await own.startCompute(host.name);
  await until(async () => ((await hostRecord(own, host)).debts.length === 0 ? true : null), {
    what: `${host.name} to pay`,
    timeoutMs: 90_000,
    intervalMs: 50,
  });
}

/** Freezes the compute worker of a host until its record says that the host is down; what is returned lets it go on. */
export async function freezeWorker(own: OwnCloud, host: LabHost): Promise<() => void> {
  const worker = own.workers.compute.get(host.name);
  if (worker === undefined) throw new Error(`no worker on ${host.name}`);
  signalProcess(worker, 'SIGSTOP');
  await whenHostIs(own, host, 'down');
  return () => void signalProcess(worker, 'SIGCONT');
}

/** Resolves when the record of the host says so. */
export async function whenHostIs(own: OwnCloud, host: LabHost, state: Host['state']): Promise<void> {
  await until(async () => ((await hostRecord(own, host)).state === state ? true : null), {
    what: `${host.name} to be ${state}`,
    timeoutMs: 60_000,
    intervalMs: 50,
  });
}

function hostRecord({ client }: OwnCloud, { name }: LabHost): Promise<Host> {
  return client.workflow.getHandle(`host/${name}`).query<Host>('record');
}
