import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { diskBackends } from '../../../src/activities/disks/backends.ts';
import { holdingIn } from '../../../src/activities/holding.ts';
import { kill, processOf } from '../../../src/activities/processes.ts';
import { type TransferActivities, type TransferLongActivities, transferActivities } from '../../../src/activities/transfer.ts';
import type { Config } from '../../../src/config.ts';
import type { Disk } from '../../../src/model/instance.ts';
import type { Token } from '../../../src/model/tenure.ts';
import { pki } from '../../../src/pki/pki.ts';
import { ownDirectory } from '../surroundings.ts';

/** An end of a transfer: its activities, over directories of its own, at 127.0.0.1. */
export interface End extends TransferActivities, TransferLongActivities {
  readonly name: string;
  /** The instance's directory. */
  readonly at: (name: string) => string;
  readonly runDir: string;
  /** Processes that have this end's own paths among their arguments. */
  readonly processes: () => Promise<readonly number[]>;
  /** What is there while a transfer goes on, and nothing otherwise. */
  readonly traces: () => Promise<readonly string[]>;
}

export const instanceId = '0c9f7cc7-7c2d-4b8e-9a10-3f0d9f3f5a11';
export const token: Token = { run: 'run-1', generation: 7 };

const names = ['source', 'destination', 'stranger'] as const;
let certificates: string;

beforeAll(async () => {
  certificates = await mkdtemp(join(tmpdir(), 'novaflow-certificates-'));
  const directory = join(certificates, 'authority');
  await pki.init({ directory, days: 2 });
  const issue = (host: string) =>
    pki.issue({ directory, host, addresses: ['127.0.0.1'], days: 1, out: join(certificates, host), group: null });
  await Promise.all(names.map(issue));
});
afterAll(() => rm(certificates, { recursive: true }));

/** A source, a destination and a stranger, who have certificates of one authority and share the machine's own address. */
export async function ends(settings: { transferSilenceSeconds?: number } = {}): Promise<Record<(typeof names)[number], End>> {
  const directory = await ownDirectory();
  const end = (name: string): End => {
    const out = join(directory, name);
    cpSync(join(certificates, name), out, { recursive: true });
    const runDir = join(out, 'run');
    const instances = join(out, 'instances');
    mkdirSync(join(instances, instanceId), { recursive: true });
    const config = {
      instancesDir: instances,
      isolate: { devices: [] },
      lvm: { volumeGroup: null, thinPool: null },
      host: { name, address: '127.0.0.1' },
      transferPorts: { first: 23_000, last: 23_999 },
      transferSilenceSeconds: 60,
      pkiDir: join(out, 'etc/pki'),
      runDir,
      ...settings,
    };
    const settled = config as unknown as Config;
    const { arrivals, devices } = diskBackends(settled);
    const activities = transferActivities(holdingIn(instances), { ...arrivals, ...devices }, settled);
    return {
      name,
      at: (file) => join(instances, instanceId, file),
      runDir,
      processes: async () => {
        const pids = (await readdir('/proc')).filter((pid) => /^\d+$/.test(pid));
        const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
        return pids.flatMap((pid, index) => (commands[index]?.includes(`${out}/`) ? [Number(pid)] : []));
      },
      traces: async () => [
        ...(await readdir(runDir, { recursive: true }).catch(() => [])).filter((file) => file !== 'transfers'),
        ...(await readdir(join(instances, instanceId))).filter(
          (file) => !['lock', 'generation'].includes(file) && !/^disk[.a-z]*$/.test(file),
        ),
        ...(await readdir(join(instances, instanceId))).filter((file) => file.endsWith('.partial')),
      ],
      ...activities.quick,
      ...activities.long,
    };
  };
  const all = { source: end('source'), destination: end('destination'), stranger: end('stranger') };
  // What outlives its worker outlives a test that fails, too.
  onTestFinished(async () => {
    for (const { processes } of Object.values(all)) {
      for (const pid of await processes()) {
        const left = await processOf(pid);
        if (left !== null) await kill(left);
      }
    }
  });
  return all;
}

/** A disk of an instance, as its record has it. */
export function disk(changes: Partial<Disk> = {}): Disk {
  return { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: 64 * 1024 ** 2, backing: null, ...changes };
}

/** Runs a command of QEMU's and gives what it prints. */
export function qemu(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
