import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabHost, runInHost, signalProcess, spawnInHost, whenEnded } from '../lab/lab.ts';
import { startMover } from '../lab/mover.ts';
import { run } from '../lab/run.ts';
import { until } from '../lab/wait.ts';
import { accounts, sshdConfig } from '../src/activities/transfer/ssh.ts';
import type { Disk } from '../src/model/instance.ts';
import type { BenchCloud } from './bring-up.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import type { Say } from './say.ts';

const MiB = 1024 ** 2;
const instances = '/var/lib/nova/instances';

/** What is moved: the size of a raw disk, and how much of it has data. */
interface Load {
  readonly sizeMiB: number;
  readonly dataMiB: number;
}

/** The loads that count, and smaller ones that show the way. */
const allLoads: Readonly<Record<'full' | 'small', { readonly whole: Load; readonly sparse: Load }>> = {
  full: { whole: { sizeMiB: 2048, dataMiB: 2048 }, sparse: { sizeMiB: 20_480, dataMiB: 100 } },
  small: { whole: { sizeMiB: 256, dataMiB: 256 }, sparse: { sizeMiB: 4096, dataMiB: 20 } },
};

/**
 * A disk from host to host, from the request until it lies at its destination, synced and compared. A whole one is held in turns against a plain
 * `rsync` over ssh with the same cipher and `--fsync`; a sparse one against a whole one of as much data.
 */
export async function transfers(cloud: BenchCloud, rounds: number, say: Say, of: keyof typeof allLoads): Promise<Figure[]> {
  const [source, destination] = cloud.lab.hosts;
  if (source === undefined || destination === undefined) throw new Error('a transfer needs two hosts');
  await using mover = await startMover(cloud.client, cloud.addresses.outside);
  await using plain = await plainRsync(source, destination);
  const { whole, sparse } = allLoads[of];
  const samples = { whole: [] as number[], rsync: [] as number[], sparse: [] as number[], dense: [] as number[] };

  const voidBecause = await reasonToVoid(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      samples.rsync.push(await withDisk(whole, (instanceId) => timed(() => plain.copy(instanceId))));
      samples.whole.push(await withDisk(whole, moved(whole)));
      const dense = { sizeMiB: sparse.dataMiB, dataMiB: sparse.dataMiB };
      samples.dense.push(await withDisk(dense, moved(dense)));
      samples.sparse.push(await withDisk(sparse, moved(sparse)));
      const last = (kind: keyof typeof samples) => samples[kind].at(-1)?.toFixed(0);
      say(`${round}/${rounds}: whole ${last('whole')}, rsync ${last('rsync')}, sparse ${last('sparse')}, as much data ${last('dense')} ms`);
    }
  });
  const sizes = { whole: `${whole.dataMiB / 1024} GiB`, sparse: `${sparse.dataMiB} MiB in ${sparse.sizeMiB / 1024} GiB` };
  return [
    {
      name: `transfer of ${sizes.whole}`,
      unit: 'ms',
      ours: samples.whole,
      beside: { what: 'plain rsync', samples: samples.rsync },
      limit: { text: 'rsync ÷ 0.8', of: (rsync) => rsync / 0.8 },
      voidBecause,
    },
    {
      name: `transfer of ${sizes.sparse}`,
      unit: 'ms',
      ours: samples.sparse,
      beside: { what: `${sparse.dataMiB} MiB in as much`, samples: samples.dense },
      limit: { text: 'as much data × 1.2', of: (dense) => dense * 1.2 },
      voidBecause,
    },
  ];

  function moved({ sizeMiB }: Load): (instanceId: string) => Promise<number> {
    const disk: Disk = { name: 'disk', target: 'vda', kind: 'raw', format: 'raw', sizeBytes: sizeMiB * MiB, backing: null };
    const route = { source: source?.name ?? '', destination: destination?.name ?? '' };
    return (instanceId) => timed(async () => (await mover.start({ instanceId, ...route, disk, as: disk, names: [] })).result());
  }

  /** A disk of its own for each sample, of random data, so that nothing of it is known to anybody; gone afterwards at both ends. */
  async function withDisk(load: Load, work: (instanceId: string) => Promise<number>): Promise<number> {
    const instanceId = randomUUID();
    for (const host of [source, destination]) if (host !== undefined) await mkdir(join(host.instancesDir, instanceId));
    if (source !== undefined) await writeDisk(source, join(instances, instanceId, 'disk'), load);
    try {
      return await work(instanceId);
    } finally {
      for (const host of [source, destination]) {
        if (host !== undefined) await rm(join(host.instancesDir, instanceId), { recursive: true, force: true });
      }
    }
  }
}

async function writeDisk(host: LabHost, path: string, { sizeMiB, dataMiB }: Load): Promise<void> {
  await runInHost(host, ['dd', 'if=/dev/urandom', `of=${path}`, 'bs=1M', `count=${dataMiB}`, 'conv=fsync', 'status=none']);
  await runInHost(host, ['truncate', '--size', `${sizeMiB}M`, path]);
}

/** rsync as an administrator would call it, to an sshd that listens as long as this is in use. */
async function plainRsync(
  source: LabHost,
  destination: LabHost,
): Promise<AsyncDisposable & { copy: (instanceId: string) => Promise<unknown> }> {
  const directory = join(destination.runDir, 'bench-sshd');
  const inside = '/run/bench-sshd';
  await mkdir(directory, { mode: 0o700 });
  const key = join(source.runDir, 'bench-key');
  for (const file of [join(directory, 'host_key'), key]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const port = 20_900;
  const config = sshdConfig({ directory: inside, address: destination.address, port }).replace('forced-commands-only', 'prohibit-password');
  await writeFile(join(directory, 'sshd_config'), config);
  await run('cp', [`${key}.pub`, join(directory, 'authorized_keys')]);
  const { passwd, shadow } = accounts(inside);
  await writeFile(join(directory, 'passwd'), passwd);
  await writeFile(join(directory, 'shadow'), shadow, { mode: 0o600 });
  const start =
    'mount -n --bind "$0/passwd" /etc/passwd; mount -n --bind "$0/shadow" /etc/shadow; mkdir -p /run/sshd; exec /usr/sbin/sshd -D -f "$0/sshd_config"';
  const sshd = await spawnInHost(destination, ['unshare', '--mount', '--propagation=private', 'sh', '-euc', start, inside]);
  const ssh =
    'ssh -F none -p 20900 -i /run/bench-key -l root -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -c aes128-gcm@openssh.com';
  const probe = () =>
    runInHost(source, [...ssh.split(' '), destination.address, 'true']).then(
      () => true,
      () => null,
    );
  await until(probe, { what: 'the sshd of plain rsync', timeoutMs: 10_000, intervalMs: 50 });
  return {
    copy: (instanceId) => {
      const path = join(instances, instanceId, 'disk');
      return runInHost(source, ['rsync', '--inplace', '--fsync', `--rsh=${ssh}`, path, `${destination.address}:${path}`]);
    },
    [Symbol.asyncDispose]: async () => {
      signalProcess(sshd, 'SIGKILL');
      await whenEnded(sshd);
      await rm(directory, { recursive: true });
      for (const file of [key, `${key}.pub`]) await rm(file);
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
