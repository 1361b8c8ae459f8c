import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, processesOf, runInHost } from '../../lab/lab.ts';
import type { Move } from '../../lab/move.workflow.ts';
import { type Moving, startMover } from '../../lab/mover.ts';
import { until } from '../../lab/wait.ts';
import type { Disk } from '../../src/model/instance.ts';
import { findings } from '../faults/matrix.ts';
import type { OwnCloud } from './cloud-fixture.ts';

export const MiB = 1024 ** 2;
/** What no wire may show. */
export const marker = 'THIS-IS-IN-THE-CLEAR';

/** Two hosts of a cloud between which disks are moved by the frame of operations. */
export interface TransferWorld extends AsyncDisposable {
  readonly source: LabHost;
  readonly destination: LabHost;
  /** Writes an instance's files at the source: a sparse raw disk with so much in it, and a small file. */
  readonly furnish: (dataBytes: number) => Promise<string>;
  readonly start: (instanceId: string, changes?: Partial<Move>) => Promise<Moving>;
  /** The bytes of a file of the instance. */
  readonly read: (host: LabHost, instanceId: string, name: string) => Promise<Buffer>;
  /** Resolves when some of the disk has come. */
  readonly whenUnderWay: (instanceId: string) => Promise<void>;
  /** Leaves so much room for instances at the destination; null: all of it again. */
  readonly leaveRoom: (bytes: number | null) => Promise<void>;
  /** Makes the source's wire carry so much a second; null: as much as it can. */
  readonly limitWire: (mbit: number | null) => Promise<void>;
  /** Whatever is left of transfers at either end, once the instances' own files are gone: processes, ports, keys, files, findings. */
  readonly leftOvers: (...instanceIds: readonly string[]) => Promise<readonly string[]>;
}

export async function transferWorld(own: OwnCloud): Promise<TransferWorld> {
  const [source, destination] = own.cloud.lab.hosts;
  if (source === undefined || destination === undefined) throw new Error('a transfer needs two hosts');
  const mover = await startMover(own.client, own.temporalAddress);
  const at = (host: LabHost, instanceId: string, ...names: readonly string[]) => join(host.instancesDir, instanceId, ...names);

  return {
    source,
    destination,
    furnish: async (dataBytes) => {
      const instanceId = randomUUID();
      await mkdir(at(source, instanceId));
      await runInHost(source, ['truncate', '-s', '256M', join('/var/lib/nova/instances', instanceId, 'disk')]);
      const data = randomBytes(dataBytes);
      for (let place = 0; place < dataBytes; place += MiB) data.write(marker, place);
      await writeFile(at(source, instanceId, 'data'), data);
      const [from, to] = ['data', 'disk'].map((name) => join('/var/lib/nova/instances', instanceId, name));
      await runInHost(source, ['dd', `if=${from}`, `of=${to}`, 'bs=1M', 'seek=100', 'conv=notrunc', 'status=none']);
      await rm(at(source, instanceId, 'data'));
      await writeFile(at(source, instanceId, 'nvram'), marker.repeat(1000));
      return instanceId;
    },
    start: (instanceId, changes = {}) =>
      mover.start({ instanceId, source: source.name, destination: destination.name, disk, as: disk, names: ['nvram'], ...changes }),
    read: (host, instanceId, name) => readFile(at(host, instanceId, name)),
    whenUnderWay: async (instanceId) => {
      const partial = at(destination, instanceId, 'disk.partial');
      const some = async () => ((await stat(partial).catch(() => null))?.blocks ?? 0) > 0 || null;
      await until(some, { what: `some of ${partial}`, timeoutMs: 30_000, intervalMs: 20 });
    },
    leaveRoom: async (bytes) => {
      const filler = '/var/lib/nova/instances/filler';
      if (bytes === null) return void (await runInHost(destination, ['rm', filler]));
      const { bavail, bsize } = await statfs(destination.instancesDir);
      await runInHost(destination, ['fallocate', '--length', `${bavail * bsize - bytes}`, filler]);
    },
    limitWire: async (mbit) => {
      const how =
        mbit === null
          ? ['del', 'dev', 'eth0', 'root']
          : ['replace', 'dev', 'eth0', 'root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '128k', 'latency', '400ms'];
      await runInHost(source, ['tc', 'qdisc', ...how]);
    },
    leftOvers: async (...instanceIds) => {
      const found: string[] = [];
      for (const host of [source, destination]) {
        for (const instanceId of instanceIds) {
          const files = await readdir(at(host, instanceId)).catch(() => []);
          found.push(...files.filter((name) => name.endsWith('.partial') || name.startsWith('.')).map((name) => `${host.name}: ${name}`));
          await rm(at(host, instanceId), { recursive: true, force: true });
        }
        const processes = await processesOf(host);
        const ours = processes.filter(({ command }) => /^(\S*\/)?(qemu-nbd|qemu-img|sshd|ssh|rsync|unshare|tar)\b/.test(command));
        found.push(...ours.map(({ command }) => `${host.name}: ${command}`));
        const ports = await runInHost(host, ['ss', '-Hltn', 'sport >= :20001 and sport <= :20512']);
        found.push(
          ...ports
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => `${host.name}: ${line}`),
        );
        const notes = await readdir(join(host.runDir, 'novaflow/transfers'), { recursive: true }).catch(() => []);
        found.push(...notes.map((name) => `${host.name}: ${name}`));
      }
      return [...found, ...(await findings(own)).map(({ what }) => what)];
    },
    [Symbol.asyncDispose]: () => mover[Symbol.asyncDispose](),
  };
}

const disk: Disk = { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: 256 * MiB, backing: null };
